"""The routes that the page's player calls, on the page's own origin.

In: JSON from the player, and the sign-in cookies. Out: JSON, or RFC 9457 problem details.
"""

from __future__ import annotations

from typing import Annotated

import httpx
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import FailFast, Field, TypeAdapter, ValidationError

from infra.errors import BadEvent, Denied, NotFound, SegueError, ServiceError, TooOften
from infra.events import PlayEvent, fault
from infra.models import UserId
from serving.http.problems import ProblemError, answer_problems, problem
from ui import passing, session
from ui.client import Client
from ui.session import Asking, same_origin

__all__ = ["add_player_routes"]

# Up to the first fault: of a body full of faults each would be looked at and described.
POSTED = TypeAdapter(Annotated[list[dict[str, object]], FailFast(), Field(max_length=1_000)])
EVENTS = TypeAdapter(Annotated[list[PlayEvent], FailFast()])
STATUS: dict[type[SegueError], int] = {
    Denied: 401,
    NotFound: 404,
    BadEvent: 422,
    TooOften: 429,
    ServiceError: 503,
    SegueError: 400,
}


routes = APIRouter()


async def raw_body(request: Request) -> bytes:
    """The body as it came."""
    return await request.body()


def events_of(body: bytes, user: UserId) -> list[PlayEvent]:
    """The events in a posted list, all in the name of `user`; raises `BadEvent`."""
    try:
        posted = POSTED.validate_json(body)
        return EVENTS.validate_python([{**event, "user": user} for event in posted], strict=False)
    except ValidationError as error:
        raise fault(error) from error


@routes.post("/plays", dependencies=[Depends(same_origin)], status_code=202)
def plays(who: Asking, body: Annotated[bytes, Depends(raw_body)], user: UserId | None = None) -> dict[str, int]:
    """Forward play events (JSON of any content type, as `sendBeacon` posts it) in the listener's name.

    `user` is whose events the page says they are: 401 when somebody else has signed in meanwhile.
    """
    if user is not None and user != who.user:
        raise Denied(f"these plays are {user}'s, and {who.user} has signed in")
    return {"accepted": who.client.post_plays(events_of(body, who.user))}


def add_player_routes(app: FastAPI, client: Client, api: httpx.AsyncClient) -> None:
    """Put the routes on `app`; `client` and `api` are the HTTP API, and carry no token of their own.

    A `SegueError` is answered in its own words.
    """
    app.state.client, app.state.api = client, api
    for part in (session.routes, routes, passing.routes):
        app.include_router(part, prefix="/api")
    answer_problems(app)

    @app.exception_handler(SegueError)
    def told(_: Request, error: SegueError) -> Response:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        return problem(ProblemError(status, str(error)))
