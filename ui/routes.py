"""The routes that the page's player calls, on the page's own origin; each forwards to the HTTP API.

In: JSON from the player, and the sign-in cookies. Out: JSON, or RFC 9457 problem details.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, NamedTuple
from urllib.parse import quote, unquote

from fastapi import APIRouter, Cookie, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, FailFast, Field, TypeAdapter, ValidationError

from infra.errors import BadEvent, Denied, NotFound, SegueError, ServiceError, TooOften
from infra.events import PlayEvent, fault
from infra.models import TrackId, UserId
from serving.answers import Health, TrackPage
from ui.client import Client
from ui.player import UpNext, up_next

__all__ = ["add_player_routes"]

LISTENER = UserId("me")
"""Who listens while there are no accounts."""

COOKIE_AGE_S = 365 * 24 * 60 * 60
# Up to the first fault: of a body full of faults each would be looked at and described.
POSTED = TypeAdapter(Annotated[list[dict[str, object]], FailFast(), Field(max_length=1_000)])
EVENTS = TypeAdapter(Annotated[list[PlayEvent], FailFast()])
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""What a token looks like; a password may look like that too."""
STATUS: dict[type[SegueError], int] = {
    Denied: 401,
    NotFound: 404,
    BadEvent: 422,
    TooOften: 429,
    ServiceError: 503,
    SegueError: 400,
}


class Listener(NamedTuple):
    """Who asks, and the HTTP API as that listener may use it."""

    user: UserId
    client: Client
    token: str | None = None


class Session(BaseModel):
    """Who the page plays for, and whether that took a sign-in."""

    user: UserId
    accounts: bool
    token: str | None = None
    """For addresses of sound and covers: elements that load them send no headers."""


class SignIn(BaseModel):
    """A name, and a password or the token that `segue user token NAME` printed."""

    name: UserId
    secret: str = Field(min_length=1, max_length=1024)


routes = APIRouter(prefix="/api")


def listener(
    request: Request,
    segue_user: Annotated[str | None, Cookie()] = None,
    segue_token: Annotated[str | None, Cookie()] = None,
) -> Listener:
    """Who the cookies say it is, or `me`; whether that is true, the HTTP API decides."""
    client: Client = request.app.state.client
    if segue_user and segue_token and TOKEN.fullmatch(segue_token):
        return Listener(UserId(unquote(segue_user)), client.with_token(segue_token), segue_token)
    return Listener(LISTENER, client)


Asking = Annotated[Listener, Depends(listener)]


def same_origin(request: Request) -> None:
    """Refuse what another site's page sends: a beacon needs no permission to cross origins."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Denied(f"{origin} may not act for a listener")


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


@routes.get("/session")
def session(who: Asking) -> Session:
    """Who listens; 401 when the service wants a sign-in."""
    who.client.history(who.user, limit=1)
    return Session(user=who.user, accounts=who.token is not None, token=who.token)


@routes.post("/session", dependencies=[Depends(same_origin)])
def sign_in(request: Request, given: SignIn, response: Response) -> Session:
    """Keep name and token in cookies that scripts cannot read; 401 when name and password or token do not go together."""
    token = _token(request, given)
    for name, value in (("segue_user", quote(given.name)), ("segue_token", token)):
        response.set_cookie(name, value, max_age=COOKIE_AGE_S, httponly=True, samesite="strict")
    return Session(user=given.name, accounts=True, token=token)


def _token(request: Request, given: SignIn) -> str:
    """The token that was given, or one for the password; raises `Denied`."""
    client: Client = request.app.state.client
    if TOKEN.fullmatch(given.secret):
        with suppress(Denied):
            client.with_token(given.secret).history(given.name, limit=1)
            return given.secret
    visitor = request.client.host if request.client else None
    return client.sign_in(given.name, given.secret, label="listening page", visitor=visitor).token


@routes.delete("/session", dependencies=[Depends(same_origin)], status_code=204)
def sign_out(who: Asking, response: Response) -> None:
    """Forget the sign-in, and end the token that it was given."""
    if who.token is not None:
        # The browser forgets it whatever the service says.
        with suppress(SegueError):
            who.client.sign_out()
    response.delete_cookie("segue_user")
    response.delete_cookie("segue_token")


@routes.post("/plays", dependencies=[Depends(same_origin)], status_code=202)
def plays(who: Asking, body: Annotated[bytes, Depends(raw_body)], user: UserId | None = None) -> dict[str, int]:
    """Forward play events (JSON of any content type, as `sendBeacon` posts it) in the listener's name.

    `user` is whose events the page says they are: 401 when somebody else has signed in meanwhile.
    """
    if user is not None and user != who.user:
        raise Denied(f"these plays are {user}'s, and {who.user} has signed in")
    return {"accepted": who.client.post_plays(events_of(body, who.user))}


@routes.get("/next")
def next_tracks(who: Asking, n: int = 12, seed: TrackId | None = None) -> UpNext:
    """What to play next, with reasons in words."""
    return up_next(who.client, who.user, n, seed)


@routes.get("/tracks")
def tracks(who: Asking, q: str = "", cursor: str | None = None, limit: int = 60) -> TrackPage:
    """The library, or what of it matches."""
    return who.client.tracks(q, limit=limit, cursor=cursor)


@routes.get("/health")
def health(who: Asking) -> Health:
    """How the service is."""
    return who.client.health()


def add_player_routes(app: FastAPI, client: Client) -> None:
    """Put the routes on `app`; `client` carries no token of its own. A `SegueError` is answered in its own words."""
    app.state.client = client
    app.include_router(routes)

    @app.exception_handler(SegueError)
    def problem(_: Request, error: SegueError) -> JSONResponse:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        body = {"type": "about:blank", "title": type(error).__name__, "status": status, "detail": str(error)}
        return JSONResponse(body, status_code=status, media_type="application/problem+json")
