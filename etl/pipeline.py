"""Ingest, from top to bottom: read this first.

In: a folder or an address with audio files. Out: tracks in MongoDB with features and vectors, compressed audio, and a `Report`.

    find → what is unchanged is left alone → process (Ray: tags, content hash, one FFmpeg pass, librosa)
         → records in MongoDB (threads) → sources that have gone → vectors (scaler and PCA)
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from etl.audio import in_place
from etl.audio.encoding import Encoding
from etl.audio.media import clear_leftovers
from etl.failures import Failures
from etl.job import Job, mark_of
from etl.library import Library
from etl.places import Address, Folder, Place, place_of
from etl.process import Failed, Options, Outcome
from etl.ray_tasks import Pool, Submit, cluster
from etl.scan import SourceFile, Unreadable, displayable
from etl.sound.vectors import bring_up_to_date
from etl.tally import FailedFile, Progress, Report, Tally, came_in
from infra.addresses import Addresses
from infra.errors import ServiceError, SettingsError
from infra.settings import Settings
from infra.store import Store
from infra.under_way import UnderWay

__all__ = ["FailedFile", "Ingest", "Progress", "Report", "Wanted", "ingest", "opened", "options_for", "run"]

FILES, VECTORS = "files", "vectors"
"""Stages of an ingest, for whoever watches it."""
ANSWER_S = 60.0
"""A server that takes a question and does not answer it is asked again after so long."""

Found = Sequence[SourceFile | Unreadable]


def _silent(_: Progress) -> None:
    pass


class Wanted(NamedTuple):
    """How the files are to be brought in."""

    encoding: Encoding = Encoding()
    again: bool = False
    """Whether what was made with another encoding is made anew."""
    in_place: bool = False
    backup: Path | None = None
    """Where originals are copied before they are replaced in place."""
    retry_failed: bool = False
    """Whether files that failed are tried again although nothing about them has changed."""


def ingest(
    music: str | Path,
    settings: Settings,
    addresses: Addresses,
    wanted: Wanted,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], None] = _silent,
) -> Report:
    """Bring every audio file of a folder or an fsspec address into the library; raises `SettingsError`, `ServiceError`."""
    place = place_of(music)
    options = options_for(place, settings, wanted)
    found = place.find()
    if not found:
        raise SettingsError(f"{place.name}: there are no audio files in this folder")
    with opened(settings, addresses, workers) as (store, pool):
        return run(found, options, store, pool.submit, progress, seed=settings.seed, place=place)


def options_for(place: Place, settings: Settings, wanted: Wanted) -> Options:
    """The options of a run; raises `SettingsError` for those that cannot be meant."""
    encoding, again, in_place, backup, retry_failed = wanted
    if isinstance(place, Address):
        if in_place:
            raise SettingsError(
                f"{place.name}: only files on a disk can be compressed in place, because there a rename replaces one at "
                "once and whole; without --in-place the compressed copies go to the media store"
            )
        return Options(Path(), settings.media, encoding, again=again, retry_failed=retry_failed)
    if in_place and encoding.codec != "mp3":
        raise SettingsError(f"MP3s stay MP3s in their places, so {encoding.codec} cannot be made there")
    if backup and not in_place:
        raise SettingsError("a backup is made of files that are replaced in place, and of no others")
    if backup and backup.resolve().is_relative_to(place.path.resolve()):
        raise SettingsError(f"{displayable(backup)}: the backup must lie outside {place.name}")
    return Options(place.path, settings.media, encoding, in_place, backup and backup.absolute(), again, retry_failed)


@contextlib.contextmanager
def opened(settings: Settings, addresses: Addresses, workers: int | None) -> Iterator[tuple[Store, Pool]]:
    """The database and the workers, for one run or many; raises `ServiceError`."""
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        raise ServiceError("ffmpeg is not installed; `apt-get install ffmpeg` brings it")
    with (
        Store(addresses.mongo, settings.mongo_database, answer_s=ANSWER_S).prepare() as store,
        cluster(addresses.ray, workers) as pool,
    ):
        yield store, pool


def run(
    found: Found,
    options: Options,
    store: Store,
    submit: Submit,
    progress: Callable[[Progress], None] = _silent,
    *,
    seed: int = 7,
    place: Place | None = None,
) -> Report:
    """The ingest itself, on an open store, with any way to run `process`; `place` is the options' folder unless given."""
    place = place or Folder(options.folder)
    with contextlib.closing(Ingest(place, options, store, submit, progress, seed)) as one:
        one.bring_in(found, place.holds)
        return one.report()


class Ingest:
    """The steps of a run, over all files or over some of them again and again; what it knows of the library it keeps."""

    def __init__(
        self,
        place: Place,
        options: Options,
        store: Store,
        submit: Submit,
        progress: Callable[[Progress], None] = _silent,
        seed: int = 7,
    ) -> None:
        """`submit` does the work; `seed` is that of the sample that a normaliser is fitted on."""
        self._place, self._options, self._store, self._submit, self._seed = place, options, store, submit, seed
        self._watched = UnderWay(store.work, "ingest")
        self._tally = Tally(self._telling(progress))
        clear_leftovers(options.media)
        self._mark = mark_of(options.media, make=True)
        self._failures = Failures(store.failures, options)
        self._library = Library(store, self._failures, self._tally.refuse)

    def bring_in(self, found: Found, looked_for: Callable[[str], bool]) -> None:
        """Record what is new or changed among `found`, and that sources have gone that were looked for and not found.

        Raises `StoreError` when MongoDB stays away, `ServiceError` when Ray does; what is recorded by then is kept.
        """
        with self._watched(FILES):
            before = self.report()
            self._bring_in(found, looked_for)
            self._watched.came_to(came_in(self.report().since(before)))

    def _bring_in(self, found: Found, looked_for: Callable[[str], bool]) -> None:
        library, tally = self._library, self._tally
        if self._options.in_place:
            in_place.clear_leftovers({file.path.parent for file in found if isinstance(file, SourceFile)})
        tally.find(len(found))
        changed = []
        for file in found:
            if isinstance(file, Unreadable):
                self._take(Failed(SourceFile(file.uri, 0, 0), "read", file.reason))
            elif library.is_unchanged(file, self._options):
                tally.skip()
            elif failed := self._failures.again(file):
                self._take(failed)
            else:
                changed.append(file)
        if changed:
            # The longest first: one that begins last would keep a single core busy at the end.
            changed.sort(key=lambda f: f.size, reverse=True)
            tally.expect(changed)
            for outcome in self._submit(changed, Job(self._place, self._options, library.known(), self._mark)):
                self._take(outcome)
        unreadable = {f.uri for f in found if isinstance(f, Unreadable)}
        tally.gone += library.sweep(looked_for, (f.uri for f in found), unreadable)
        library.has_vectors(bring_up_to_date(self._store, library.holdings, self._seed))

    def _take(self, outcome: Outcome) -> None:
        self._tally.count(outcome)
        if isinstance(outcome, Failed):
            self._failures.take(outcome)
        else:
            self._library.take(outcome)

    def _telling(self, progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """`progress`, and whoever watches the work is told too."""

        def tell(at: Progress) -> None:
            stage = FILES if at.done < at.total else VECTORS
            self._watched.at(stage, done=at.done, total=at.total, failed=at.failed, left_s=at.left_s)
            progress(at)

        return tell

    def report(self) -> Report:
        """What all of it came to so far, once it is written; raises `StoreError` when MongoDB stays away."""
        self._library.finish()
        return self._tally.report(self._library.written, self._library.unchanged)

    def close(self) -> None:
        """Stop the threads that write."""
        self._library.close()
