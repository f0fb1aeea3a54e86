"""Tracks, and the fitted normalisers their vectors come from.

In: `TrackRecord`s from ETL. Out: the same by id, change time or id range.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pymongo import ReplaceOne, UpdateOne
from pymongo.collection import Collection

from infra.clock import now_ms
from infra.models import Media, Source, TrackId, TrackRecord
from infra.store.mongo_errors import mongo_errors

__all__ = ["Holding", "Named", "NormaliserStore", "TrackStore"]

Document = dict[str, Any]

VERSIONS_KEPT = 2
"""Vectors of so many normalisers live side by side."""


class Holding(NamedTuple):
    """What an ingest needs to know of a track that is there already: all but what it sounds like and is called."""

    id: TrackId
    contents: tuple[str, ...]
    sources: tuple[Source, ...]
    media: Media
    features_version: int
    vector_version: int
    """Newest normaliser that made a vector of it; 0 for none yet."""
    missing: bool


class Named(NamedTuple):
    """What a track is called, for finding it by its tags."""

    id: TrackId
    title: str
    artist: str
    album: str
    album_artist: str
    duration_ms: int
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
        revision = now_ms()
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
        change = {"$set": {"missing": missing, "revision": now_ms()}}
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
                    Media.model_validate(found["media"]),
                    found["features_version"],
                    found["vector_version"],
                    found["missing"],
                )

    def names(self) -> Iterator[Named]:
        """What every track is called, missing ones included."""
        with mongo_errors():
            for found in self._tracks.find({}, {"track": 1, "missing": 1}):
                track = found["track"]
                yield Named(
                    TrackId(found["_id"]),
                    track["title"],
                    track["artist"],
                    track["album"],
                    track["album_artist"],
                    track["duration_ms"],
                    found["missing"],
                )

    @mongo_errors()
    def having_vector(self, version: int) -> int:
        """How many have a vector of this normaliser."""
        return sum(1 for _ in self._tracks.find({f"vectors.{version}": {"$exists": True}}, {"_id": 1}))

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


def _document(record: TrackRecord) -> Document:
    body = record.model_dump(mode="json")
    body["features"]["segments"] = _packed(record.features.segments)
    newest = {"features_version": record.features.version, "vector_version": max(record.vectors, default=0)}
    return {"_id": record.track.id, "revision": now_ms(), **newest, **body}


def _record(document: Document) -> TrackRecord:
    features = document["features"]
    features["segments"] = _unpacked(features["segments"], len(features["values"]))
    return TrackRecord.model_validate({k: v for k, v in document.items() if k in TrackRecord.model_fields})


def _packed(parts: Sequence[Sequence[float]]) -> str:
    """Rows in single precision, which is what features are measured in, as base64: a quarter of the bytes of the numbers.

    As text, because the embedded server replaces no document that holds bytes.
    """
    return base64.b64encode(np.asarray(parts, dtype="<f4").tobytes()).decode()


def _unpacked(packed: str, width: int) -> list[list[float]]:
    rows: list[list[float]] = np.frombuffer(base64.b64decode(packed), dtype="<f4").reshape(-1, width).tolist()
    return rows
