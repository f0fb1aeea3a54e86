"""The library as an ingest sees it: what is there, what an outcome changes, and what has gone.

In: outcomes, in whatever order they come. Out: records in MongoDB, written by a few threads while the next files are read.
Content decides which track a file is; a file that was moved, retagged or compressed keeps its id and its plays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

from tenacity import before_sleep_log, retry, retry_if_exception_type, stop_after_delay, wait_exponential

from etl.features import FEATURE_VERSION
from etl.process import Failed, Ingested, Known, Options
from etl.scan import SourceFile, path_of, uri_of
from infra.errors import StoreError
from infra.models import Source, Track, TrackId, TrackRecord
from infra.store import Holding, Store

__all__ = ["Library"]

log = logging.getLogger(__name__)

WRITERS = 4
MOST_PENDING = 64
GIVE_UP_S = 120

patiently = retry(
    retry=retry_if_exception_type(StoreError),
    wait=wait_exponential(multiplier=0.2, max=5),
    stop=stop_after_delay(GIVE_UP_S),
    before_sleep=before_sleep_log(log, logging.WARNING),
    reraise=True,
)


class Library:
    """Tracks by content and by source, and the threads that write them; used by one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: dict[str, TrackId] = {}
        self._holdings: dict[TrackId, Holding] = {}
        self._by_source: dict[str, TrackId] = {}
        for holding in store.tracks.holdings():
            self._holdings[holding.id] = holding
            self._ids.update(dict.fromkeys(holding.contents, holding.id))
            self._by_source.update((s.uri, holding.id) for s in holding.sources)
        self._taken: dict[str, TrackId] = {}
        """Which track each source turned out to be in this run."""
        self._failed = {uri for uri, _, _ in store.failures.all()}
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="mongo-writer")
        self._writing: dict[TrackId | str, Future[bool | None]] = {}
        self.written = self.unchanged = 0
        """Records that changed, and those that turned out to be as they were."""

    def known(self) -> dict[str, Known]:
        """Which contents are tracks already, for the workers."""
        complete = {h.id: _complete(h) for h in self._holdings.values()}
        return {content: Known(track, complete[track]) for content, track in self._ids.items()}

    def is_unchanged(self, file: SourceFile, options: Options) -> bool:
        """Whether a file is as it was when it was ingested, and nothing of what came from it is missing."""
        track = self._by_source.get(file.uri)
        if track is None or file.uri in self._failed:
            return False
        holding = self._holdings[track]
        as_it_was = any(
            s.uri == file.uri and (s.bytes, s.mtime_ns) == (file.size, file.mtime_ns) for s in holding.sources
        )
        # To be compressed in place, a file must itself be what is streamed; MP3s in the media store are not done with.
        done = not options.in_place or file.path.suffix.lower() != ".mp3" or _streams_source(holding)
        return as_it_was and done and _complete(holding)

    def take(self, outcome: Ingested | Failed) -> None:
        """Write an outcome, at once or when a thread is free; raises `StoreError` when MongoDB stays away."""
        if isinstance(outcome, Failed):
            self._submit(outcome.file.uri, lambda: self._record_failure(outcome))
            return
        track = next((self._ids[c] for c in outcome.contents if c in self._ids), outcome.id)
        self._ids.update(dict.fromkeys(outcome.contents, track))
        self._taken[outcome.source.uri] = track
        self._submit(track, lambda: self._record(track, outcome))

    def sweep(self, folder: Path, seen: Iterable[str], unreadable: Collection[str]) -> None:
        """Forget sources under `folder` that have gone: a track without any is missing until one comes back.

        Nothing is concluded about what lies under a folder that could not be read.
        """
        self.finish()
        present, blind = set(seen), tuple(uri.rstrip("/") + "/" for uri in unreadable)
        inside = uri_of(folder).rstrip("/") + "/"
        lost, back = [], []
        for holding in list(self._store.tracks.holdings()):
            gone = {
                s.uri
                for s in holding.sources
                if s.uri.startswith(inside) and s.uri not in present and not s.uri.startswith(blind)
            }
            # Another recording took the place of this one's file: the name is that track's now.
            own = [s for s in holding.sources if self._taken.get(s.uri, holding.id) == holding.id]
            here = [s for s in own if s.uri in present]
            left = [s for s in own if s.uri not in gone]
            if (left or own) != list(holding.sources):
                self._keep_sources(holding.id, left or own)
            if not left and not holding.missing:
                lost.append(holding.id)
            if here and holding.missing:
                back.append(holding.id)
        patiently(self._store.tracks.set_missing)(lost, True)
        patiently(self._store.tracks.set_missing)(back, False)
        for uri in self._failed:
            if uri.startswith(inside) and uri not in present and uri not in unreadable:
                patiently(self._store.failures.clear)(uri)

    def finish(self) -> None:
        """Wait for every write; raises `StoreError` for one that MongoDB did not take."""
        self._settle(list(self._writing))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, key: TrackId | str, write: Callable[[], bool | None]) -> None:
        # Two writes of one track are kept in order; more than a few waiting hold the workers up instead of memory.
        self._settle([key] if key in self._writing else [])
        if len(self._writing) >= MOST_PENDING:
            done, _ = wait(self._writing.values(), return_when=FIRST_COMPLETED)
            self._settle([k for k, future in self._writing.items() if future in done])
        self._writing[key] = self._pool.submit(patiently(write))

    def _settle(self, keys: Iterable[TrackId | str]) -> None:
        for key in keys:
            changed = self._writing.pop(key).result()
            self.written += changed is True
            self.unchanged += changed is False

    def _record_failure(self, failed: Failed) -> None:
        file = failed.file
        self._store.failures.record(
            file.uri, stage=failed.stage, reason=failed.reason, size=file.size, mtime_ns=file.mtime_ns
        )

    def _record(self, track: TrackId, outcome: Ingested) -> bool:
        prior = self._store.tracks.get(track)
        record = _record_of(track, outcome, prior)
        if record != prior:
            self._store.tracks.upsert([record])
        if outcome.file.uri in self._failed:
            self._store.failures.clear(outcome.file.uri)
        return record != prior

    def _keep_sources(self, track: TrackId, sources: list[Source]) -> None:
        record = self._store.tracks.get(track)
        if record is not None:
            patiently(self._store.tracks.upsert)([record.model_copy(update={"sources": tuple(sources)})])


