from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from socket import gethostname
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Query, Request, Response
from starlette.types import Message

from infra.errors import BadEvent, BusError, NotFound, SettingsError, StoreError
from infra.models import UserId
from infra.settings import Settings
from infra.store import Account
from serving.http import bodies
from serving.http.auth import Access, check_exposure, is_loopback
from serving.http.border import Border
from serving.http.hosts import Hosts
from serving.http.problems import ProblemError, answer_problems
from serving.metrics import Metrics, merged
from serving.plays import posted_events
from tests.data.records import play

FAULTS = {
    "not-found": NotFound("no such track"),
    "kafka": BusError("Kafka at 10.0.0.1:9092 did not acknowledge"),
    "mongo": StoreError("MongoDB at mongodb://secret@10.0.0.1 does not answer"),
    "event": BadEvent("kind", "not a kind"),
    "unexpected": RuntimeError("/home/somebody/secret.py"),
}


class Accounts:
    """Accounts in memory, token by name; one called "admin" is one."""

    def __init__(self, **tokens: str) -> None:
        self.tokens = tokens
        self.away = False

    def names(self) -> list[UserId]:
        if self.away:
            raise StoreError("away")
        return [UserId(name) for name in self.tokens]

    def owner(self, token: str) -> Account | None:
        if self.away:
            raise StoreError("away")
        named = next((name for name, own in self.tokens.items() if own == token), None)
        return Account(UserId(named), admin=named == "admin") if named else None


def application(accounts: Accounts, **settings: str) -> tuple[Border, Metrics]:
    app, access, metrics = FastAPI(), Access(accounts), Metrics("test")

    @app.get("/fault/{name}")
    async def fault(name: str) -> None:
        raise FAULTS[name]

    @app.get("/number")
    async def number(n: Annotated[int, Query(ge=1)]) -> int:
        return n

    @app.get("/users/{user}", dependencies=[Depends(access.listener)])
    async def listener(user: str) -> str:
        return user

    @app.delete("/users/{user}", dependencies=[Depends(access.owner_or_admin)])
    async def forget(user: str) -> str:
        return user

    @app.get("/metrics", dependencies=[Depends(access.admin)])
    async def numbers() -> str:
        return "numbers"

    @app.get("/audio", dependencies=[Depends(access.player)])
    async def audio() -> str:
        return "sound"

    @app.post("/plays", dependencies=[Depends(access.listener)])
    async def plays(request: Request) -> Response:
        return Response(str(len(await posted_events(request, request.state.caller))))

    @app.post("/json")
    async def read(one: dict[str, int]) -> int:
        return len(one)

    answer_problems(app)
    return Border(app, metrics, Hosts(Settings.load(**settings))), metrics


def call(
    method: str,
    path: str,
    *,
    accounts: Accounts | None = None,
    host: str = "127.0.0.1:8000",
    peer: str = "127.0.0.1",
    settings: dict[str, str] | None = None,
    **options: Any,
) -> httpx.Response:
    border, _ = application(accounts or Accounts(), **settings or {})

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=border, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **options)

    return asyncio.run(ask())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/fault/not-found", 404),
        ("/fault/kafka", 503),
        ("/fault/mongo", 503),
        ("/fault/event", 422),
        ("/fault/unexpected", 500),
        ("/number?n=0", 422),
        ("/number", 422),
        ("/nowhere", 404),
    ],
)
def test_every_error_is_a_problem_that_tells_no_secret(path: str, status: int):
    answer = call("GET", path, headers={"X-Request-ID": "this-one"})
    problem = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert problem["status"] == status
    assert problem["request_id"] == "this-one"
    assert not any(secret in answer.text for secret in ("10.0.0.1", "secret", "Traceback"))


def test_the_field_at_fault_is_named():
    assert call("GET", "/number?n=x").json()["field"] == "n"
    assert call("GET", "/fault/event").json()["field"] == "kind"


def test_a_part_that_is_away_says_when_to_come_back():
    assert call("GET", "/fault/kafka").headers["retry-after"] == "2"


def test_the_wrong_method_is_a_problem_that_names_the_right_one():
    answer = call("DELETE", "/number")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["status"] == 405


def test_answers_that_are_being_sent_are_counted_until_they_are_sent_or_the_client_leaves():
    border, metrics = application(Accounts())
    open_ones = 'segue_http_answers_open{application="test",replica="",route="/number"}'

    async def leave(message: Message) -> None:
        if message["type"] == "http.response.body":
            assert f"{open_ones} 1.0" in metrics.text()
            raise OSError("the client has left")

    async def nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/number",
        "query_string": b"n=1",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
    }
    asyncio.run(border(scope, nothing, leave))
    assert f"{open_ones} 0.0" in metrics.text()


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_body_that_nobody_reads_is_refused(method: str):
    assert call(method, "/number?n=1", content=b"x").status_code == 413
    assert call(method, "/number?n=1", headers={"Transfer-Encoding": "chunked"}).status_code == 413


