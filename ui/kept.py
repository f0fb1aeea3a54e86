"""Files of the page, answered from memory: each is read and compressed once, not for every listener who comes.

In: GET requests below some paths, whose answers do not change while this server runs. Out: what the application behind
answered the first time, or 304 for who has it already.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Kept"]

MOST_BYTES = 64 * 2**20
CODINGS = ("br", "gzip")
"""Of the content, best first, as the application behind chooses among what a browser takes."""
NO_MATTER = {b"if-none-match", b"if-modified-since", b"if-range", b"range"}
"""Headers that would have the application behind answer with less than the whole."""


_Key = tuple[str, tuple[str, ...]]
"""A path, and the codings that a browser takes."""


class Answer(NamedTuple):
    """A whole answer of the application behind."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def to(self, request: Headers, method: str) -> Response:
        """What a browser gets that may have it already."""
        if self.status == 200 and self._is_known(request.get("if-none-match", "")):
            names = {b"etag", b"cache-control", b"vary", b"last-modified"}
            return _response(304, [pair for pair in self.headers if pair[0] in names], b"")
        return _response(self.status, self.headers, b"" if method == "HEAD" else self.body)

    @property
    def size(self) -> int:
        """Bytes that keeping it takes, about."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)

    def _is_known(self, tags: str) -> bool:
        own = Headers(raw=self.headers).get("etag", "").removeprefix("W/")
        return bool(own) and own in {tag.strip().removeprefix("W/") for tag in tags.split(",")}


def _response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
    answer = Response(body, status)
    answer.raw_headers = headers
    return answer


class Kept:
    """Keeps the answers below `policies` (a path, and the Cache-Control of all that is below it), up to `most_bytes` in all."""

    def __init__(self, app: ASGIApp, policies: Mapping[str, str], *, most_bytes: int = MOST_BYTES) -> None:
        self._app, self._policies, self._most_bytes = app, policies, most_bytes
        self._answers: dict[_Key, Answer] = {}
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or by way of the application behind."""
        policy = self._policy(scope)
        if policy is None:
            await self._app(scope, receive, send)
            return
        request = Headers(scope=scope)
        taken = request.get("accept-encoding", "")
        key = scope["path"], tuple(coding for coding in CODINGS if coding in taken)
        answer = self._answers.get(key) or await self._asked(scope, policy)
        self._keep(key, answer)
        await answer.to(request, scope["method"])(scope, receive, send)

    def _policy(self, scope: Scope) -> str | None:
        """Of the first path that this request is below; none for what is not to be kept."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or scope["query_string"]:
            return None
        if posixpath.normpath(scope["path"]) != scope["path"]:
            return None  # one file has many such names, and would be kept under each
        return next((policy for path, policy in self._policies.items() if scope["path"].startswith(path)), None)

    async def _asked(self, scope: Scope, policy: str) -> Answer:
        """The whole answer of the application behind, whether or not who asked for it waits for it."""
        status, headers, body, whole = 500, MutableHeaders(raw=[]), bytearray(), False

        async def read(message: Message) -> None:
            nonlocal status, headers, whole
            if message["type"] == "http.response.start":
                status, headers = message["status"], MutableHeaders(raw=list(message["headers"]))
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                whole = not message.get("more_body", False)

        asked = [pair for pair in scope["headers"] if pair[0] not in NO_MATTER]
        await self._app({**scope, "method": "GET", "headers": asked}, _Patient(), read)
        if not whole:
            return Answer(500, [(b"content-length", b"0")], b"")
        headers["content-length"] = str(len(body))
        if status == 200:
            headers["cache-control"] = policy
        return Answer(status, headers.raw, bytes(body))

    def _keep(self, key: _Key, answer: Answer) -> None:
        size = len(key[0]) + answer.size
        if answer.status == 200 and key not in self._answers and self._bytes + size <= self._most_bytes:
            self._answers[key] = answer
            self._bytes += size


class _Patient:
    """Somebody who asks without a body and never leaves: what is kept is for others too."""

    def __init__(self) -> None:
        self._asked = False

    async def __call__(self) -> Message:
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}