def _record_of(track: TrackId, outcome: Ingested, prior: TrackRecord | None) -> TrackRecord:
    converted = outcome.converted
    features = converted.features if converted else prior.features if prior else None
    kept = converted.media if converted else prior.media if prior else None
    if features is None or kept is None:
        raise StoreError(f"track {track} was in the database when the ingest began, and is not any more")
    same_sound = prior is not None and prior.features == features
    return TrackRecord(
        track=_track_of(track, outcome, prior),
        contents=tuple(dict.fromkeys((*(prior.contents if prior else ()), *outcome.contents))),
        sources=(*(s for s in (prior.sources if prior else ()) if s.uri != outcome.source.uri), outcome.source),
        media=kept,
        cover_uri=outcome.cover_uri,
        features=features,
        vectors=prior.vectors if prior and (same_sound or prior.features.version < features.version) else {},
    )


def _track_of(track: TrackId, outcome: Ingested, prior: TrackRecord | None) -> Track:
    duration_ms = outcome.converted.duration_ms if outcome.converted else prior.track.duration_ms if prior else 0
    return Track(
        **{k: v for k, v in outcome.tags._asdict().items() if k != "cover"},
        id=track,
        duration_ms=duration_ms,
        cover=outcome.cover_uri is not None,
        added_at=prior.track.added_at if prior else datetime.now(UTC),
    )


def _complete(holding: Holding) -> bool:
    return holding.features_version == FEATURE_VERSION and path_of(holding.media_uri).is_file()


def _streams_source(holding: Holding) -> bool:
    return any(s.uri == holding.media_uri for s in holding.sources)