def test_a_client_s_request_id_is_kept_when_it_is_one():
    assert call("GET", "/nowhere", headers={"X-Request-ID": "abc-1"}).json()["request_id"] == "abc-1"
    assert "a b" not in call("GET", "/nowhere", headers={"X-Request-ID": "a b"}).json()["request_id"]


def test_answers_carry_the_security_headers_and_open_nothing_to_other_sites():
    headers = call("GET", "/number?n=1", headers={"Origin": "http://evil.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_this_machine_s_own_names_are_let_in(host: str):
    assert call("GET", "/number?n=1", host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example"])
def test_another_name_for_this_machine_is_refused(host: str):
    assert call("GET", "/number?n=1", host=host).status_code == 421
    assert call("GET", "/number?n=1", host=host, settings={"hosts": "evil.example"}).status_code == 421


EXPOSED = {"host": "0.0.0.0", "hosts": "music.example, Nas"}


@pytest.mark.parametrize(
    "host", ["192.168.1.7:8000", "[fd00::1]:8000", "localhost", "music.example", "NAS:8000", f"{gethostname()}.local"]
)
def test_where_others_may_call_addresses_and_listed_names_are_answered(host: str):
    assert call("GET", "/number?n=1", host=host, peer="192.168.1.9", settings=EXPOSED).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "nas.evil.example", "192.168.1.7.evil.example", "[::1", ""])
def test_where_others_may_call_any_other_name_is_refused(host: str):
    answer = call("GET", "/number?n=1", headers={"Host": host}, peer="192.168.1.9", settings=EXPOSED)
    assert (answer.status_code, answer.json()["status"]) == (421, 421)


def test_another_machine_is_refused_while_only_this_one_is_meant():
    assert call("GET", "/number?n=1", peer="192.168.1.7").status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://127.0.0.1:7860"}, 200),
        ({"Origin": "http://localhost:7860"}, 200),
        ({}, 200),
    ],
)
def test_pages_of_other_sites_cannot_post(headers: dict[str, str], status: int):
    assert call("POST", "/plays", content="[]", headers=headers).status_code == status


def test_without_accounts_everybody_is_who_they_say():
    assert call("GET", "/users/me").json() == "me"


def test_with_accounts_a_token_is_needed_and_good_for_its_own_listener():
    accounts = Accounts(ann="t-ann", bob="t-bob")
    refused = call("GET", "/users/ann", accounts=accounts)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="segue"')
    assert call("GET", "/users/ann", accounts=accounts, headers=bearer("wrong")).status_code == 401
    assert call("GET", "/users/ann", accounts=accounts, headers=bearer("t-bob")).status_code == 403
    assert call("GET", "/users/ann", accounts=accounts, headers=bearer("t-ann")).status_code == 200


def test_an_admin_reads_the_numbers_and_has_listeners_forgotten_and_no_more():
    accounts = Accounts(ann="t-ann", admin="t-admin")

    def status(method: str, path: str, token: str) -> int:
        return call(method, path, accounts=accounts, headers=bearer(token)).status_code

    assert [status("GET", "/metrics", token) for token in ("t-admin", "t-ann", "guess")] == [200, 403, 401]
    assert [status("DELETE", "/users/ann", token) for token in ("t-admin", "t-ann", "guess")] == [200, 200, 401]
    assert [status("DELETE", "/users/admin", token) for token in ("t-admin", "t-ann")] == [200, 403]
    assert status("GET", "/users/ann", "t-admin") == 403
    events = [json.loads(play("one", user="ann").model_dump_json())]
    posted = call("POST", "/plays", accounts=accounts, headers=bearer("t-admin"), json=events)
    assert posted.status_code == 403


def test_without_accounts_there_is_nobody_to_be_an_admin():
    assert call("GET", "/metrics").status_code == 200
    assert call("DELETE", "/users/ann").status_code == 200


def test_only_media_take_the_token_from_the_address():
    accounts = Accounts(ann="t-ann")
    assert call("GET", "/audio?token=t-ann", accounts=accounts).status_code == 200
    assert call("GET", "/audio", accounts=accounts).status_code == 401
    assert call("GET", "/users/ann?token=t-ann", accounts=accounts).status_code == 401


def test_without_any_account_only_this_machine_is_let_in():
    async def enter(*, exposed: bool) -> None:
        request = Request({"type": "http", "headers": [], "query_string": b"", "path_params": {}, "state": {}})
        await Access(Accounts(), exposed=exposed)._admit(request, None)

    asyncio.run(enter(exposed=False))
    with pytest.raises(ProblemError) as refused:
        asyncio.run(enter(exposed=True))
    assert refused.value.status == 401


