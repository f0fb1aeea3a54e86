"""The library as an ingest sees it: what is there, what an outcome changes, and what has gone.

In: outcomes, in whatever order they come. Out: records in MongoDB, written by a few threads while the next files are read.
Content decides which track a file is; a file that was moved, retagged or compressed keeps its id and its plays.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import NamedTuple

from etl.audio.encoding import MP3_MIME
from etl.audio.media import drop_cover, drop_replaced, in_store
from etl.failures import Failures
from etl.patience import patiently
from etl.process import Failed, Ingested, Known, Options, place_key
from etl.record import holding_of, is_as, is_there, look, other_sources, record_of, vanished
from etl.scan import SourceFile
from etl.sound.features import FEATURE_VERSION
from infra.errors import NotStorable, ServiceError, StoreError
from infra.models import Source, TrackId, TrackRecord
from infra.store import Holding, Store

__all__ = ["Library"]

WRITERS = 4
MOST_PENDING = 64


class _Written(NamedTuple):
    """What a write left in the database."""

    record: TrackRecord | Failed
    uri: str = ""
    """The source that this was about; empty when it was about none."""
    changed: bool = False


class Library:
    """Tracks by content and by source, and the threads that write them; used by one thread.

    Read from MongoDB once: what this object writes it knows, also through the hours of a watch.
    """

    def __init__(self, store: Store, failures: Failures, refuse: Callable[[Failed], None]) -> None:
        """`refuse` is told of files whose records MongoDB cannot hold."""
        self._store = store
        self._ids: dict[str, TrackId] = {}
        self._holdings: dict[TrackId, Holding] = {}
        self._by_source: dict[str, TrackId] = {}
        for holding in patiently(lambda: list(store.tracks.holdings()))():
            self._note(holding)
        claims = Counter(s.uri for holding in self._holdings.values() for s in holding.sources)
        self._disputed = {uri for uri, tracks in claims.items() if tracks > 1}
        """Files of two tracks: a run ended after the new one was written and before the old one was told."""
        self._taken: dict[str, TrackId] = {}
        """Which track each source turned out to be since the last sweep."""
        self._failures, self._refuse = failures, refuse
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
        # What MongoDB could not hold has content, and is no track yet.
        contents = {content: tracks[track] for content, track in self._ids.items() if track in tracks}
        places = {
            place_key(s.uri, s.bytes, s.mtime_ns): tracks[h.id] for h in self._holdings.values() for s in h.sources
        }
        return places | contents

    def is_unchanged(self, file: SourceFile, options: Options) -> bool:
        """Whether a file is as it was when it was ingested, and nothing of what came from it is missing."""
        track = self._by_source.get(file.uri)
        if track is None or file.uri in self._failures or file.uri in self._disputed:
            return False
        holding = self._holdings[track]
        as_it_was = any(s.uri == file.uri and is_as(s, file.size, file.mtime_ns) for s in holding.sources)
        # To be compressed in place, a file must itself be what is streamed; MP3s in the media store are not done with.
        done = not options.in_place or file.path.suffix.lower() != ".mp3" or _streams_source(holding)
        return as_it_was and done and _complete(holding) and _made_as_asked(holding, options)

    def take(self, outcome: Ingested) -> None:
        """Write an outcome, at once or when a thread is free; raises `StoreError` when MongoDB stays away."""
        track = next((self._ids[c] for c in outcome.contents if c in self._ids), outcome.id)
        self._ids.update(dict.fromkeys(outcome.contents, track))
        self._taken[outcome.source.uri] = track
        self._disputed.discard(outcome.source.uri)
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
            if isinstance(done.record, Failed):
                self._failures.take(done.record)
                self._refuse(done.record)
                continue
            self._note(holding_of(done.record))
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
        record = record_of(track, outcome, prior)
        try:
            if record != prior:
                self._store.tracks.upsert([record])
        except NotStorable as error:
            return _Written(Failed(outcome.file, "record", str(error)))
        if prior:
            if all(s.uri != prior.media.uri for s in prior.sources):
                drop_replaced(track, prior.media, record.media)
            # While another file of the track is there, its worker may just have found the former cover in place.
            if not any(map(is_there, other_sources(record, outcome.source))):
                drop_cover(prior.cover_uri, record.cover_uri)
        return _Written(record, outcome.file.uri, record != prior)

    def _keep_sources(self, track: TrackId, sources: tuple[Source, ...]) -> _Written:
        record = self._store.tracks.get(track)
        if record is None:
            raise vanished(track)
        kept = record.model_copy(update={"sources": sources})
        self._store.tracks.upsert([kept])
        return _Written(kept)


def _known(holding: Holding) -> Known:
    there = _has_bytes(holding)
    unsure = None if there or in_store(holding.id, holding.media) else holding.media
    return Known(holding.id, holding.media if there else None, holding.features_version, unsure)


def _has_bytes(holding: Holding) -> bool:
    """Whether what is streamed is there; a file of the user's may be another recording's by now when it has changed."""
    found = look(holding.media.uri)
    if found is None or in_store(holding.id, holding.media):
        return found is not None
    return any(s.uri == holding.media.uri and is_as(s, found.st_size, found.st_mtime_ns) for s in holding.sources)


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
