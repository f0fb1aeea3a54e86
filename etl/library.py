"""The library as an ingest sees it: what is there, what an outcome changes, and what has gone.

In: outcomes, in whatever order they come. Out: records in MongoDB, written by a few threads while the next files are read.
Content decides which track a file is; a file that was moved, retagged or compressed keeps its id and its plays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from etl.audio.encoding import MP3_MIME
from etl.audio.loudness import Loudness
from etl.audio.media import drop_replaced
from etl.failures import Failures
from etl.patience import patiently
from etl.process import Ingested, Known, Options, place_key
from etl.scan import SourceFile, path_of
from etl.sound.features import FEATURE_VERSION
from infra.errors import ServiceError, StoreError
from infra.models import Source, Track, TrackId, TrackRecord
from infra.store import Holding, Store

__all__ = ["Library"]

WRITERS = 4
MOST_PENDING = 64


class _Written(NamedTuple):
    """What a write left in the database."""

    record: TrackRecord
    uri: str = ""
    """The source that this was about; empty when it was about none."""
    changed: bool = False


class Library:
    """Tracks by content and by source, and the threads that write them; used by one thread.

    Read from MongoDB once: what this object writes it knows, also through the hours of a watch.
    """

    def __init__(self, store: Store, failures: Failures) -> None:
        self._store = store
        self._ids: dict[str, TrackId] = {}
        self._holdings: dict[TrackId, Holding] = {}
        self._by_source: dict[str, TrackId] = {}
        for holding in patiently(lambda: list(store.tracks.holdings()))():
            self._note(holding)
        self._taken: dict[str, TrackId] = {}
        """Which track each source turned out to be since the last sweep."""
        self._failures = failures
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="mongo-writer")
        self._writing: dict[TrackId | str, Future[_Written]] = {}
        self._closing = threading.Event()
        self.written = self.unchanged = 0
        """Records that changed, and those that turned out to be as they were."""

    @property
    def holdings(self) -> Collection[Holding]:
        """Every track, as last written; raises nothing and asks nobody."""
        return self._holdings.values()

    def has_vectors(self, version: int) -> None:
        """Note that every track measured by this version of the features has a vector of normaliser `version` now."""
        for holding in list(self._holdings.values()):
            if holding.features_version == FEATURE_VERSION:
                self._note(holding._replace(vector_version=version))

    def known(self) -> dict[str, Known]:
        """Which contents are tracks already, and which files that have not been touched since, for the workers."""
        tracks = {h.id: _known(h) for h in self._holdings.values()}
        places = {
            place_key(s.uri, s.bytes, s.mtime_ns): tracks[h.id] for h in self._holdings.values() for s in h.sources
        }
        return places | {content: tracks[track] for content, track in self._ids.items()}

    def is_unchanged(self, file: SourceFile, options: Options) -> bool:
        """Whether a file is as it was when it was ingested, and nothing of what came from it is missing."""
        track = self._by_source.get(file.uri)
        if track is None or file.uri in self._failures:
            return False
        holding = self._holdings[track]
        as_it_was = any(
            s.uri == file.uri and (s.bytes, s.mtime_ns) == (file.size, file.mtime_ns) for s in holding.sources
        )
        # To be compressed in place, a file must itself be what is streamed; MP3s in the media store are not done with.
        done = not options.in_place or file.path.suffix.lower() != ".mp3" or _streams_source(holding)
        return as_it_was and done and _complete(holding) and _made_as_asked(holding, options)

    def take(self, outcome: Ingested) -> None:
        """Write an outcome, at once or when a thread is free; raises `StoreError` when MongoDB stays away."""
        track = next((self._ids[c] for c in outcome.contents if c in self._ids), outcome.id)
        self._ids.update(dict.fromkeys(outcome.contents, track))
        self._taken[outcome.source.uri] = track
        self._submit(track, lambda: self._record(track, outcome))

    def sweep(self, holds: Callable[[str], bool], seen: Iterable[str], unreadable: Collection[str]) -> int:
        """Forget sources that `holds` says were looked for and that have gone; returns how many tracks are missing by it.

        A track without any source is missing until one comes back.
        Nothing is concluded about what lies under a folder that could not be read.
        """
        self.finish()
        present, blind = set(seen), tuple(uri.rstrip("/") + "/" for uri in unreadable)
        lost, back = [], []
        for holding in list(self._holdings.values()):
            gone = {
                s.uri for s in holding.sources if holds(s.uri) and s.uri not in present and not s.uri.startswith(blind)
            }
            # Another recording took the place of this one's file: the name is that track's now.
            own = [s for s in holding.sources if self._taken.get(s.uri, holding.id) == holding.id]
            left = [s for s in own if s.uri not in gone]
            kept = tuple(left or own)
            if kept != holding.sources:
                self._submit(holding.id, partial(self._keep_sources, holding.id, kept))
            if not left and not holding.missing:
                lost.append(holding.id)
            if holding.missing and any(s.uri in present for s in own):
                back.append(holding.id)
        self.finish()
        self._mark(lost, missing=True)
        self._mark(back, missing=False)
        self._failures.sweep(lambda uri: holds(uri) and not uri.startswith(blind), present)
        self._failures.flush()
        self._taken.clear()
        return len(lost)

    def finish(self) -> None:
        """Wait for every write; raises `StoreError` for one that MongoDB did not take."""
        self._settle(list(self._writing))
        self._failures.flush()

    def close(self) -> None:
        """Write what waits, and stop; when MongoDB is away now, what waits is given up."""
        self._closing.set()
        self._pool.shutdown()

    def _submit(self, key: TrackId | str, write: Callable[[], _Written]) -> None:
        # Two writes of one track are kept in order; more than a few waiting hold the workers up instead of memory.
        self._settle([key] if key in self._writing else [])
        if len(self._writing) >= MOST_PENDING:
            done, _ = wait(self._writing.values(), return_when=FIRST_COMPLETED)
            self._settle([k for k, future in self._writing.items() if future in done])
        self._writing[key] = self._pool.submit(patiently(self._try), write)

    def _try(self, write: Callable[[], _Written]) -> _Written:
        try:
            return write()
        except StoreError as error:
            if self._closing.is_set():
                self._pool.shutdown(wait=False, cancel_futures=True)
                raise ServiceError("the ingest ended before this was written") from error
            raise

    def _settle(self, keys: Iterable[TrackId | str]) -> None:
        for key in keys:
            done = self._writing.pop(key).result()
            self._note(_holding_of(done.record))
            if done.uri:
                self._failures.forget(done.uri)
                self.written += done.changed
                self.unchanged += not done.changed

    def _note(self, holding: Holding) -> None:
        self._holdings[holding.id] = holding
        self._ids.update(dict.fromkeys(holding.contents, holding.id))
        self._by_source.update((s.uri, holding.id) for s in holding.sources)

    def _mark(self, tracks: list[TrackId], *, missing: bool) -> None:
        patiently(self._store.tracks.set_missing)(tracks, missing)
        for track in tracks:
            self._note(self._holdings[track]._replace(missing=missing))

    def _record(self, track: TrackId, outcome: Ingested) -> _Written:
        prior = self._store.tracks.get(track)
        record = _record_of(track, outcome, prior)
        if record != prior:
            self._store.tracks.upsert([record])
        if prior:
            drop_replaced(track, prior.media, record.media)
        return _Written(record, outcome.file.uri, record != prior)

    def _keep_sources(self, track: TrackId, sources: tuple[Source, ...]) -> _Written:
        record = self._store.tracks.get(track)
        if record is None:
            raise _vanished(track)
        kept = record.model_copy(update={"sources": sources})
        self._store.tracks.upsert([kept])
        return _Written(kept)


def _holding_of(record: TrackRecord) -> Holding:
    return Holding(
        record.track.id,
        record.contents,
        record.sources,
        record.media,
        record.features.version,
        max(record.vectors, default=0),
        record.missing,
    )


def _record_of(track: TrackId, outcome: Ingested, prior: TrackRecord | None) -> TrackRecord:
    converted = outcome.converted
    features = converted.features if converted else prior.features if prior else None
    kept = converted.media if converted else prior.media if prior else None
    if features is None or kept is None:
        raise _vanished(track)
    same_sound = prior is not None and prior.features == features
    return TrackRecord(
        track=_track_of(track, outcome, prior),
        contents=tuple(dict.fromkeys((*(prior.contents if prior else ()), *outcome.contents))),
        sources=_sources(prior, outcome.source),
        media=kept,
        cover_uri=outcome.cover_uri,
        features=features,
        vectors=prior.vectors if prior and (same_sound or prior.features.version < features.version) else {},
    )


def _vanished(track: TrackId) -> ServiceError:
    return ServiceError(f"track {track} was in the database when the ingest began, and is not any more; run it again")


def _sources(prior: TrackRecord | None, now: Source) -> tuple[Source, ...]:
    """The places of a track with this one; where a missing one was last seen is no place of it any more."""
    others = prior.sources if prior and not prior.missing else ()
    return (*(s for s in others if s.uri != now.uri), now)


def _track_of(track: TrackId, outcome: Ingested, prior: TrackRecord | None) -> Track:
    sound = prior.track.model_dump(include={"duration_ms", *Loudness._fields}) if prior else {}
    if found := outcome.converted:
        sound |= {"duration_ms": found.duration_ms} | (found.loudness._asdict() if found.loudness else {})
    return Track(
        **{k: v for k, v in outcome.tags._asdict().items() if k != "cover"},
        id=track,
        **sound,
        cover=outcome.cover_uri is not None,
        added_at=prior.track.added_at if prior else datetime.now(UTC),
    )


def _known(holding: Holding) -> Known:
    streamed = holding.media if _has_bytes(holding) else None
    return Known(holding.id, streamed, holding.features_version)


def _has_bytes(holding: Holding) -> bool:
    return path_of(holding.media.uri).is_file()


def _made_as_asked(holding: Holding, options: Options) -> bool:
    """Whether the copy is of the encoding that was asked for by name, or of an original that it would not make smaller."""
    made, asked = holding.media, options.encoding
    original = made.mime == MP3_MIME and made.bytes in {source.bytes for source in holding.sources}
    small = original and 0 < made.bitrate_kbps <= asked.kbps
    return not options.again or made.encoding == asked.label or small


def _complete(holding: Holding) -> bool:
    return holding.features_version == FEATURE_VERSION and _has_bytes(holding)


def _streams_source(holding: Holding) -> bool:
    return any(s.uri == holding.media.uri for s in holding.sources)
