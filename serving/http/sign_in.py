"""Signing in and out: `POST` and `DELETE /sign-in`.

In: a name and a password, as often as somebody may try. Out: a token, shown once, until its owner signs out.
"""

from __future__ import annotations

import asyncio
import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, StringConstraints, ValidationError

from infra.errors import NotFound
from infra.events import NAME, fault
from infra.models import Frozen, UserId
from infra.passwords import MOST_CHARACTERS
from serving.answers import SignedIn, as_json
from serving.http.asking import asked
from serving.http.auth import CHALLENGE, Access, bearer
from serving.http.problems import PROBLEMS, ProblemError
from serving.http.rates import Rate

__all__ = ["PATH", "GivenPassword", "SigningIn"]

PATH = "/sign-in"
LASTS = timedelta(days=365)
PATIENCE_S = 10.0
"""How long a password may take to check: each takes memory and a core, so they wait for each other."""
AT_ONCE = 2
PER_ADDRESS, PER_NAME, PER_NAME_AT_ALL = "10 per minute", "5 per minute", "100 per hour"
"""Under one name from one network, so that strangers do not keep its owner out; and, much wider, from anywhere."""
MOST_BYTES = 16_384


class Accounts(Protocol):
    """What is needed of `infra.store.UserStore`."""

    def knows(self, user: UserId, password: str) -> bool:
        """Whether this is the account's password."""
        ...

    def token(self, user: UserId, label: str = "", *, lasts: timedelta | None, signed_in: bool) -> str:
        """A new token."""
        ...

    def sign_out(self, token: str) -> None:
        """End a token that was given for a password."""
        ...


class GivenPassword(Frozen):
    """Who wants to sign in."""

    name: Annotated[UserId, NAME]
    password: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    label: Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")] = ""
    """What the token is for, to be told from others in `segue user tokens`."""


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/GivenPassword"}}},
    }
}
"""The body for the OpenAPI document; it is read by hand, when the attempt has been counted."""


class SigningIn:
    """The two routes, and how often they may be asked."""

    def __init__(self, accounts: Accounts, access: Access) -> None:
        self._accounts, self._access = accounts, access
        self._per_address = Rate(PER_ADDRESS, "attempts to sign in from this address")
        self._per_name = Rate(PER_NAME, "attempts to sign in under this name")
        self._per_name_at_all = Rate(PER_NAME_AT_ALL, "attempts to sign in under this name")
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> APIRouter:
        """`POST` for a token, `DELETE` to end it."""
        routes = APIRouter(responses=PROBLEMS, tags=["service"])
        routes.add_api_route(
            PATH, self.sign_in, methods=["POST"], status_code=201, response_model=SignedIn, openapi_extra=BODY
        )
        ending = [Depends(self._access.listener)]
        routes.add_api_route(PATH, self.sign_out, methods=["DELETE"], status_code=204, dependencies=ending)
        return routes

    async def sign_in(self, request: Request) -> Response:
        """A token for a name and its password; it is good for a year, or until a sign-out or another password."""
        if not await self._access.closed():
            raise NotFound("there are no accounts here: nobody has to sign in")
        network = _network(request)
        await self._per_address.take(network)
        given = _given(await request.body())
        await self._per_name.take(f"{given.name} {network}")
        await self._per_name_at_all.take(given.name)
        async with self._at_once:
            right = await asked(lambda: self._accounts.knows(given.name, given.password), PATIENCE_S)
        if not right:
            raise ProblemError(401, "this name and password do not go together", headers=CHALLENGE)
        expires_at = datetime.now(UTC) + LASTS
        token = await asked(
            lambda: self._accounts.token(given.name, given.label, lasts=LASTS, signed_in=True), PATIENCE_S
        )
        return as_json(SignedIn(user=given.name, token=token, expires_at=expires_at), 201)

    async def sign_out(self, request: Request) -> Response:
        """End the token that this request came with, when it was given for a password; any other goes on."""
        token = bearer(request)
        if token is not None:
            await asked(lambda: self._accounts.sign_out(token), PATIENCE_S)
        return Response(status_code=204)


def _given(body: bytes) -> GivenPassword:
    if len(body) > MOST_BYTES:
        raise ProblemError(413, f"the body is larger than {MOST_BYTES} bytes")
    try:
        return GivenPassword.model_validate_json(body)
    except ValidationError as error:
        bad = fault(error)
        raise ProblemError(422, str(bad), field=bad.field) from error


def _network(request: Request) -> str:
    """Where a request comes from; of IPv6, the network, since whoever has one address has all of it."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))
