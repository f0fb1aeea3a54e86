"""Tokens: what a client shows instead of a password.

In: accounts' names. Out: tokens, shown once; only their SHA-256 is stored (they are random, so no slow hash is needed).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pymongo import UpdateOne
from pymongo.collection import Collection

from infra.clock import now_ms, to_ms
from infra.errors import NotFound
from infra.models import UserId

__all__ = ["Token", "TokenStore", "digest"]

Document = dict[str, Any]

USED_EVERY = timedelta(hours=1)
"""How finely it is noted when a token was last used."""
ID_LENGTH = 8


class Token(NamedTuple):
    """What may be shown of a token."""

    id: str
    """The beginning of its digest: names it in lists, and opens nothing."""
    user: UserId
    label: str
    """What it is for, in its owner's words."""
    created_at: datetime
    used_at: datetime | None
    """When it was last used, to the hour."""
    expires_at: datetime | None
    signed_in: bool
    """Given for a password; it ends when its client signs out."""


class TokenStore:
    """The collection `tokens`, a document a token, `_id` its digest. `UserStore` turns MongoDB's errors into ours."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._tokens = collection

    def prepare(self) -> None:
        """Index for the list of one account."""
        self._tokens.create_index("user")

    def issue(self, user: UserId, label: str, lasts: timedelta | None, *, signed_in: bool) -> str:
        """A new token, good for ever or as long as it `lasts`; those that are no longer good are cleared away."""
        token, now = secrets.token_urlsafe(32), now_ms()
        ended = [found["_id"] for found in self._tokens.find({"user": user}) if _ended(found, now)]
        if ended:
            self._tokens.delete_many({"_id": {"$in": ended}})
        self._tokens.insert_one(
            {
                **_document(digest(token), user, now),
                "label": label,
                "expires_ms": now + _ms(lasts) if lasts else None,
                "signed_in": signed_in,
            }
        )
        return token

    def adopt(self, user: UserId, digests: Iterable[str], created_at: datetime) -> None:
        """Tokens that an earlier Segue kept in the account."""
        # MongoDB gives times in UTC without saying so.
        created_ms = to_ms(created_at.replace(tzinfo=UTC))
        made = [_document(one, user, created_ms) for one in digests]
        writes = [UpdateOne({"_id": one["_id"]}, {"$setOnInsert": one}, upsert=True) for one in made]
        if writes:
            self._tokens.bulk_write(writes, ordered=False)

    def owner(self, token: str) -> UserId | None:
        """Whose token this is; None for one that is unknown or no longer good."""
        found = self._tokens.find_one({"_id": digest(token)})
        now = now_ms()
        if found is None or _ended(found, now):
            return None
        used_ms = found["used_ms"]
        if used_ms is None or now - used_ms >= _ms(USED_EVERY):
            self._tokens.update_one({"_id": found["_id"]}, {"$set": {"used_ms": now}})
        return UserId(found["user"])

    def of(self, user: UserId) -> list[Token]:
        """An account's tokens, oldest first."""
        return [_token(found) for found in self._tokens.find({"user": user}).sort("created_ms", 1)]

    def revoke(self, user: UserId, token_id: str) -> None:
        """End one token; raises `NotFound` when the account has none that is called so."""
        named = [one["_id"] for one in self._tokens.find({"user": user}) if one["_id"][:ID_LENGTH] == token_id]
        if not named:
            raise NotFound(f"{user!r} has no token {token_id!r}; `segue user tokens {user}` lists them")
        self._tokens.delete_many({"_id": {"$in": named}})

    def revoke_all(self, user: UserId, *, signed_in: bool = False) -> None:
        """End all of an account's tokens, or those that were given for its password."""
        self._tokens.delete_many({"user": user, "signed_in": True} if signed_in else {"user": user})

    def sign_out(self, token: str) -> None:
        """End a token that was given for a password; any other goes on."""
        self._tokens.delete_one({"_id": digest(token), "signed_in": True})


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _document(one: str, user: UserId, created_ms: int) -> Document:
    # Milliseconds: a date that is set again comes back from the embedded server as text.
    return {
        "_id": one,
        "user": user,
        "label": "",
        "created_ms": created_ms,
        "used_ms": None,
        "expires_ms": None,
        "signed_in": False,
    }


def _ended(found: Document, now: int) -> bool:
    return found["expires_ms"] is not None and found["expires_ms"] <= now


def _token(found: Document) -> Token:
    return Token(
        id=found["_id"][:ID_LENGTH],
        user=UserId(found["user"]),
        label=found["label"],
        created_at=_moment(found["created_ms"]),
        used_at=_moment(found["used_ms"]) if found["used_ms"] is not None else None,
        expires_at=_moment(found["expires_ms"]) if found["expires_ms"] is not None else None,
        signed_in=found["signed_in"],
    )


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
