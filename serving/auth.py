"""Who may ask what.

In: tokens from requests, accounts from MongoDB. Out: the listener a token belongs to, or 401 and 403.
While there are no accounts, on loopback, everybody is whoever they say they are.
"""

from __future__ import annotations

import ipaddress
import time
from typing import NamedTuple, Protocol

from fastapi import Request

from infra.errors import SettingsError, StoreError
from infra.models import UserId
from infra.settings import Settings
from serving.asking import asked
from serving.problems import ProblemError

__all__ = ["Access", "Accounts", "check_exposure", "is_loopback"]

KNOWN_S = 2.0
"""How long what MongoDB said of accounts and tokens is taken for true."""
PATIENCE_S = 1.0
"""How long a request waits for MongoDB."""
MOST_TOKENS = 10_000


class Accounts(Protocol):
    """What is needed of `infra.store.UserStore`."""

    def names(self) -> list[UserId]:
        """All accounts."""
        ...

    def owner(self, token: str) -> UserId | None:
        """Whose token this is."""
        ...


class _Known(NamedTuple):
    owner: UserId | None
    until: float


class Access:
    """The guard at each route: `listener` where a header can be sent, `player` where only an address can."""

    def __init__(self, accounts: Accounts, *, exposed: bool = False) -> None:
        """`exposed`: others than this machine can call, so a token is needed even when the last account is gone."""
        self._accounts = accounts
        self._exposed = exposed
        self._closed = False
        self._closed_until = 0.0
        self._owners: dict[str, _Known] = {}

    async def listener(self, request: Request) -> None:
        """Let in who has a token, and say whose in `request.state.caller` (None: there are no accounts).

        Raises `ProblemError` 401 without a right one, 403 when the path names another listener.
        """
        await self._admit(request, _bearer(request))

    async def player(self, request: Request) -> None:
        """As `listener`, with the token in the address too: an `<audio>` element sends no headers."""
        await self._admit(request, _bearer(request) or request.query_params.get("token"))

    async def _admit(self, request: Request, token: str | None) -> None:
        request.state.caller = None
        if not self._exposed and not await self._has_accounts():
            return
        owner = await self._owner(token) if token else None
        if owner is None:
            raise ProblemError(
                401, "this call needs the token of an account", headers={"WWW-Authenticate": 'Bearer realm="segue"'}
            )
        if request.path_params.get("user", owner) != owner:
            raise ProblemError(403, "a token is good for its own listener only")
        request.state.caller = owner

    async def _has_accounts(self) -> bool:
        if time.monotonic() >= self._closed_until:
            try:
                self._closed = bool(await asked(self._accounts.names, PATIENCE_S))
            except StoreError:
                # Streams and recommendations go on without MongoDB, as open or closed as they were last seen.
                if not self._closed_until:
                    raise
            self._closed_until = time.monotonic() + KNOWN_S
        return self._closed

    async def _owner(self, token: str) -> UserId | None:
        known = self._owners.get(token)
        if known is None or time.monotonic() >= known.until:
            try:
                owner = await asked(lambda: self._accounts.owner(token), PATIENCE_S)
            except StoreError:
                if known is None:
                    raise
                owner = known.owner
            if len(self._owners) >= MOST_TOKENS:
                self._owners.clear()
            known = self._owners[token] = _Known(owner, time.monotonic() + KNOWN_S)
        return known.owner


def check_exposure(settings: Settings, accounts: Accounts) -> None:
    """Raises `SettingsError` when others could reach a service that has no accounts."""
    if not is_loopback(settings.host) and not accounts.names():
        raise SettingsError(
            f"SEGUE_HOST={settings.host} lets other machines in and there is no account yet: "
            "`segue user add NAME` makes one; or leave SEGUE_HOST at 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host` (a name or an address)."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
