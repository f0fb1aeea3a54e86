"""Once there are accounts, every route of the OpenAPI document is closed: to strangers, and to who asks for another's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from infra.models import UserId
from infra.services import Services
from infra.settings import Settings
from tests.data.deployed import Service, small_service, until
from tests.data.records import play, track_id

ANN, BOB, ROOT = UserId("ann"), UserId("bob"), UserId("root")
OPEN = {("get", "/health"), ("post", "/sign-in")}
"""What needs no token."""
BY_ADMINS = {("delete", "/users/{user}")}
"""What an admin may do to another."""
METHODS = {"get", "post", "put", "patch", "delete", "head"}


class Call(NamedTuple):
    """One operation of the document."""

    method: str
    path: str

    def of(self, user: str) -> str:
        """The path for a listener; other parts of it name something that there is."""
        named = {"user": user, "track_id": track_id("Anchor")}
        return re.sub(r"{(\w+)}", lambda part: named.get(part[1], track_id("Anchor")), self.path)


class Closed(NamedTuple):
    """The service with three accounts, one of them an admin's, and a play of the listener whom nobody else may read."""

    service: Service
    tokens: dict[UserId, str]
    calls: list[Call]

    def status(self, call: Call, user: str, token: str | None) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {} if call.method in {"get", "head", "delete"} else {"json": {}}
        return self.service.http.request(call.method, call.of(user), headers=headers, **body).status_code


@pytest.fixture(scope="module")
def closed(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    with small_service(services, installation, tmp_path_factory.mktemp("music")) as service:
        service.store.plays.append([play("Anchor", user=BOB)])
        document = service.http.get("/openapi.json").json()
        calls = [Call(method, path) for path, item in document["paths"].items() for method in item if method in METHODS]
        users = service.store.users
        for name in (ANN, BOB, ROOT):
            users.add(name, admin=name == ROOT)
        tokens = {name: users.token(name) for name in (ANN, BOB, ROOT)}
        doors = ("/users/ann/recommendations", "/tracks")
        until(lambda: all(service.http.get(door).status_code == 401 for door in doors), 10)
        yield Closed(service, tokens, calls)


def test_no_route_but_the_open_ones_answers_without_a_token(closed: Closed):
    assert len(closed.calls) > 10
    for token in (None, "guess"):
        answered = {call: closed.status(call, ANN, token) for call in closed.calls if call not in OPEN}
        assert set(answered.values()) == {401}, answered
    for path in ("/docs", "/openapi.json"):
        assert closed.service.http.get(path).status_code == 401


def test_no_route_of_a_listener_answers_another_whatever_the_method(closed: Closed):
    own = [call for call in closed.calls if "{user}" in call.path]
    assert len(own) >= 3
    answered = {call: closed.status(call, BOB, closed.tokens[ANN]) for call in own}
    assert set(answered.values()) == {403}, answered
    by_admin = {call: closed.status(call, BOB, closed.tokens[ROOT]) for call in own if call not in BY_ADMINS}
    assert set(by_admin.values()) == {403}, by_admin
    # Nothing was written or removed by all this.
    history = closed.service.http.get(
        f"/users/{BOB}/history", headers={"Authorization": f"Bearer {closed.tokens[BOB]}"}
    ).json()
    assert [item["track"] for item in history["items"]] == [track_id("Anchor")]


def test_a_name_spelt_otherwise_is_another_listener_and_no_way_in(closed: Closed):
    (recommendations,) = (
        call for call in closed.calls if call.path.endswith("/recommendations") and call.method == "get"
    )
    for spelt in ("BOB", "b%6Fb", "bob%20", "ann%2F..%2Fbob", "ann/../bob", "./bob"):
        assert closed.status(recommendations, spelt, closed.tokens[ANN]) in {403, 404}
    assert closed.status(recommendations, "a%6En", closed.tokens[ANN]) == 200


def test_plays_of_another_are_refused_and_the_own_ones_taken(closed: Closed):
    signed = {"Authorization": f"Bearer {closed.tokens[ANN]}"}
    for users, status in (((BOB,), 403), ((ANN, BOB), 403), ((ANN,), 202)):
        events = [play("Anchor", user=user).model_dump(mode="json") for user in users]
        assert closed.service.http.post("/plays", json=events, headers=signed).status_code == status


def test_plays_are_limited_by_the_minute_for_each_account(closed: Closed):
    signed = {"Authorization": f"Bearer {closed.tokens[ROOT]}"}
    events = [play("Anchor", user=ROOT, minute=n).model_dump(mode="json") for n in range(1000)]
    taken = 0
    while (answer := closed.service.http.post("/plays", json=events, headers=signed)).status_code == 202:
        taken += 1
    # A minute that ends in between lets one or two more through.
    assert 20 <= taken <= 22
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_an_admin_reads_the_numbers_and_listeners_do_not(closed: Closed):
    (numbers,) = (call for call in closed.calls if call.path == "/metrics")
    assert [closed.status(numbers, "", closed.tokens[name]) for name in (ROOT, ANN)] == [200, 403]
