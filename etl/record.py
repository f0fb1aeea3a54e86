"""What a track's record becomes by what an ingest found, and whether the files it speaks of are still as they were.

In: an outcome and the record there was, if any. Out: the new record.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime

from etl.audio.loudness import Loudness
from etl.process import Ingested
from etl.scan import path_of
from etl.tags.read import named_after
from infra.errors import ServiceError
from infra.models import Source, Track, TrackId, TrackRecord
from infra.store import LARGEST_INT, Holding

__all__ = ["holding_of", "is_as", "is_there", "look", "other_sources", "record_of", "vanished"]


def record_of(track: TrackId, outcome: Ingested, prior: TrackRecord | None) -> TrackRecord:
    """The record of a track by an outcome; raises `ServiceError` when the one there was has vanished."""
    converted = outcome.converted
    features = converted.features if converted else prior.features if prior else None
    kept = converted.media if converted else prior.media if prior else None
    if features is None or kept is None:
        raise vanished(track)
    same_sound = prior is not None and prior.features == features
    # Another file of the track says what this one does not.
    others = prior if prior and any(map(is_there, other_sources(prior, outcome.source))) else None
    cover_uri = outcome.cover_uri or (others.cover_uri if others else None)
    return TrackRecord(
        track=_track_of(track, outcome, prior, others),
        contents=tuple(dict.fromkeys((*(prior.contents if prior else ()), *outcome.contents))),
        sources=_sources(prior, outcome.source),
        media=kept,
        cover_uri=cover_uri,
        features=features,
        vectors=prior.vectors if prior and (same_sound or prior.features.version < features.version) else {},
    )


def holding_of(record: TrackRecord) -> Holding:
    """What an ingest keeps in mind of a record."""
    return Holding(
        record.track.id,
        record.contents,
        record.sources,
        record.media,
        record.features.version,
        max(record.vectors, default=0),
        record.missing,
    )


def vanished(track: TrackId) -> ServiceError:
    """For a record that somebody else took away."""
    return ServiceError(f"track {track} was in the database when the ingest began, and is not any more; run it again")


def other_sources(prior: TrackRecord, now: Source) -> Iterator[Source]:
    """The places of a track but for one; a missing track has none."""
    return (s for s in prior.sources if s.uri != now.uri and not prior.missing)


def is_there(source: Source) -> bool:
    """Whether a source is as it was; of one behind an address this is taken for granted until it is listed again."""
    if not source.uri.startswith("file://"):
        return True
    found = look(source.uri)
    return found is not None and is_as(source, found.st_size, found.st_mtime_ns)


def is_as(source: Source, size: int, mtime_ns: int) -> bool:
    """Whether a file looks as it did when it was ingested."""
    return (source.bytes, source.mtime_ns) == (size, min(mtime_ns, LARGEST_INT))


def look(uri: str) -> os.stat_result | None:
    """What the system says about a file, if it is one and can be looked at."""
    try:
        found = path_of(uri).stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _sources(prior: TrackRecord | None, now: Source) -> tuple[Source, ...]:
    """The places of a track with this one; where a missing one was last seen is no place of it any more."""
    storable = now.model_copy(update={"mtime_ns": min(now.mtime_ns, LARGEST_INT)})
    return (*(other_sources(prior, now) if prior else ()), storable)


def _track_of(track: TrackId, outcome: Ingested, prior: TrackRecord | None, others: TrackRecord | None) -> Track:
    sound = prior.track.model_dump(include={"duration_ms", *Loudness._fields}) if prior else {}
    if found := outcome.converted:
        sound |= {"duration_ms": found.duration_ms} | (found.loudness._asdict() if found.loudness else {})
    said = {k: v for k, v in outcome.tags._asdict().items() if k != "cover"}
    if others:
        if said["title"] == named_after(path_of(outcome.file.uri.partition("::")[0])):
            said["title"] = ""
        said = {k: v or getattr(others.track, k) for k, v in said.items()}
    return Track(
        **said,
        id=track,
        **sound,
        cover=bool(outcome.cover_uri or (others and others.cover_uri)),
        added_at=prior.track.added_at if prior else datetime.now(UTC),
    )
