"""Accounts and their tokens.

In: names from `segue user`. Out: tokens, shown once; only their SHA-256 is stored (they are random, so no slow hash is needed).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pymongo.collection import Collection

from infra.errors import NotFound, SettingsError
from infra.events import NAME
from infra.models import UserId
from infra.store.mongo_errors import mongo_errors

__all__ = ["UserStore"]

Document = dict[str, Any]


class UserStore:
    """The collection `users`, a document an account, `_id` its name."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._users = collection

    @mongo_errors()
    def prepare(self) -> None:
        """Index for looking a token up."""
        self._users.create_index("tokens")

    @mongo_errors()
    def add(self, user: UserId) -> None:
        """Make an account; raises `SettingsError` for a name that cannot be one, or that there is already."""
        _check(user)
        if self._users.find_one({"_id": user}):
            raise SettingsError(
                f"there is an account {user!r} already; `segue user token {user}` gives it another token"
            )
        self._users.insert_one({"_id": user, "tokens": [], "added_at": datetime.now(UTC)})

    @mongo_errors()
    def token(self, user: UserId) -> str:
        """A new token for an account; raises `NotFound` when there is no such account."""
        token = secrets.token_urlsafe(32)
        done = self._users.update_one({"_id": user}, {"$push": {"tokens": _digest(token)}})
        if not done.matched_count:
            raise NotFound(f"no account {user!r}; `segue user add {user}` makes one")
        return token

    @mongo_errors()
    def remove(self, user: UserId) -> None:
        """Delete an account and all its tokens; raises `NotFound` when there is none."""
        if not self._users.delete_one({"_id": user}).deleted_count:
            raise NotFound(f"no account {user!r}")

    @mongo_errors()
    def owner(self, token: str) -> UserId | None:
        """Whose token this is."""
        # `$in`, not equality: over an index on a list the embedded server finds nothing by equality.
        found = self._users.find_one({"tokens": {"$in": [_digest(token)]}})
        return UserId(found["_id"]) if found else None

    @mongo_errors()
    def listener(self, name: str) -> UserId:
        """Who is called so; raises `SettingsError` for a name nobody can have or, once there are accounts, nobody has."""
        user = _check(UserId(name))
        if self._users.find_one() and not self._users.find_one({"_id": user}):
            raise SettingsError(f"there is no account {user!r}; `segue user add {user}` makes one")
        return user

    @mongo_errors()
    def names(self) -> list[UserId]:
        """All accounts."""
        return [UserId(d["_id"]) for d in self._users.find().sort("_id", 1)]


def _check(user: UserId) -> UserId:
    try:
        return TypeAdapter(Annotated[UserId, NAME]).validate_python(user)
    except ValidationError as error:
        raise SettingsError(f"{user!r} cannot be an account's name: {error.errors()[0]['msg']}") from error


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
