"""The client turns every answer of the HTTP interface into our types or our errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from infra.errors import BadEvent, Denied, NotFound, SegueError, ServiceError, TooOften
from infra.events import PlayEvent
from infra.models import TrackId, UserId
from ui.client import Client

EVENT = PlayEvent(
    event_id=uuid.UUID(int=7),
    user=UserId("me"),
    track=TrackId("a" * 32),
    kind="skipped",
    position_ms=1200,
    duration_ms=316000,
    at=datetime(2026, 11, 22, 11, tzinfo=UTC),
)


def answering(answer: Callable[[httpx.Request], httpx.Response], token: str | None = None) -> Client:
    pool = httpx.Client(transport=httpx.MockTransport(answer))
    return Client("http://segue.test:8000/", token, pool=pool)


def problem(status: int, detail: str) -> Client:
    return answering(lambda _: httpx.Response(status, json={"title": "no", "status": status, "detail": detail}))


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (401, Denied),
        (403, Denied),
        (404, NotFound),
        (400, SegueError),
        (429, TooOften),
        (500, ServiceError),
        (503, ServiceError),
    ],
)
def test_problem_details_become_the_error_with_the_services_words(status: int, raised: type[SegueError]):
    with pytest.raises(raised, match="because of the weather") as caught:
        problem(status, "because of the weather").models()
    assert type(caught.value) is raised


def test_a_refused_play_is_a_bad_event():
    body = {"detail": "not a kind", "event": 0, "field": "kind"}
    with pytest.raises(BadEvent, match=r"0\.kind: not a kind"):
        answering(lambda _: httpx.Response(422, json=body)).post_plays([EVENT])


def test_an_answer_without_problem_details_names_the_call():
    client = answering(lambda _: httpx.Response(502, text="<html>bad gateway</html>"))
    with pytest.raises(ServiceError, match="HTTP 502 from GET /models"):
        client.models()


def test_nobody_there_says_how_to_start():
    with Client("http://127.0.0.1:1") as client, pytest.raises(ServiceError, match="segue up"):
        client.models()


def test_no_answer_in_time_names_the_call():
    def slow(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    with pytest.raises(ServiceError, match=r"in time \(GET /models\)"):
        answering(slow).models()


def test_another_server_on_the_port_is_noticed():
    client = answering(lambda _: httpx.Response(200, json={"hello": "world"}))
    with pytest.raises(ServiceError, match="another server"):
        client.models()


def test_only_what_is_given_is_asked_and_new_fields_do_no_harm():
    seen: list[httpx.Request] = []

    def told(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"items": [EVENT.model_dump(mode="json")], "cursor": "2", "total": 9})

    page = answering(told).history(UserId("me"), limit=1)
    assert dict(seen[0].url.params) == {"limit": "1"}
    assert (page.items, page.cursor) == ((EVENT,), "2")


def test_plays_travel_as_the_contract_has_them():
    seen: list[httpx.Request] = []

    def accept(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"accepted": 1})

    assert answering(accept).post_plays([EVENT]) == 1
    assert [PlayEvent.model_validate(event) for event in json.loads(seen[0].content)] == [EVENT]


def test_the_token_travels_and_can_be_changed_without_a_new_connection():
    seen: list[str | None] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={"items": []})

    client = answering(note, token="first")  # noqa: S106
    client.models()
    client.with_token("second").models()
    client.with_token(None).models()
    assert seen == ["Bearer first", "Bearer second", None]


def test_a_name_stays_one_segment_of_the_path():
    seen: list[bytes] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={"items": []})

    answering(note).history(UserId("a/b?c"))
    assert seen == [b"/users/a%2Fb%3Fc/history?limit=50"]
