"""What the page asks of the HTTP API, passed through: bytes as they come, in the name of who has signed in.

In: requests under `api/` for one of the named routes; `api/me/…` is `/users/{listener}/…`. Out: the HTTP API's own
answers, its problems included, or a `ServiceError` when it is away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from infra.errors import NotFound, ServiceError
from ui.session import Asking, Listener, same_origin

__all__ = ["api_of", "routes"]

PASSED = {
    "GET": (
        *("health", "tracks", "search", "albums", "albums/{id}", "artists", "artists/{id}", "genres"),
        *("work", "failures", "models", "me/journey", "me/mixes", "me/opinions", "me/listens", "me/taste"),
        *("me/statistics", "me/map", "me/playlists", "me/playlists/{id}", "me/export"),
    ),
    "POST": ("me/recommendations", "me/unlearn", "me/playlists"),
    "PUT": ("me/playlists/{id}",),
    "DELETE": ("me", "me/opinions/{id}", "me/playlists/{id}"),
}
"""What the page uses, by method; nothing else is passed."""
WITH_BODY = frozenset({"POST", "PUT"})

ASKED = ("accept", "content-length", "content-type", "x-request-id")
ANSWERED = (
    *("cache-control", "content-disposition", "content-encoding", "content-length", "content-type"),
    *("retry-after", "x-request-id"),
)
TIMEOUT = httpx.Timeout(30.0, connect=2.0)
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
"""Left as it is in a query; the rest, which has no business there, is percent-encoded."""


def api_of(address: str) -> httpx.AsyncClient:
    """The HTTP API at `http://host:port`, for one event loop."""
    # trust_env off: a proxy meant for the internet must not see calls to our own service.
    return httpx.AsyncClient(base_url=address, timeout=TIMEOUT, trust_env=False)


class _Passed(StreamingResponse):
    """An answer of the HTTP API on its way to the page; its connection is given back however that ends."""

    def __init__(self, answer: httpx.Response) -> None:
        headers = {name: answer.headers[name] for name in ANSWERED if name in answer.headers}
        super().__init__(answer.aiter_raw(), answer.status_code, headers)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()


def _passing(template: str) -> Callable[[Request, Listener], Awaitable[StreamingResponse]]:
    """What answers for one of the named routes."""

    async def passed(request: Request, who: Asking) -> StreamingResponse:
        api: httpx.AsyncClient = request.app.state.api
        try:
            asked = api.build_request(
                request.method,
                _address(template, request, who),
                headers=dict(_headers(request, who)),
                content=request.stream() if request.method in WITH_BODY else None,
            )
            return _Passed(await api.send(asked, stream=True))
        except httpx.TimeoutException as error:
            raise ServiceError(f"Segue did not answer in time ({request.method} {request.url.path})") from error
        except httpx.HTTPError as error:
            raise ServiceError("Segue does not answer; `segue up` starts it") from error
        except httpx.InvalidURL as error:
            raise NotFound("there is nothing at such an address") from error

    return passed


def _address(template: str, request: Request, who: Listener) -> str:
    """Where the HTTP API answers this; raises `NotFound` for an id that would lead elsewhere."""
    named = {name: str(value) for name, value in request.path_params.items()}
    if any(value.strip(".") == "" for value in (who.user, *named.values())):
        raise NotFound("there is nothing by this name")
    own, _, rest = template.partition("/")
    inside = f"users/{quote(who.user, safe='')}/{rest}".rstrip("/") if own == "me" else template
    path = inside.format(**{name: quote(value, safe="") for name, value in named.items()})
    query = quote(request.scope["query_string"], safe=PRINTABLE)
    return f"/{path}?{query}" if query else f"/{path}"


def _headers(request: Request, who: Listener) -> Iterator[tuple[str, str]]:
    yield "accept-encoding", "identity"
    yield from ((name, request.headers[name]) for name in ASKED if name in request.headers)
    if who.token is not None:
        yield "authorization", f"Bearer {who.token}"


routes = APIRouter()
for _method, _templates in PASSED.items():
    for _template in _templates:
        routes.add_api_route(
            f"/{_template}",
            _passing(_template),
            methods=[_method],
            dependencies=[] if _method == "GET" else [Depends(same_origin)],
        )
