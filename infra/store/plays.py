"""Plays: every event once, by its id.

In: `PlayEvent`s from the durable reader. Out: a listener's history, newest first, and id ranges for Spark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pymongo import UpdateOne
from pymongo.collection import Collection

from infra.errors import SegueError
from infra.events import PlayEvent
from infra.models import UserId
from infra.store.mongo_errors import mongo_errors

__all__ = ["PlayStore", "StoredPlay"]

Document = dict[str, Any]


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


class PlayStore:
    """The collection `plays`, a document an event, `_id` the event's id."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._plays = collection

    @mongo_errors()
    def prepare(self) -> None:
        """Index for the history of one listener."""
        self._plays.create_index([("user", 1), ("at_ms", -1)])

    @mongo_errors()
    def append(self, events: Sequence[PlayEvent]) -> int:
        """Write events; ids already there are left as they are. Returns how many were new."""
        if not events:
            return 0
        writes = [UpdateOne({"_id": str(e.event_id)}, {"$setOnInsert": _document(e)}, upsert=True) for e in events]
        return self._plays.bulk_write(writes, ordered=False).upserted_count

    @mongo_errors()
    def history(self, user: UserId, limit: int, cursor: str | None = None) -> tuple[list[PlayEvent], str | None]:
        """Up to `limit` events, newest first, and the cursor of the next page (None at the end).

        Raises `SegueError` for a cursor that is not one of ours.
        """
        query: Document = {"user": user}
        if cursor is not None:
            at_text, _, last = cursor.partition(".")
            if not at_text.isdigit() or not last:
                raise SegueError(f"cursor: {cursor!r} is not one that this service gave")
            query["$or"] = [{"at_ms": {"$lt": int(at_text)}}, {"at_ms": int(at_text), "_id": {"$lt": last}}]
        found = list(self._plays.find(query).sort([("at_ms", -1), ("_id", -1)]).limit(limit + 1))
        page = found[:limit]
        following = f"{page[-1]['at_ms']}.{page[-1]['_id']}" if len(found) > limit else None
        return [PlayEvent.model_validate(d["event"]) for d in page], following

    def between(self, user: UserId, first_ms: int, last_ms: int) -> Iterator[PlayEvent]:
        """Everything of a listener from `first_ms` to `last_ms` (milliseconds since 1970), in no order."""
        with mongo_errors():
            for found in self._plays.find({"user": user, "at_ms": {"$gte": first_ms, "$lte": last_ms}}):
                yield PlayEvent.model_validate(found["event"])

    @mongo_errors()
    def forget(self, user: UserId) -> int:
        """Delete everything of a listener; returns how many events that were."""
        return self._plays.delete_many({"user": user}).deleted_count

    def scan(self, lower: str = "", upper: str = "g") -> Iterator[StoredPlay]:
        """All plays with `lower <= event id < upper`: ids are hexadecimal, so equal ranges are about equal shares."""
        with mongo_errors():
            for d in self._plays.find({"_id": {"$gte": lower, "$lt": upper}}):
                e = d["event"]
                yield StoredPlay(
                    d["_id"],
                    e["user"],
                    e["track"],
                    e["kind"],
                    e["position_ms"],
                    e["duration_ms"],
                    d["at_ms"],
                    e["private"],
                )

    @mongo_errors()
    def count(self) -> int:
        """How many there are (the server's estimate, which is cheap)."""
        return self._plays.estimated_document_count()


def _document(event: PlayEvent) -> Document:
    at_ms = int(event.at.timestamp() * 1000)
    return {"user": event.user, "at_ms": at_ms, "event": event.model_dump(mode="json")}
