"""The page's own routes: they forward in the listener's name, keep sign-ins in cookies, and serve nothing to other sites."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from infra.settings import Settings
from ui.client import Client
from ui.page import ASSETS
from ui.passing import api_of
from ui.web import build

EVENT = {
    "v": 1,
    "event_id": "00000000-0000-4000-8000-000000000007",
    "track": "a" * 32,
    "kind": "started",
    "position_ms": 0,
    "duration_ms": 2000,
    "at": "2026-11-22T11:00:00Z",
    "client": "segue-page",
    "private": False,
}


ADDRESS = "http://segue.test"
ADAS = "s3cret" + "-" * 37
GIVEN = "g1ven" + "-" * 38


class Service:
    """What the HTTP interface is asked, and whose tokens and passwords it knows; without tokens there are no accounts."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.tokens: dict[str, str] = {}
        self.passwords: dict[str, str] = {}
        self.answer: httpx.Response | None = None
        """What is answered whatever is asked; None: what such a service answers."""

    async def whole(self, request: httpx.Request) -> httpx.Response:
        """As the call itself, once the body has come; the answer's is still to come."""
        await request.aread()
        told = self.answer or self(request)
        return httpx.Response(told.status_code, headers=told.headers, stream=httpx.ByteStream(told.content))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/sign-in" and request.method == "POST":
            return self._sign_in(json.loads(request.content))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        user = re.search("/users/([^/]+)", request.url.path)
        known = self.tokens.get(token)
        if self.tokens and (known is None or (user and user[1] != known)):
            return httpx.Response(401, json={"detail": "this needs a token"})
        if request.url.path == "/plays":
            return httpx.Response(202, json={"accepted": len(json.loads(request.content))})
        return httpx.Response(200, json={"items": [], "cursor": None})

    def _sign_in(self, given: dict[str, str]) -> httpx.Response:
        if given["password"] == "again and again":  # noqa: S105
            return httpx.Response(429, json={"detail": "too many attempts"})
        if self.passwords.get(given["name"]) != given["password"]:
            return httpx.Response(401, json={"detail": "this name and password do not go together"})
        self.tokens[GIVEN] = given["name"]
        body = {"user": given["name"], "token": GIVEN, "expires_at": "2027-11-22T11:00:00Z"}
        return httpx.Response(201, json=body)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.load(home=tmp_path_factory.mktemp("segue"))


def built(settings: Settings, client: Client, api: httpx.AsyncClient) -> FastAPI:
    """The page, built while a loop runs: Gradio makes one that it never closes when there is none."""

    async def build_it() -> FastAPI:
        return build(settings, client, api, 8123)

    return asyncio.run(build_it())


@pytest.fixture(scope="module")
def opened(settings: Settings) -> Iterator[tuple[Service, TestClient]]:
    """One page for all tests: Gradio takes a while to build."""
    service = Service()
    client = Client(ADDRESS, pool=httpx.Client(transport=httpx.MockTransport(service)))
    api = httpx.AsyncClient(base_url=ADDRESS, transport=httpx.MockTransport(service.whole))
    with TestClient(built(settings, client, api), base_url="http://127.0.0.1:7860") as page:
        yield service, page


@pytest.fixture
def service(opened: tuple[Service, TestClient]) -> Service:
    """A service that has been asked nothing and has no accounts."""
    opened[0].requests, opened[0].tokens, opened[0].passwords, opened[0].answer = [], {}, {}, None
    return opened[0]


@pytest.fixture
def page(opened: tuple[Service, TestClient], service: Service) -> TestClient:  # noqa: ARG001 - made new for each test
    """The page in a browser that has not signed in."""
    opened[1].cookies.clear()
    return opened[1]


def test_plays_go_on_in_the_listeners_name_whatever_they_say(page: TestClient, service: Service):
    answer = page.post("/api/plays", content=json.dumps([{**EVENT, "user": "somebody"}]))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    assert json.loads(service.requests[-1].content)[0]["user"] == "me"


def test_a_beacon_is_taken_though_it_says_it_is_text(page: TestClient):
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "http://127.0.0.1:7860"}
    assert page.post("/api/plays", content=json.dumps([EVENT]), headers=headers).status_code == 202


