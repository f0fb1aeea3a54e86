"""Where a request comes in: who may call, what every answer carries, what is counted, and the last catch.

In: ASGI requests. Out: the application's answers as they stream by, with security headers; a request id for whatever is logged meanwhile.
"""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.logs import REQUEST
from serving.http.auth import is_loopback
from serving.http.bodies import bounded, too_large, unwanted
from serving.http.hosts import UNKNOWN, Hosts, name_in
from serving.http.problems import ProblemError, problem
from serving.metrics import Metrics

__all__ = ["Border"]

log = logging.getLogger("segue.http")

REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
"""What every answer says; no application says any of it by itself."""
NO_DOCUMENT = "default-src 'none'; frame-ancestors 'none'"
"""The content security policy of an answer that brings none of its own: it is data, and no page."""
SAFE = {"GET", "HEAD", "OPTIONS"}
LEFT_EARLY = 499
"""Counted for a client who left before the answer began."""


class Border:
    """Wraps one application; nothing that streams through is held back."""

    def __init__(self, app: ASGIApp, metrics: Metrics, hosts: Hosts) -> None:
        """Only who calls one of `hosts` is let in; where those are loopback alone, only this machine."""
        self._app, self._metrics, self._hosts = app, metrics, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's start and stop."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        headers = Headers(scope=scope)
        REQUEST.set(_request_id(headers))
        status = LEFT_EARLY
        seconds = 0.0

        async def passing(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - began
                self._metrics.began(_route(scope))
                answered = MutableHeaders(scope=message)
                answered.raw.extend(SECURITY)
                answered.setdefault("Content-Security-Policy", NO_DOCUMENT)
                answered.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            await send(message)

        try:
            refused = self._refusal(scope, headers)
            if refused is None:
                await self._app(scope, bounded(receive), passing)
            else:
                await problem(refused)(scope, receive, passing)
        except Exception:
            # The border of one request: the next one must be served.
            log.exception("%s %s failed", scope["method"], _route(scope))
            if status == LEFT_EARLY:
                await problem(ProblemError(500, "something went wrong on the server"))(scope, receive, passing)
        finally:
            if status != LEFT_EARLY:
                self._metrics.ended(_route(scope))
            self._metrics.answered(_method(scope), _route(scope), status, seconds or time.perf_counter() - began)

    def _refusal(self, scope: Scope, headers: Headers) -> ProblemError | None:
        """Why this caller is not let in at all."""
        client = scope.get("client")
        if self._hosts.loopback and client is not None and not is_loopback(client[0]):
            return ProblemError(403, "this service is for its own machine only")
        if not self._hosts.know(headers.get("host", "")):
            return ProblemError(421, UNKNOWN)
        if refused := too_large(headers) or unwanted(scope["method"], headers):
            return ProblemError(413, refused, headers={"Connection": "close"})
        if scope["method"] not in SAFE and _from_elsewhere(headers):
            return ProblemError(403, "pages of other sites may not change anything here")
        return None


def _request_id(headers: Headers) -> str:
    """The id that Serve gives every request and answers with, or the client's own where it is one that a log can bear."""
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _from_elsewhere(headers: Headers) -> bool:
    """Whether a browser sent this for a page of another site; the port may differ."""
    if headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    ours, theirs = name_in(headers.get("host", "")), name_in(origin.partition("://")[2])
    return theirs != ours and not (is_loopback(theirs) and is_loopback(ours))


def _method(scope: Scope) -> str:
    known = {"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"}
    return scope["method"] if scope["method"] in known else "other"


def _route(scope: Scope) -> str:
    """The route's template, so that ids do not multiply the numbers."""
    route = scope.get("route")
    return scope.get("root_path", "") + route.path if route is not None else "none"