def test_plays_of_another_listener_are_refused_by_place():
    events = [json.loads(play("one", user=user).model_dump_json()) for user in ("ann", "bob")]
    answer = call("POST", "/plays", accounts=Accounts(ann="t-ann"), json=events, headers=bearer("t-ann"))
    assert (answer.status_code, answer.json()["event"], answer.json()["field"]) == (403, 1, "user")


def test_accounts_stay_as_they_were_last_seen_while_mongodb_is_away():
    accounts = Accounts(ann="t-ann")
    access = Access(accounts)

    async def enter(token: str | None) -> UserId | None:
        request = Request({"type": "http", "headers": [], "query_string": b"", "path_params": {}, "state": {}})
        await access._admit(request, token)
        caller: UserId | None = request.state.caller
        return caller

    async def go() -> None:
        assert await enter("t-ann") == "ann"
        accounts.away = True
        access._has_accounts_until = 0.001
        assert await enter("t-ann") == "ann"

    asyncio.run(go())


def event(**changes: object) -> dict[str, object]:
    valid: dict[str, object] = json.loads(play("one").model_dump_json())
    return valid | changes


@pytest.mark.parametrize(
    ("body", "place", "field"),
    [
        ([event(), event(kind="hummed")], 1, "kind"),
        ([event(), event(), event(user="")], 2, "user"),
        (event(position_ms=-1), 0, "position_ms"),
        (event(extra=1), 0, "extra"),
        ([event(), 7], 1, "event"),
        ({}, 0, "event_id"),
    ],
)
def test_an_event_at_fault_is_named_by_place_and_field(body: object, place: int, field: str):
    answer = call("POST", "/plays", json=body)
    assert answer.status_code == 422
    assert (answer.json()["event"], answer.json()["field"]) == (place, field)


@pytest.mark.parametrize("body", [b"", b"{", b"[", b"\xff", b"null"])
def test_a_body_that_is_no_event_is_refused(body: bytes):
    answer = call("POST", "/plays", content=body)
    assert answer.status_code == 422
    assert answer.json()["field"] in {"body", "event"}


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body whose length nobody is told."""
    for _ in range(size // 1000):
        yield b" " * 1000


@pytest.mark.parametrize("path", ["/plays", "/json"])
def test_bodies_are_bounded_whether_their_length_is_told_or_not(path: str):
    for body in (b" " * 1_000_001, pieces(1_001_000)):
        answer = call("POST", path, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (413, 413)
    assert call("POST", path, content=pieces(1_000_000)).status_code == 422


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "WHOLE_WITHIN_S", 0.2)

    async def slow() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(5)
        yield b"]"

    answer = call("POST", "/plays", content=slow())
    assert (answer.status_code, answer.json()["status"]) == (408, 408)


def test_a_body_full_of_faults_is_answered_with_the_first():
    answer = call("POST", "/plays", content=json.dumps([{}] * 200_000))
    assert (answer.status_code, answer.json()["event"], answer.json()["field"]) == (422, 0, "event_id")


def test_lists_are_bounded():
    assert call("POST", "/plays", json=[event(event_id=str(uuid.uuid4()))] * 1000).status_code == 200
    assert call("POST", "/plays", json=[event()] * 1001).status_code == 422


def test_an_address_for_others_needs_an_account():
    with pytest.raises(SettingsError, match="segue user add NAME"):
        check_exposure(Settings.load(host="192.168.1.7"), Accounts())
    check_exposure(Settings.load(host="192.168.1.7"), Accounts(ann="t-ann"))
    check_exposure(Settings.load(host="127.0.0.1"), Accounts())


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("192.168.1.7", False), ("::", False), ("nas", False)],
)
def test_loopback_is_told_from_the_rest(host: str, loopback: bool):
    assert is_loopback(host) is loopback


def test_numbers_of_several_applications_are_one_exposition():
    first, second = Metrics("library"), Metrics("recommender")
    first.answered("GET", "/tracks", 200, 0.01)
    second.answered("GET", "/users/{user}/recommendations", 200, 0.002)
    first.gauge("segue_tracks", "Tracks", lambda: 3)
    text = merged(first.text(), second.text())
    assert text.count("# TYPE segue_http_requests_total counter") == 1
    assert (
        'segue_http_requests_total{application="library",method="GET",replica="",route="/tracks",status="200"} 1.0'
        in text
    )
    assert 'application="recommender"' in text
    assert 'segue_tracks{application="library",replica=""} 3.0' in text


def test_requests_are_counted_by_route_not_by_id():
    border, metrics = application(Accounts())

    async def ask() -> None:
        transport = httpx.ASGITransport(app=border, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for user in ("ann", "bob"):
                await client.get(f"/users/{user}")
            await client.get("/nowhere")

    asyncio.run(ask())
    assert 'route="/users/{user}",status="200"} 2.0' in metrics.text()
    assert 'route="none",status="404"} 1.0' in metrics.text()