@pytest.mark.parametrize("body", ["", "{}", "[1]", json.dumps([{**EVENT, "kind": "danced"}])])
def test_what_is_no_play_is_refused_and_not_forwarded(page: TestClient, service: Service, body: str):
    answer = page.post("/api/plays", content=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert not service.requests


def test_another_sites_page_cannot_act_for_the_listener(page: TestClient, service: Service):
    answer = page.post("/api/plays", content=json.dumps([EVENT]), headers={"Origin": "https://evil.example"})
    assert answer.status_code == 401
    assert not service.requests


def test_another_sites_name_for_loopback_reaches_nothing(page: TestClient):
    assert page.get("/api/session", headers={"Host": "evil.example"}).status_code == 421
    assert page.get("/api/session", headers={"Host": "[::1]:7860"}).status_code == 200


@pytest.mark.parametrize("path", ["upload", "file=http://127.0.0.1/", "file=/etc/hostname", "stream/a/b/c/d"])
def test_what_gradio_offers_and_the_page_leaves_unused_is_not_there(page: TestClient, path: str):
    assert page.get(f"/gradio_api/{path}").status_code == 404
    assert page.post(f"/gradio_api/{path}", files={"files": b"x"}).status_code == 404


def test_plays_of_who_was_signed_in_before_are_not_the_next_ones(page: TestClient, service: Service):
    service.tokens = {ADAS: "ada"}
    page.post("/api/session", json={"name": "ada", "secret": ADAS})
    asked = len(service.requests)
    assert page.post("/api/plays?user=bob", json=[EVENT]).status_code == 401
    assert len(service.requests) == asked
    assert page.post("/api/plays?user=ada", json=[EVENT]).status_code == 202


def test_a_name_in_any_script_can_sign_in(page: TestClient, service: Service):
    service.tokens = {ADAS: "Łukasz"}
    assert page.post("/api/session", json={"name": "Łukasz", "secret": ADAS}).json()["user"] == "Łukasz"


def test_without_accounts_the_listener_is_me(page: TestClient):
    assert page.get("/api/session").json() == {"user": "me", "accounts": False, "token": None}


def test_with_accounts_a_sign_in_is_asked_for_kept_and_forgotten(page: TestClient, service: Service):
    service.tokens = {ADAS: "ada"}
    assert page.get("/api/session").status_code == 401
    assert page.post("/api/session", json={"name": "ada", "secret": "guess"}).status_code == 401
    assert page.post("/api/session", json={"name": "bob", "secret": ADAS}).status_code == 401

    signed_in = page.post("/api/session", json={"name": "ada", "secret": ADAS})
    assert signed_in.status_code == 200
    assert all("HttpOnly" in c and "SameSite=strict" in c for c in signed_in.headers.get_list("set-cookie"))
    assert page.get("/api/session").json() == {"user": "ada", "accounts": True, "token": ADAS}
    assert page.post("/api/plays", content=json.dumps([EVENT])).status_code == 202
    assert json.loads(service.requests[-1].content)[0]["user"] == "ada"

    assert page.delete("/api/session").status_code == 204
    assert page.get("/api/session").status_code == 401


def test_a_password_signs_in_for_the_visitor_and_signing_out_ends_it(page: TestClient, service: Service):
    service.tokens, service.passwords = {ADAS: "ada"}, {"bob": "pässword"}
    assert page.post("/api/session", json={"name": "bob", "secret": "pässword"}).json()["token"] == GIVEN
    assert service.requests[-1].headers["x-forwarded-for"] == "testclient"
    assert page.get("/api/session").json()["user"] == "bob"
    assert page.delete("/api/session").status_code == 204
    ended = service.requests[-1]
    assert (ended.method, ended.url.path, ended.headers["authorization"]) == ("DELETE", "/sign-in", f"Bearer {GIVEN}")


def test_a_password_may_look_like_a_token(page: TestClient, service: Service):
    service.tokens, service.passwords = {ADAS: "ada"}, {"bob": "x" * 43}
    assert page.post("/api/session", json={"name": "bob", "secret": "x" * 43}).json()["token"] == GIVEN


def test_too_many_attempts_are_told_as_such(page: TestClient, service: Service):
    service.tokens = {ADAS: "ada"}
    answer = page.post("/api/session", json={"name": "ada", "secret": "again and again"})
    assert (answer.status_code, answer.json()["detail"]) == (429, "too many attempts")


@pytest.mark.parametrize("cookie", ["s\u00e9cret", "guess", "x y"])
def test_a_cookie_that_is_no_token_is_none(page: TestClient, service: Service, cookie: str):
    service.tokens = {ADAS: "ada"}
    cookies = f"segue_user=ada; segue_token={cookie}".encode()
    assert page.get("/api/session", headers={b"Cookie": cookies}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "reached"),
    [
        ("GET", "/api/tracks?q=a%20b&q=%C3%A9&limit=", "/tracks?q=a%20b&q=%C3%A9&limit="),
        ("GET", "/api/albums/a%3Fb%20c", "/albums/a%3Fb%20c"),
        ("GET", "/api/me/mixes", "/users/me/mixes"),
        ("GET", "/api/me/playlists/7?x=1", "/users/me/playlists/7?x=1"),
        ("POST", "/api/me/recommendations", "/users/me/recommendations"),
        ("PUT", "/api/me/playlists/7", "/users/me/playlists/7"),
        ("DELETE", "/api/me/opinions/7", "/users/me/opinions/7"),
        ("DELETE", "/api/me", "/users/me"),
    ],
)
def test_what_the_page_uses_is_passed_through(page: TestClient, service: Service, method: str, path: str, reached: str):
    body = b'{"n": 1}' if method in {"POST", "PUT"} else b""
    answer = page.request(method, path, content=body, headers={"X-Request-ID": "seen-7"})
    asked = service.requests[-1]
    assert answer.json() == {"items": [], "cursor": None}
    assert (asked.method, asked.url.raw_path.decode(), asked.content) == (method, reached, body)
    assert asked.headers["x-request-id"] == "seen-7"
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/metrics"),
        ("GET", "/api/users/ann/history"),
        ("POST", "/api/tracks"),
        ("DELETE", "/api/tracks/a"),
        ("GET", "/api/albums/.."),
        ("DELETE", "/api/me/opinions/%2E%2E"),
        ("GET", "/api/tracks/a%2Fb"),
    ],
)
def test_nothing_else_is_passed_through(page: TestClient, service: Service, method: str, path: str):
    assert page.request(method, path).status_code in {404, 405}
    assert not service.requests


