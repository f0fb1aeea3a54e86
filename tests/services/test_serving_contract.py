"""Whatever is asked, the answer is one that the OpenAPI document knows, never a 500, and the service goes on."""

from __future__ import annotations

import json
import random
import socket
import string
from collections.abc import Iterator
from typing import Any

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

from infra.services import Services
from infra.settings import Settings
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


def test_ten_thousand_malformed_requests_and_events_leave_it_serving(service: Service):
    chance = random.Random(SEED)
    good = play("Anchor", user="fuzzed").model_dump(mode="json")
    sender = Producer({"bootstrap.servers": service.bus.bootstrap})
    statuses: set[int] = set()
    with httpx.Client(base_url=service.http.base_url, timeout=20, trust_env=False) as client:
        for number in range(MALFORMED):
            if number % 2:
                sender.produce(service.bus.plays, key="fuzzed", value=_damaged(good, chance), partition=number % 8)
                sender.poll(0)
            elif number % 50:
                statuses.add(client.post("/plays", content=_damaged(good, chance)).status_code)
            else:
                _shout(client.base_url.port or 80, chance)
    assert sender.flush(30) == 0
    assert 422 in statuses
    assert statuses <= {202, 422}
    until(lambda: service.http.get("/health").json()["lag"]["live"] == 0)
    event = play("Anchor", user="fuzzed")
    assert service.post(event).status_code == 202
    assert service.recommendations("fuzzed")["as_of"] == str(event.event_id)
    assert service.http.get(service.audio()).status_code == 200


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
