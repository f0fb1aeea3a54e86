"""Track records and plays with plain contents, for tests that need some in the store."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from infra.events import PlayEvent
from infra.models import Features, Media, Source, Track, TrackId, TrackRecord, UserId

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def track_id(name: str) -> TrackId:
    """An id as ingest mints it, from a name."""
    return TrackId(sha256(name.encode()).hexdigest()[:32])


def record(name: str, *, artist: str = "Artist", album: str = "Album", **changes: Any) -> TrackRecord:
    """A stored track; `changes` replace fields of the record."""
    track = Track(id=track_id(name), title=name, artist=artist, album=album, duration_ms=180_000, added_at=START)
    whole = TrackRecord(
        track=track,
        contents=(sha256(name.encode()).hexdigest(),),
        sources=(Source(uri=f"file:///music/{name}.mp3", bytes=1000, mtime_ns=1),),
        media=Media(uri=f"file:///media/{name}.mp3", mime="audio/mpeg", bitrate_kbps=64, bytes=500),
        features=Features(version=1, values=(0.5, 1.5)),
    )
    return whole.model_copy(update=changes)


def play(track: str, *, user: str = "me", kind: str = "finished", minute: float = 0, **changes: Any) -> PlayEvent:
    """An event `minute` minutes after the start of 2026-01-01's noon; `track` is a name as for `record`."""
    fields = {
        "event_id": uuid.uuid4(),
        "user": UserId(user),
        "track": track_id(track),
        "kind": kind,
        "position_ms": 180_000,
        "duration_ms": 180_000,
        "at": START + timedelta(minutes=minute),
    }
    return PlayEvent.model_validate(fields | changes)
