"""The page's files, answered from memory as the application behind would answer them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.kept import Kept

TEXT = "let one = 1;\n" * 200


class Behind:
    """An application that counts what it is asked."""

    def __init__(self, app: ASGIApp) -> None:
        self.asked: list[str] = []
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"])
        await self._app(scope, receive, send)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    for name in ("one.js", "two.js"):
        (tmp_path / "files" / name).write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def behind(folder: Path) -> Behind:
    return Behind(Starlette(routes=[Mount("/", GZipMiddleware(StaticFiles(directory=folder)))]))


@pytest.fixture
def page(behind: Behind) -> TestClient:
    return TestClient(Kept(behind, {"/files/": "no-cache"}))


def get(page: TestClient, path: str, **headers: str) -> httpx.Response:
    return page.get(path, headers={"accept-encoding": "gzip", **{k.replace("_", "-"): v for k, v in headers.items()}})


def test_a_file_is_asked_for_once_and_answered_the_same_each_time(page: TestClient, behind: Behind):
    answers = [get(page, "/files/one.js") for _ in range(3)]
    assert behind.asked == ["/files/one.js"]
    assert {answer.text for answer in answers} == {TEXT}
    assert {answer.headers["cache-control"] for answer in answers} == {"no-cache"}
    assert answers[0].headers == answers[2].headers
    assert answers[0].headers["content-encoding"] == "gzip"
    assert int(answers[0].headers["content-length"]) < len(TEXT)


def test_who_cannot_read_compressed_files_gets_plain_ones(page: TestClient):
    assert get(page, "/files/one.js").headers["content-encoding"] == "gzip"
    plain = get(page, "/files/one.js", accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    assert plain.text == TEXT


def test_who_has_a_file_gets_no_second_one(page: TestClient, behind: Behind):
    tag = get(page, "/files/one.js").headers["etag"]
    for known in (tag, f'"other", W/{tag}'):
        answer = get(page, "/files/one.js", if_none_match=known)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert get(page, "/files/one.js", if_none_match='"other"').status_code == 200
    assert len(behind.asked) == 1


def test_the_first_who_comes_may_have_it_already(page: TestClient, behind: Behind):
    tag = get(page, "/files/one.js").headers["etag"]
    other = TestClient(Kept(behind, {"/files/": "no-cache"}))
    assert get(other, "/files/one.js", if_none_match=tag).status_code == 304
    assert get(other, "/files/one.js").text == TEXT
    assert len(behind.asked) == 2


def test_who_leaves_early_leaves_a_whole_file_for_the_others(page: TestClient, behind: Behind):
    headers = [(b"accept-encoding", b"identity")]
    scope = {"type": "http", "method": "GET", "path": "/files/one.js", "query_string": b"", "headers": headers}

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def unheard(_: Message) -> None:
        await asyncio.sleep(0)

    # Applications behind servers of this version of ASGI stop as soon as they hear of it.
    asyncio.run(page.app({**scope, "asgi": {"version": "3.0", "spec_version": "2.3"}}, gone, unheard))
    assert get(page, "/files/one.js", accept_encoding="identity").text == TEXT
    assert behind.asked == ["/files/one.js"]


def test_a_file_is_kept_under_one_name_only(behind: Behind):
    kept = Kept(behind, {"/files/": "no-cache"})
    aliases = ("/files//one.js", "/files/./one.js", "/files/two/../one.js")

    async def ask(path: str) -> None:
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_: Message) -> None:
            await asyncio.sleep(0)

        await kept({**scope, "asgi": {"version": "3.0", "spec_version": "2.4"}}, receive, send)

    for alias in (*aliases, *aliases):
        asyncio.run(ask(alias))
    assert behind.asked == [*aliases, *aliases]


def test_the_coding_that_one_browser_takes_is_no_other_ones(page: TestClient):
    assert "content-encoding" not in get(page, "/files/one.js", accept_encoding="br").headers
    assert get(page, "/files/one.js", accept_encoding="gzip, br").headers["content-encoding"] == "gzip"


def test_a_head_has_the_length_and_no_body(page: TestClient):
    head = page.head("/files/one.js", headers={"accept-encoding": "identity"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(TEXT)))
    assert get(page, "/files/one.js", accept_encoding="identity").text == TEXT


def test_what_is_not_there_is_not_kept(page: TestClient, behind: Behind, folder: Path):
    assert get(page, "/files/three.js").status_code == 404
    (folder / "files" / "three.js").write_text(TEXT, encoding="utf-8")
    assert get(page, "/files/three.js").text == TEXT
    assert len(behind.asked) == 2


def test_what_is_elsewhere_or_asked_with_a_query_is_passed_on(page: TestClient, behind: Behind):
    for path in ("/elsewhere", "/elsewhere", "/files/one.js?v=1", "/files/one.js?v=1"):
        page.get(path)
    assert len(behind.asked) == 4


def test_memory_has_a_bound(behind: Behind):
    page = TestClient(Kept(behind, {"/files/": "no-cache"}, most_bytes=2 * len(TEXT) - 1))
    for name in ("one.js", "two.js", "one.js", "two.js"):
        assert page.get(f"/files/{name}", headers={"accept-encoding": "identity"}).text == TEXT
    assert behind.asked == ["/files/one.js", "/files/two.js", "/files/two.js"]