def test_an_answer_is_passed_on_as_it_is_and_says_no_more_than_it_should(page: TestClient, service: Service):
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Disposition": "attachment; filename=plays.json",
        "Retry-After": "2",
        "Set-Cookie": "a=b",
        "X-Request-ID": "seen-8",
    }
    service.answer = httpx.Response(429, content=b' {"detail" : "later"}', headers=headers)
    answer = page.get("/api/me/export")
    assert (answer.status_code, answer.content) == (429, b' {"detail" : "later"}')
    assert "set-cookie" not in answer.headers
    del headers["Set-Cookie"]
    assert {name: answer.headers[name] for name in headers} == headers


def test_who_has_signed_in_is_who_asks(page: TestClient, service: Service):
    service.tokens = {ADAS: "Łukasz"}
    page.post("/api/session", json={"name": "Łukasz", "secret": ADAS})
    assert page.get("/api/me/taste").status_code == 200
    asked = service.requests[-1]
    assert asked.url.raw_path == b"/users/%C5%81ukasz/taste"
    assert asked.headers["authorization"] == f"Bearer {ADAS}"


@pytest.mark.parametrize(("method", "path"), [("POST", "me/unlearn"), ("PUT", "me/playlists/7"), ("DELETE", "me")])
def test_another_sites_page_changes_nothing(page: TestClient, service: Service, method: str, path: str):
    answer = page.request(method, f"/api/{path}", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 401
    assert not service.requests


@pytest.mark.parametrize("path", ["/api/plays", "/api/session", "/api/me/playlists", "/gradio_api/queue/join"])
def test_no_route_takes_more_than_a_megabyte(page: TestClient, service: Service, path: str):
    def pieces() -> Iterator[bytes]:
        yield from [b" " * 1000] * 1001

    headers = {"Content-Type": "application/json"}
    assert page.post(path, content=b" " * 1_000_001, headers=headers).status_code == 413
    assert page.post(path, content=pieces(), headers=headers).status_code == 413
    assert not service.requests


def test_a_service_that_is_away_is_told_as_such(settings: Settings):
    nobody = "http://127.0.0.1:1"
    with TestClient(built(settings, Client(nobody), api_of(nobody)), base_url="http://localhost:7860") as page:
        for path in ("/api/tracks", "/api/session"):
            answer = page.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert "segue up" in answer.json()["detail"]


def test_the_page_names_its_parts_and_lets_nothing_from_outside_in(page: TestClient):
    answer = page.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "media-src 'self' http://*:8123" in policy
    assert "segue/app.js" in answer.text
    assert not re.findall(r"(?:src|href)=\"https?://", answer.text)
    assert "fonts.googleapis" not in answer.text


@pytest.mark.parametrize("name", sorted(str(path.relative_to(ASSETS)) for path in ASSETS.rglob("*.js")))
def test_the_players_files_are_served_and_never_write_markup(page: TestClient, name: str):
    answer = page.get(f"/segue/{name}")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "no-cache"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", answer.text)


def test_gradios_own_files_need_not_be_asked_for_again(page: TestClient):
    name = re.findall(r'"\.?(/assets/[\w-]+\.js)"', page.get("/").text)[0]
    answer = page.get(name)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-security-policy"]
