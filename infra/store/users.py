"""Accounts: who may listen, and how they say who they are.

In: names from `segue user`, passwords and tokens from clients. Out: accounts, and the tokens that belong to them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pymongo.collection import Collection

from infra.errors import NotFound, SettingsError
from infra.events import NAME
from infra.models import UserId
from infra.passwords import hashed, verdict
from infra.store.mongo_errors import mongo_errors
from infra.store.tokens import Token, TokenStore, digest

__all__ = ["Account", "UserStore"]

Document = dict[str, Any]


class Account(NamedTuple):
    """Somebody who may listen."""

    name: UserId
    admin: bool
    """May read the service's numbers and have listeners forgotten; reads and posts nobody else's plays."""
    password: bool = False
    """Whether there is one to sign in with; without, there are tokens."""


class UserStore:
    """The collection `users`, a document an account, `_id` its name; and the tokens of all accounts."""

    def __init__(self, users: Collection[Document], tokens: Collection[Document]) -> None:
        self._users, self._tokens = users, TokenStore(tokens)

    @mongo_errors()
    def prepare(self) -> None:
        """Index for the lists of tokens; tokens that an earlier Segue kept in its accounts get records of their own."""
        self._tokens.prepare()
        for found in self._users.find():
            self._adopt(found)

    @mongo_errors()
    def add(self, user: UserId, *, admin: bool = False, password: str | None = None) -> None:
        """Make an account; raises `SettingsError` for a name or password that cannot be one, or a name there is already."""
        _check(user)
        if self._users.find_one({"_id": user}):
            raise SettingsError(
                f"there is an account {user!r} already; `segue user token {user}` gives it another token"
            )
        kept = hashed(password) if password is not None else None
        # Whoever was called so before has nothing to do with this one.
        self._tokens.revoke_all(user)
        self._users.insert_one({"_id": user, "admin": admin, "password": kept, "added_at": datetime.now(UTC)})

    @mongo_errors()
    def remove(self, user: UserId) -> None:
        """Delete an account and all its tokens; raises `NotFound` when there is none."""
        self._tokens.revoke_all(user)
        if not self._users.delete_one({"_id": user}).deleted_count:
            raise NotFound(f"no account {user!r}")

    @mongo_errors()
    def set_admin(self, user: UserId, *, admin: bool) -> None:
        """Give or take the role of an admin; raises `NotFound` when there is no such account."""
        self._change(user, {"admin": admin})

    @mongo_errors()
    def set_password(self, user: UserId, password: str) -> None:
        """Another password; who signed in with the one before has to sign in again.

        Raises `NotFound` when there is no such account, `SettingsError` for what cannot be a password.
        """
        self._change(user, {"password": hashed(password)})
        self._tokens.revoke_all(user, signed_in=True)

    @mongo_errors()
    def knows(self, user: UserId, password: str) -> bool:
        """Whether this is the account's password; a no takes equally long whether there is such an account or not."""
        found = self._users.find_one({"_id": user}) or {}
        stored = found.get("password")
        right, outdated = verdict(password, stored)
        if outdated:
            self._users.update_one({"_id": user, "password": stored}, {"$set": {"password": hashed(password)}})
        return right

    @mongo_errors()
    def token(self, user: UserId, label: str = "", *, lasts: timedelta | None = None, signed_in: bool = False) -> str:
        """A new token for an account, good for ever or as long as it `lasts`; `signed_in` when it is for a password.

        Raises `NotFound` when there is no such account.
        """
        self._found(user)
        return self._tokens.issue(user, label, lasts, signed_in=signed_in)

    @mongo_errors()
    def tokens(self, user: UserId) -> list[Token]:
        """An account's tokens, oldest first; raises `NotFound` when there is no such account."""
        self._found(user)
        return self._tokens.of(user)

    @mongo_errors()
    def revoke(self, user: UserId, token_id: str) -> None:
        """End one token of an account; raises `NotFound` when there is no such account or token."""
        self._found(user)
        self._tokens.revoke(user, token_id)

    @mongo_errors()
    def sign_out(self, token: str) -> None:
        """End a token that was given for a password; any other goes on."""
        self._tokens.sign_out(token)

    @mongo_errors()
    def owner(self, token: str) -> Account | None:
        """Whose token this is."""
        user = self._tokens.owner(token)
        if user is None:
            # `$in`, not equality: over an index on a list the embedded server finds nothing by equality.
            found = self._users.find_one({"tokens": {"$in": [digest(token)]}})
            if found is not None:
                self._adopt(found)
        else:
            # A token may outlive its account by the moment in which both go.
            found = self._users.find_one({"_id": user})
        return _account(found) if found else None

    @mongo_errors()
    def listener(self, name: str) -> UserId:
        """Who is called so; raises `SettingsError` for a name nobody can have or, once there are accounts, nobody has."""
        user = _check(UserId(name))
        if self._users.find_one() and not self._users.find_one({"_id": user}):
            raise SettingsError(f"there is no account {user!r}; `segue user add {user}` makes one")
        return user

    @mongo_errors()
    def names(self) -> list[UserId]:
        """The names of all accounts."""
        return [one.name for one in self.accounts()]

    @mongo_errors()
    def accounts(self) -> list[Account]:
        """All accounts, by name."""
        return [_account(found) for found in self._users.find().sort("_id", 1)]

    def _found(self, user: UserId) -> Document:
        found = self._users.find_one({"_id": user})
        if found is None:
            raise NotFound(f"no account {user!r}; `segue user add {user}` makes one")
        return found

    def _change(self, user: UserId, changes: Document) -> None:
        self._found(user)
        self._users.update_one({"_id": user}, {"$set": changes})

    def _adopt(self, found: Document) -> None:
        if found.get("tokens"):
            self._tokens.adopt(UserId(found["_id"]), found["tokens"], found["added_at"])
        if "tokens" in found:
            self._users.update_one({"_id": found["_id"]}, {"$unset": {"tokens": ""}})


def _account(found: Document) -> Account:
    return Account(UserId(found["_id"]), bool(found.get("admin")), bool(found.get("password")))


def _check(user: UserId) -> UserId:
    try:
        return TypeAdapter(Annotated[UserId, NAME]).validate_python(user)
    except ValidationError as error:
        raise SettingsError(f"{user!r} cannot be an account's name: {error.errors()[0]['msg']}") from error
