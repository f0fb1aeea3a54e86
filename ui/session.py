"""Who listens: the sign-in of the page, kept in cookies that scripts cannot read.

In: a name with a password or a token, then the cookies. Out: the listener in whose name the HTTP API is asked.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, NamedTuple
from urllib.parse import quote, unquote

from fastapi import APIRouter, Cookie, Depends, Request, Response
from pydantic import BaseModel, Field

from infra.errors import Denied, SegueError
from infra.models import UserId
from ui.client import Client

__all__ = ["Asking", "Listener", "listener_of", "routes", "same_origin"]

LISTENER = UserId("me")
"""Who listens while there are no accounts."""

COOKIE_AGE_S = 365 * 24 * 60 * 60
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""What a token looks like; a password may look like that too."""


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


routes = APIRouter()


async def listener(
    request: Request,
    segue_user: Annotated[str | None, Cookie()] = None,
    segue_token: Annotated[str | None, Cookie()] = None,
) -> Listener:
    """Who the cookies of a request say it is."""
    return listener_of(request.app.state.client, segue_user, segue_token)


def listener_of(client: Client, user: str | None, token: str | None) -> Listener:
    """Who the cookies say it is, or `me`; whether that is true, the HTTP API decides. `client` carries no token of its own."""
    if user and token and TOKEN.fullmatch(token):
        return Listener(UserId(unquote(user)), client.with_token(token), token)
    return Listener(LISTENER, client)


Asking = Annotated[Listener, Depends(listener)]


async def same_origin(request: Request) -> None:
    """Refuse what another site's page sends: a beacon needs no permission to cross origins."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Denied(f"{origin} may not act for a listener")


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
