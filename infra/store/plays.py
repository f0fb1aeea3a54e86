"""Plays: every event once, by its id.

In: `PlayEvent`s from the durable reader, and what takes them back. Out: a listener's history, newest first, id ranges for
Spark, and when listeners were forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from pymongo import UpdateOne
from pymongo.collection import Collection

from infra.clock import now_ms
from infra.errors import SegueError
from infra.events import OPINIONS, PlayEvent
from infra.models import TrackId, UserId
from infra.store.mongo_errors import mongo_errors

__all__ = ["Forgetting", "PlayStore", "StoredPlay"]

Document = dict[str, Any]

AT_ONCE = 1_000
"""Ids in one question."""
BATCH = 10_000
"""Events that the server sends at once."""


class StoredPlay(NamedTuple):
    """A play as Spark reads it: flat, times in milliseconds since 1970."""

    event_id: str
    user: str
    track: str
    kind: str
    position_ms: int
    duration_ms: int
    at_ms: int
    private: bool


class Forgetting(NamedTuple):
    """That a listener was forgotten whose plays may have been learned from; not who it was."""

    at_ms: int
    """When, milliseconds since 1970."""
    first_ms: int
    """When the first of their plays had been written; 0 for those of an earlier Segue."""
    ended: bool = True
    """Whether all of their plays are gone; until then `at_ms` is when that began."""


class PlayStore:
    """The collection `plays`, a document an event, `_id` the event's id; `forgotten`, a document a `Forgetting`; and
    `amended`, how often a listener's stored events have been changed or removed.
    """

    def __init__(
        self, plays: Collection[Document], forgotten: Collection[Document], amended: Collection[Document]
    ) -> None:
        self._plays, self._forgotten, self._amended = plays, forgotten, amended

    @mongo_errors()
    def prepare(self) -> None:
        """Indexes for the history of one listener, and for what came since."""
        self._plays.create_index([("user", 1), ("at_ms", -1)])
        self._plays.create_index([("user", 1), ("stored_ms", 1)])
        self._plays.create_index("stored_ms")

    @mongo_errors()
    def append(self, events: Sequence[PlayEvent]) -> int:
        """Write events; ids already there are left as they are, but that a private one makes the stored one private.

        Returns how many were new.
        """
        if not events:
            return 0
        writes = [UpdateOne({"_id": str(e.event_id)}, {"$setOnInsert": _document(e)}, upsert=True) for e in events]
        done = self._plays.bulk_write(writes, ordered=False)
        new = done.upserted_ids or {}
        again = [e for place, e in enumerate(events) if e.private and place not in new]
        for user in {e.user for e in again}:
            self.make_private(user, [e.event_id for e in again if e.user == user])
        return done.upserted_count

    @mongo_errors()
    def make_private(self, user: UserId, events: Sequence[UUID]) -> None:
        """Let these of a listener's events be private from now on, those that are stored; no way leads back."""
        self._amend(user)
        for some in _batched(map(str, events)):
            change = {"$set": {"event.private": True}}
            self._plays.update_many({"_id": {"$in": some}, "user": user, "event.private": False}, change)
        self._amend(user)

    @mongo_errors()
    def withdraw(self, user: UserId, track: TrackId) -> None:
        """Delete what a listener has said of a track."""
        self._amend(user)
        self._plays.delete_many({"user": user, "event.track": track, "event.kind": {"$in": list(OPINIONS)}})
        self._amend(user)

    @mongo_errors()
    def amendments(self, user: UserId) -> int:
        """Another number means that events of this listener have been changed or removed."""
        found = self._amended.find_one({"_id": user})
        return int(found["times"]) if found else 0

    @mongo_errors()
    def amended_since(self, moment_ms: int) -> bool:
        """Whether events of anybody have been changed or removed at or after this moment, milliseconds since 1970."""
        return any(one["at_ms"] >= moment_ms for one in self._amended.find())

    @mongo_errors()
    def has(self, event: UUID) -> bool:
        """Whether an event is stored."""
        return self._plays.find_one({"_id": str(event)}, {"_id": 1}) is not None

    def written_since(self, user: UserId, moment_ms: int) -> Iterator[tuple[int, StoredPlay]]:
        """A listener's events that were stored at or after a moment (milliseconds since 1970; 0 for all), each with when."""
        query: Document = {"user": user}
        if moment_ms:
            query["stored_ms"] = {"$gte": moment_ms}
        with mongo_errors():
            for found in self._plays.find(query, batch_size=BATCH):
                yield found.get("stored_ms", 0), _plain(found)

    @mongo_errors()
    def chosen(self, user: UserId, events: Iterable[UUID]) -> list[PlayEvent]:
        """Those of a listener's events that have these ids, as they were posted, in no order."""
        found = [
            document
            for some in _batched(map(str, events))
            for document in self._plays.find({"_id": {"$in": some}, "user": user})
        ]
        return [PlayEvent.model_validate(d["event"]) for d in found]

    @mongo_errors()
    def history(self, user: UserId, limit: int, cursor: str | None = None) -> tuple[list[PlayEvent], str | None]:
        """Up to `limit` events, newest first, and the cursor of the next page (None at the end).

        Raises `SegueError` for a cursor that is not one of ours.
        """
        query: Document = {"user": user}
        if cursor is not None:
            at_text, _, last = cursor.partition(".")
            if not re.fullmatch("[0-9]{1,15}", at_text) or not last:
                raise SegueError(f"cursor: {cursor!r} is not one that this service gave")
            query["$or"] = [{"at_ms": {"$lt": int(at_text)}}, {"at_ms": int(at_text), "_id": {"$lt": last}}]
        found = list(self._plays.find(query).sort([("at_ms", -1), ("_id", -1)]).limit(limit + 1))
        page = found[:limit]
        following = f"{page[-1]['at_ms']}.{page[-1]['_id']}" if len(found) > limit else None
        return [PlayEvent.model_validate(d["event"]) for d in page], following

    @mongo_errors()
    def opinions(self, user: UserId, limit: int) -> list[PlayEvent]:
        """Up to `limit` likes and dislikes of a listener, newest first, however long ago they were."""
        query = {"user": user, "event.kind": {"$in": list(OPINIONS)}}
        found = self._plays.find(query).sort([("at_ms", -1), ("_id", -1)]).limit(limit)
        return [PlayEvent.model_validate(d["event"]) for d in found]

    def between(self, user: UserId, first_ms: int, last_ms: int) -> Iterator[PlayEvent]:
        """Everything of a listener from `first_ms` to `last_ms` (milliseconds since 1970), in no order."""
        with mongo_errors():
            for found in self._plays.find({"user": user, "at_ms": {"$gte": first_ms, "$lte": last_ms}}):
                yield PlayEvent.model_validate(found["event"])

    @mongo_errors()
    def arrived(self, since_ms: int, kinds: Sequence[str], *, until_ms: int, most: int) -> int:
        """How many events of these kinds, not private and none later than `until_ms`, were written from `since_ms` on.

        Counted up to `most`; 0 as `since_ms` stands for ever. The plays before are not read.
        """
        query: Document = {"event.kind": {"$in": list(kinds)}, "event.private": False, "at_ms": {"$lte": until_ms}}
        if since_ms:
            query["stored_ms"] = {"$gte": since_ms}
        # Counted here: the embedded server counts by reading everything.
        return sum(1 for _ in self._plays.find(query, {"_id": 1}).limit(most))

    @mongo_errors()
    def forget(self, user: UserId) -> int:
        """Delete everything of a listener; returns how many events that were."""
        # Plays of an earlier Segue, without that moment, come first.
        known = self._plays.find_one({"user": user, "event.private": False}, {"stored_ms": 1}, sort=[("stored_ms", 1)])
        # Noted before, and again after, when nobody can read them any more. Until then the note has the name: when the
        # wish comes once more, because the first try was killed or MongoDB was away, that note is ended.
        if known is not None:
            begun = {"at_ms": now_ms(), "first_ms": known.get("stored_ms", 0)}
            self._forgotten.update_one({"user": user}, {"$setOnInsert": begun}, upsert=True)
        deleted = self._plays.delete_many({"user": user}).deleted_count
        self._amended.delete_one({"_id": user})
        self._forgotten.update_many({"user": user}, {"$set": {"at_ms": now_ms()}, "$unset": {"user": ""}})
        return deleted

    @mongo_errors()
    def forgettings(self) -> list[Forgetting]:
        """Those that are not settled yet."""
        return [Forgetting(one["at_ms"], one["first_ms"], "user" not in one) for one in self._forgotten.find()]

    @mongo_errors()
    def settle(self, forgetting: Forgetting) -> None:
        """No model is left that learned from this listener."""
        self._forgotten.delete_many({"at_ms": forgetting.at_ms, "first_ms": forgetting.first_ms})

    def scan(self, lower: str = "", upper: str = "g") -> Iterator[StoredPlay]:
        """All plays with `lower <= event id < upper`: ids are hexadecimal, so equal ranges are about equal shares."""
        with mongo_errors():
            for d in self._plays.find({"_id": {"$gte": lower, "$lt": upper}}):
                yield _plain(d)

    def _amend(self, user: UserId) -> None:
        # Noted before and after a change: whoever reads in between reads again, and so does who is killed in between.
        self._amended.update_one({"_id": user}, {"$inc": {"times": 1}, "$set": {"at_ms": now_ms()}}, upsert=True)

    @mongo_errors()
    def count(self) -> int:
        """How many there are (the server's estimate, which is cheap)."""
        return self._plays.estimated_document_count()


def _plain(document: Document) -> StoredPlay:
    event = document["event"]
    return StoredPlay(
        document["_id"],
        event["user"],
        event["track"],
        event["kind"],
        event["position_ms"],
        event["duration_ms"],
        document["at_ms"],
        # The embedded server keeps a truth that was set afterwards as a number.
        bool(event["private"]),
    )


def _document(event: PlayEvent) -> Document:
    return {"user": event.user, "at_ms": event.at_ms, "stored_ms": now_ms(), "event": event.model_dump(mode="json")}


def _batched(ids: Iterable[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while some := list(islice(left, AT_ONCE)):
        yield some
