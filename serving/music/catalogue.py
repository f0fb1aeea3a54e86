"""The library in memory: every track with what is needed to list, search, stream and recommend it.

In: `TrackRecord`s as they change in MongoDB. Out: tracks by id and in the library's order, what changed, sound vectors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from infra.clock import now_ms
from infra.errors import NotFound, StoreError
from infra.letters import fold
from infra.models import Media, Track, TrackId, TrackRecord
from serving.streams.media import path_of

__all__ = ["REQUEST_S", "SCAN_S", "Catalogue", "Change", "Entry"]

log = logging.getLogger("segue.catalogue")

REQUEST_S, SCAN_S = 3.0, 30.0
"""How long MongoDB may take for one answer: to a request that somebody waits for, and to reading the whole library."""
OVERLAP_MS = 2_000
"""How late a record may arrive behind its revision: writes take a moment, and clocks differ."""

CENTROID = 20
"""Where the mean of the spectral centroid stands among the values of `Features`; `etl/sound/features.py` names them all."""

Changes = Callable[[int], Iterable[tuple[int, TrackRecord]]]
Order = tuple[str, str, int, int, str, str]


class Entry(NamedTuple):
    """One track as it is served."""

    order: Order
    """Where it stands in the library: artist, album, disc, number, title, id."""
    text: str
    """Folded words that a search looks through."""
    track: Track
    media: Media
    cover_uri: str | None
    vectors: Mapping[int, tuple[float, ...]]
    """How it sounds, by version of the normaliser that says so."""
    brightness_hz: float | None = None
    """Mean of its spectral centroid; kept with the vectors."""


class Change(NamedTuple):
    """What became of a track: it came (`before` is None), changed, or went (`after` is None)."""

    before: Entry | None
    after: Entry | None


Follower = Callable[[Sequence[Change]], object]


class Catalogue:
    """All tracks that can be played. One thread refreshes; any may read: what they read is replaced, never changed."""

    def __init__(self, changes: Changes, *, vectors: bool, follower: Follower | None = None) -> None:
        """`changes` is `TrackStore.changed_since`; without `vectors` they are not kept.

        `follower` is told, by the thread that refreshes, of tracks that are now others to listeners than before.
        """
        self._changes, self._follower = changes, follower
        self._with_vectors = vectors
        self._entries: Mapping[TrackId, Entry] = {}
        self._shelf: list[Entry] = []
        self._revisions: dict[TrackId, int] = {}
        self._newest = -1
        self._asked_ms = 0
        self.generation = 0
        """Grows with every change."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> Mapping[TrackId, Entry]:
        """All tracks as they are now; the mapping does not change afterwards."""
        return self._entries

    @property
    def shelf(self) -> Sequence[Entry]:
        """The same in the library's order: by artist, album and number."""
        return self._shelf

    def refresh(self) -> bool:
        """Take in what has changed since the last call; returns whether anything has. Raises `StoreError`."""
        asked_ms = now_ms()
        since = max(min(self._newest + 1, self._asked_ms - OVERLAP_MS), 0)
        changed = [(r, record) for r, record in self._changes(since) if self._revisions.get(record.track.id) != r]
        self._asked_ms = asked_ms
        if not changed:
            return False
        entries = dict(self._entries)
        for revision, record in changed:
            self._revisions[record.track.id] = revision
            self._newest = max(self._newest, revision)
            self._place(entries, record)
        before = self._entries
        self._shelf = sorted(entries.values(), key=_by_order)
        self._entries = entries
        self.generation += 1
        if self._follower is not None:
            self._follower(_changes({record.track.id for _, record in changed}, before, entries))
        return True

    def catch_up(self) -> None:
        """`refresh`; with MongoDB away the library stays as it was last seen."""
        try:
            self.refresh()
        except StoreError as error:
            log.warning("the library stays as it was last seen: %s", error)

    def entry(self, track: str) -> Entry:
        """One track; raises `NotFound`."""
        found = self._entries.get(TrackId(track))
        if found is None:
            raise NotFound("no such track")
        return found

    def vectors(self, version: int | None = None) -> dict[TrackId, tuple[float, ...]]:
        """Sound vectors by track: those of normaliser `version`, or of the newest there is."""
        having = {track: e.vectors for track, e in self._entries.items() if e.vectors}
        if version is None:
            version = max((max(vectors) for vectors in having.values()), default=0)
        return {track: vectors[version] for track, vectors in having.items() if version in vectors}

    def artists(self) -> dict[TrackId, str]:
        """Artists by track."""
        return {track: e.track.artist for track, e in self._entries.items()}

    def albums(self) -> dict[TrackId, str]:
        """Albums by track."""
        return {track: e.track.album for track, e in self._entries.items()}

    def _place(self, entries: dict[TrackId, Entry], record: TrackRecord) -> None:
        if record.missing and not _still_has_bytes(record):
            entries.pop(record.track.id, None)
            return
        track = record.track
        entries[track.id] = Entry(
            order=_order(track),
            text=fold(f"{track.title}\n{track.artist}\n{track.album}\n{track.album_artist}"),
            track=track,
            media=record.media,
            cover_uri=record.cover_uri,
            vectors=record.vectors if self._with_vectors else {},
            brightness_hz=_brightness(record) if self._with_vectors else None,
        )


def _brightness(record: TrackRecord) -> float | None:
    values = record.features.values
    return values[CENTROID] if len(values) > CENTROID else None


def _still_has_bytes(record: TrackRecord) -> bool:
    """Whether what is streamed outlived the source: a file that was its own stream may hold another recording by now."""
    media = path_of(record.media.uri)
    return media.stem == record.track.id and media.exists()


def _order(track: Track) -> Order:
    return (
        fold(track.album_by),
        fold(track.album),
        track.disc_number or 0,
        track.track_number or 0,
        fold(track.title),
        track.id,
    )


def _by_order(entry: Entry) -> Order:
    return entry.order


def _changes(
    tracks: Iterable[TrackId], before: Mapping[TrackId, Entry], after: Mapping[TrackId, Entry]
) -> list[Change]:
    """What became of these; a track with another vector, or with its bytes elsewhere, is the same to listeners."""
    pairs = [Change(before.get(track), after.get(track)) for track in tracks]
    return [pair for pair in pairs if _shown(pair.before) != _shown(pair.after)]


def _shown(entry: Entry | None) -> Track | None:
    return entry.track if entry is not None else None
