"""Files that could not be ingested.

In: `Failure`s from ETL. Out: the same, oldest first, until they are cleared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pymongo import DeleteMany, ReplaceOne
from pymongo.collection import Collection

from infra.store.mongo_errors import mongo_errors

__all__ = ["Failure", "FailureStore"]


class Failure(NamedTuple):
    """A file that could not be ingested, why, and what it was when that was found out."""

    uri: str
    stage: str
    reason: str
    size: int
    mtime_ns: int
    reader: str
    """What it was tried with: another version, or other options, may fare better."""
    at: datetime


class FailureStore:
    """The collection `failures`, a document a file, by URI."""

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        self._failures = collection

    @mongo_errors()
    def record(self, failures: Sequence[Failure]) -> None:
        """Remember failures; each takes the place of what was known of its file."""
        writes = [ReplaceOne({"_id": f.uri}, {"_id": f.uri, **_body(f)}, upsert=True) for f in failures]
        if writes:
            self._failures.bulk_write(writes, ordered=False)

    @mongo_errors()
    def clear(self, uris: Iterable[str]) -> None:
        """Forget files that came through after all, or that have gone."""
        gone = list(uris)
        if gone:
            self._failures.bulk_write([DeleteMany({"_id": {"$in": gone}})])

    def all(self) -> Iterator[Failure]:
        """Every failure, newest last."""
        with mongo_errors():
            for found in self._failures.find().sort("at", 1):
                yield _failure(found)

    @mongo_errors()
    def newest(self, limit: int) -> tuple[int, list[Failure]]:
        """How many there are (the server's estimate, which is cheap), and up to `limit` of them, newest first."""
        found = self._failures.find().sort("at", -1).limit(limit)
        return self._failures.estimated_document_count(), list(map(_failure, found))


def _failure(found: dict[str, Any]) -> Failure:
    # `reader` is newer than the others: what has none was tried by a version that others have followed.
    whole = {"reader": "", **found}
    at = whole["at"].replace(tzinfo=UTC)
    return Failure(found["_id"], at=at, **{name: whole[name] for name in Failure._fields[1:-1]})


def _body(failure: Failure) -> dict[str, Any]:
    return {name: value for name, value in failure._asdict().items() if name != "uri"}
