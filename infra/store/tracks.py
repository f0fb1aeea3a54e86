"""Tracks, the fitted normalisers their vectors come from, and the files that failed.

In: `TrackRecord`s from ETL. Out: the same by id, change time or id range.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pymongo import ReplaceOne, UpdateOne
from pymongo.collection import Collection

from infra.models import Source, TrackId, TrackRecord
from infra.store.mongo_errors import mongo_errors

__all__ = ["FailureStore", "Holding", "NormaliserStore", "TrackStore"]

Document = dict[str, Any]

VERSIONS_KEPT = 2
"""Vectors of so many normalisers live side by side."""


class Holding(NamedTuple):
    """What an ingest needs to know of a track that is there already: all but what it sounds like and is called."""

    id: TrackId
    contents: tuple[str, ...]
    sources: tuple[Source, ...]
    media_uri: str
    features_version: int
    vector_version: int
    """Newest normaliser that made a vector of it; 0 for none yet."""
    missing: bool


class TrackStore:
    """The collection `tracks`, a document a `TrackRecord`."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._tracks = collection

    @mongo_errors()
    def prepare(self) -> None:
        """Index for `changed_since`."""
        self._tracks.create_index("revision")

    @mongo_errors()
    def upsert(self, records: Sequence[TrackRecord]) -> None:
        """Write whole records; a record with the same id is replaced."""
        if records:
            self._tracks.bulk_write([ReplaceOne({"_id": r.track.id}, _document(r), upsert=True) for r in records])

    @mongo_errors()
    def set_vectors(self, version: int, vectors: Mapping[TrackId, Sequence[float]]) -> None:
        """Store normaliser `version`'s vectors beside those of the version before; older ones go."""
        revision = _now()
        writes = [
            UpdateOne(
                {"_id": track},
                {
                    "$set": {f"vectors.{version}": list(vector), "revision": revision},
                    "$max": {"vector_version": version},
                    "$unset": {f"vectors.{version - VERSIONS_KEPT}": ""},
                },
            )
            for track, vector in vectors.items()
        ]
        if writes:
            self._tracks.bulk_write(writes)

    @mongo_errors()
    def set_missing(self, tracks: Iterable[TrackId], missing: bool) -> None:
        """Mark tracks whose source has gone, or has come back."""
        change = {"$set": {"missing": missing, "revision": _now()}}
        writes = [UpdateOne({"_id": track}, change) for track in tracks]
        if writes:
            self._tracks.bulk_write(writes)

    @mongo_errors()
    def get(self, track: TrackId) -> TrackRecord | None:
        """The record of one track."""
        found = self._tracks.find_one({"_id": track})
        return _record(found) if found else None

    def changed_since(self, revision: int) -> Iterator[tuple[int, TrackRecord]]:
        """`(revision, record)` of all written at or after `revision` (milliseconds), oldest first; 0 for all."""
        with mongo_errors():
            for found in self._tracks.find({"revision": {"$gte": revision}}).sort("revision", 1):
                yield int(found["revision"]), _record(found)

    def scan(self, lower: str = "", upper: str = "g") -> Iterator[TrackRecord]:
        """All records with `lower <= id < upper`: ids are hexadecimal, so equal ranges are equal shares."""
        with mongo_errors():
            for found in self._tracks.find({"_id": {"$gte": lower, "$lt": upper}}):
                yield _record(found)

    def holdings(self) -> Iterator[Holding]:
        """Every track without its numbers: a fraction of the bytes of `scan`."""
        wanted = ["contents", "sources", "media", "features_version", "vector_version", "missing"]
        with mongo_errors():
            for found in self._tracks.find({}, dict.fromkeys(wanted, 1)):
                yield Holding(
                    TrackId(found["_id"]),
                    tuple(found["contents"]),
                    tuple(Source.model_validate(s) for s in found["sources"]),
                    found["media"]["uri"],
                    found["features_version"],
                    found["vector_version"],
                    found["missing"],
                )

    @mongo_errors()
    def count(self) -> int:
        """How many there are, missing ones included (the server's estimate, which is cheap)."""
        return self._tracks.estimated_document_count()


class NormaliserStore:
    """The collection `normalisers`: fitted scaler and PCA by version, never changed once written."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._normalisers = collection

    @mongo_errors()
    def save(self, version: int, state: Mapping[str, Any]) -> None:
        """Keep a fitted state; plain numbers, strings and lists only."""
        # The version again, beside the id: the embedded server sorts ids as text.
        document = {"_id": version, "version": version, "state": dict(state)}
        self._normalisers.replace_one({"_id": version}, document, upsert=True)

    @mongo_errors()
    def load(self, version: int) -> Mapping[str, Any] | None:
        """The state of one version."""
        found = self._normalisers.find_one({"_id": version})
        return found["state"] if found else None

    @mongo_errors()
    def latest(self) -> tuple[int, Mapping[str, Any]] | None:
        """Version and state of the newest."""
        found = next(iter(self._normalisers.find().sort("version", -1).limit(1)), None)
        return (int(found["version"]), found["state"]) if found else None


class FailureStore:
    """The collection `failures`: files that could not be ingested, by URI, with stage and reason."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._failures = collection

    @mongo_errors()
    def record(self, uri: str, *, stage: str, reason: str, size: int, mtime_ns: int) -> None:
        """Remember a failure; `size` and `mtime_ns` tell later whether the file has changed since."""
        self._failures.replace_one(
            {"_id": uri},
            {"_id": uri, "stage": stage, "reason": reason, "size": size, "mtime_ns": mtime_ns, "at": datetime.now(UTC)},
            upsert=True,
        )

    @mongo_errors()
    def clear(self, uri: str) -> None:
        """Forget a failure, when the file came through after all."""
        self._failures.delete_one({"_id": uri})

    def all(self) -> Iterator[tuple[str, str, str]]:
        """`(uri, stage, reason)` of every failure."""
        with mongo_errors():
            for found in self._failures.find().sort("_id", 1):
                yield found["_id"], found["stage"], found["reason"]


def _document(record: TrackRecord) -> Document:
    body = record.model_dump(mode="json")
    newest = {"features_version": record.features.version, "vector_version": max(record.vectors, default=0)}
    return {"_id": record.track.id, "revision": _now(), **newest, **body}


def _record(document: Document) -> TrackRecord:
    return TrackRecord.model_validate({k: v for k, v in document.items() if k in TrackRecord.model_fields})


def _now() -> int:
    return time.time_ns() // 1_000_000
