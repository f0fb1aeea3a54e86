"""Who may ask what.

In: tokens from requests, accounts from MongoDB. Out: the account a token belongs to, or 401 and 403.
While there are no accounts, on loopback, everybody is whoever they say they are.
"""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache
from typing import NamedTuple, Protocol

from fastapi import Request

from infra.errors import SettingsError, StoreError
from infra.models import UserId
from infra.settings import Settings
from infra.store import Account
from serving.http.asking import asked
from serving.http.problems import ProblemError

__all__ = ["CHALLENGE", "Access", "Accounts", "bearer", "check_exposure", "is_loopback"]

KNOWN_S = 2.0
"""How long what MongoDB said of accounts and tokens is taken for true."""
PATIENCE_S = 1.0
"""How long a request waits for MongoDB."""
MOST_TOKENS, LONGEST_TOKEN = 10_000, 128
MOST_HOSTS = 1_000
"""Names and addresses of which it is kept whether they are loopback: every request asks, nearly always the same."""
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="segue"'}
"""What an answer 401 says of how to do better."""


class Accounts(Protocol):
    """What is needed of `infra.store.UserStore`."""

    def names(self) -> list[UserId]:
        """All accounts."""
        ...

    def owner(self, token: str) -> Account | None:
        """Whose token this is."""
        ...


class _Known(NamedTuple):
    owner: Account | None
    until: float


class Access:
    """The guard at each route; all say in `request.state.caller` who asks (None: there are no accounts)."""

    def __init__(self, accounts: Accounts, *, exposed: bool = False) -> None:
        """`exposed`: others than this machine can call, so a token is needed even when the last account is gone."""
        self._accounts = accounts
        self._exposed = exposed
        self._has_accounts = False
        self._has_accounts_until = 0.0
        self._owners: dict[str, _Known] = {}

    async def listener(self, request: Request) -> None:
        """Let in who has a token, for what is their own.

        Raises `ProblemError` 401 without a right one, 403 when the path names another listener.
        """
        _own(await self._admit(request, bearer(request)), request)

    async def player(self, request: Request) -> None:
        """As `listener`, with the token in the address too: an `<audio>` element sends no headers."""
        _own(await self._admit(request, bearer(request) or request.query_params.get("token")), request)

    async def owner_or_admin(self, request: Request) -> None:
        """As `listener`; an admin may name another."""
        account = await self._admit(request, bearer(request))
        if account is None or not account.admin:
            _own(account, request)

    async def admin(self, request: Request) -> None:
        """Let admins in; raises `ProblemError` 401 without a right token, 403 for other listeners."""
        account = await self._admit(request, bearer(request))
        if account is not None and not account.admin:
            raise ProblemError(403, "this is for admins; `segue user admin NAME` makes one")

    async def closed(self) -> bool:
        """Whether a token is needed."""
        return self._exposed or await self._accounts_exist()

    async def _admit(self, request: Request, token: str | None) -> Account | None:
        request.state.caller = None
        if not await self.closed():
            return None
        owner = await self._owner(token) if token and len(token) <= LONGEST_TOKEN else None
        if owner is None:
            raise ProblemError(401, "this call needs the token of an account", headers=CHALLENGE)
        request.state.caller = owner.name
        return owner

    async def _accounts_exist(self) -> bool:
        if time.monotonic() >= self._has_accounts_until:
            try:
                self._has_accounts = bool(await asked(self._accounts.names, PATIENCE_S))
            except StoreError:
                # Streams and recommendations go on without MongoDB, as open or closed as they were last seen.
                if not self._has_accounts_until:
                    raise
            self._has_accounts_until = time.monotonic() + KNOWN_S
        return self._has_accounts

    async def _owner(self, token: str) -> Account | None:
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


@lru_cache(MOST_HOSTS)
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host` (a name or an address)."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def bearer(request: Request) -> str | None:
    """The token in a request's header."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _own(account: Account | None, request: Request) -> None:
    if account is not None and request.path_params.get("user", account.name) != account.name:
        raise ProblemError(403, "a token is good for its own listener only")
