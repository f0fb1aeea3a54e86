"""Whatever is asked, the answer is one that the OpenAPI document knows, never a 500, and the service goes on."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from confluent_kafka import Producer
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.bus import DeadLetters
from infra.services import Services
from infra.settings import Settings, child_environment
from tests.data.deployed import Service, small_service, until
from tests.data.records import play

EXAMPLES = 60
"""Requests that are made up for each operation."""
MALFORMED = 10_000
SEED = 7


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with small_service(services, installation, tmp_path_factory.mktemp("music")) as opened:
        yield opened


def test_made_up_requests_are_answered_as_the_document_says(service: Service):
    document = service.http.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 10
    for operation in operations:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(base_url=str(service.http.base_url), timeout=20)
            case.validate_response(answer, checks=checks)

        ask()


def test_ten_thousand_malformed_requests_and_as_many_events_leave_it_serving(service: Service):
    chance = random.Random(SEED)
    good = play("Anchor", user="fuzzed").model_dump(mode="json")
    routes = [(m, path) for path, item in service.http.get("/openapi.json").json()["paths"].items() for m in item]
    sender = Producer({"bootstrap.servers": service.bus.bootstrap})
    answers: Counter[int] = Counter()
    secret = str(service.settings.home).encode(), str(service.media["Anchor"].parent).encode()
    with (
        durable_reader(service),
        httpx.Client(base_url=service.http.base_url, timeout=20, trust_env=False) as client,
    ):
        for number in range(MALFORMED):
            sender.produce(service.bus.plays, key="fuzzed", value=_damaged(good, chance), partition=number % 8)
            sender.poll(0)
            if number % 50 == 0:
                _shout(client.base_url.port or 80, chance)
                continue
            if number % 2:
                answer = client.post("/plays", content=_damaged(good, chance))
                assert answer.status_code in {202, 422}
            else:
                answer = client.send(_odd(client, *chance.choice(routes), chance))
                assert answer.status_code < 500 or "retry-after" in answer.headers, (answer.request.url, answer.text)
            answers[answer.status_code] += 1
            assert not [one for one in secret if one in answer.content or one in str(answer.headers).encode()]
        assert sender.flush(30) == 0
        assert answers[422] > MALFORMED / 4
        assert answers.keys() >= {202, 404, 422}
        until(lambda: service.http.get("/health").json()["lag"] == {"live": 0, "durable": 0}, 240)
        event = play("Anchor", user="fuzzed")
        assert service.post(event).status_code == 202
        assert service.recommendations("fuzzed")["as_of"] == str(event.event_id)
        until(lambda: str(event.event_id) in service.http.get("/users/fuzzed/history").text)
    assert service.http.get(service.audio()).status_code == 200
    with contextlib.closing(DeadLetters(service.bus)) as dead:
        letters = dead.waiting()
    assert len(letters) > MALFORMED / 4
    assert all(letter.reason for letter in letters)


@contextmanager
def durable_reader(service: Service) -> Iterator[None]:
    """The process that brings plays to MongoDB; it must not end before it is told to."""
    given = child_environment(**service.settings.environment())
    log = service.settings.home / "fuzzed-plays.log"
    with log.open("wb") as told:
        reader = subprocess.Popen([sys.executable, "-m", "etl.plays"], env=given, stderr=told)
    try:
        yield
        assert reader.poll() is None, log.read_text()[-4000:]
    finally:
        reader.terminate()
        reader.wait(60)


def _odd(client: httpx.Client, method: str, path: str, chance: random.Random) -> httpx.Request:
    """A request to a route that there is, with what nobody should send in its path, query, headers and body."""
    odd = [
        "",
        ".",
        "..",
        "%2F",
        "%00",
        "%ff",
        "*",
        "{$gt:1}",
        "é" * 50,
        "a" * 300,
        "-1",
        "1e400",
        "null",
        "[]",
        "$where",
    ]
    filled = re.sub(r"{\w+}", lambda _: quote(chance.choice(odd), safe="%"), path)
    names = ["q", "n", "limit", "cursor", "seed", "artist", "order", "ids", "format", "bitrate", "offset", "year", "tz"]
    query = {chance.choice(names): chance.choice(odd) for _ in range(chance.randrange(4))}
    sent = {"Range": f"bytes={chance.choice(odd)}-", "If-None-Match": chance.choice(odd), "X-Request-ID": "x" * 99}
    headers = {name: value.encode() for name, value in sent.items() if chance.random() < 0.3}
    body = chance.randbytes(chance.randrange(200)) if method in {"post", "put", "patch"} else None
    return client.build_request(method.upper(), filled, params=query, headers=headers, content=body)


def _damaged(event: dict[str, Any], chance: random.Random) -> bytes:
    """An event with something wrong: in a field, in its form, or in its bytes."""
    odd: list[Any] = [None, -1, 1e400, 2**70, "", "\x00", "a/b", {"$gt": ""}, [[]], True, "9" * 5000, "\ud800"]
    kind = chance.randrange(4)
    if kind == 0:
        changed = json.dumps({**event, chance.choice(list(event)): chance.choice(odd)})
        return changed.encode(errors="surrogatepass")
    if kind == 1:
        return b"[" * chance.randrange(1, 5000) + json.dumps(event).encode()
    if kind == 2:
        whole = bytearray(json.dumps(event).encode())
        for _ in range(chance.randrange(1, 6)):
            whole[chance.randrange(len(whole))] = chance.randrange(256)
        return bytes(whole)
    return chance.randbytes(chance.randrange(400))


def _shout(port: int, chance: random.Random) -> None:
    """Bytes that are hardly HTTP; nobody has to answer them."""
    path = "".join(chance.choices(string.printable, k=chance.randrange(1, 200)))
    head = f"{chance.choice(['GET', 'POST', 'FOO', ''])} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head.encode() + chance.randbytes(50) + b"\r\n\r\n")
        connection.settimeout(2)
        try:
            while connection.recv(4096):
                pass
        except (TimeoutError, ConnectionError):
            return
