"""Ingest, from top to bottom: read this first.

In: a folder of audio files. Out: tracks in MongoDB with features and vectors, compressed audio, and a `Report`.

    scan → what is unchanged is left alone → process (Ray: tags, content hash, one FFmpeg pass, librosa)
         → records in MongoDB (threads) → sources that have gone → vectors (scaler and PCA)
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from etl.library import Library
from etl.media import clear_leftovers
from etl.process import Failed, Options, Outcome
from etl.ray_tasks import Submit, cluster
from etl.scan import SourceFile, Unreadable, displayable, path_of, scan
from etl.vectors import bring_up_to_date
from infra.addresses import Addresses
from infra.errors import ServiceError, SettingsError
from infra.models import Frozen
from infra.settings import Settings
from infra.store import Store

__all__ = ["FailedFile", "Progress", "Report", "ingest", "run"]


class Progress(NamedTuple):
    """How far an ingest has got."""

    done: int
    """Files that are done with, unchanged and failed ones included."""
    total: int
    failed: int
    audio_seconds: float
    """Sound read so far."""
    elapsed: float
    """Seconds since the start."""


class FailedFile(Frozen):
    """A file that could not be ingested."""

    file: str
    """Its path; bytes that are not UTF-8 are shown as `\\xNN`."""
    stage: str
    reason: str


class Report(Frozen):
    """What an ingest did."""

    found: int
    ingested: int
    """Files that are new in the library, or changed in it."""
    unchanged: int
    failed: tuple[FailedFile, ...]
    audio_seconds: float
    bytes_before: int
    """Of the files that were compressed or copied in this run."""
    bytes_after: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether anything at all is in the library from this folder."""
        return self.ingested + self.unchanged > 0


def _silent(_: Progress) -> None:
    pass


def ingest(
    folder: Path,
    settings: Settings,
    addresses: Addresses,
    *,
    bitrate: int,
    in_place: bool = False,
    backup: Path | None = None,
    workers: int | None = None,
    progress: Callable[[Progress], None] = _silent,
) -> Report:
    """Bring every audio file under `folder` into the library; raises `SettingsError`, `ServiceError`."""
    options = Options(folder.expanduser().absolute(), settings.media, bitrate, in_place, backup and backup.absolute())
    found = _found(options)
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        raise ServiceError("ffmpeg is not installed; `apt-get install ffmpeg` brings it")
    with (
        Store(addresses.mongo, settings.mongo_database).prepare() as store,
        cluster(addresses.ray, workers) as submit,
    ):
        return run(found, options, store, submit, progress, seed=settings.seed)


def run(
    found: list[SourceFile | Unreadable],
    options: Options,
    store: Store,
    submit: Submit,
    progress: Callable[[Progress], None] = _silent,
    *,
    seed: int = 7,
) -> Report:
    """The ingest itself, on an open store, with any way to run `process`."""
    clear_leftovers(options.media)
    tally = _Tally(len(found), progress)
    library = Library(store)
    try:
        changed = []
        for file in found:
            if isinstance(file, Unreadable):
                library.take(tally.count(Failed(SourceFile(file.uri, 0, 0), "read", file.reason)))
            elif library.is_unchanged(file, options):
                tally.unchanged()
            else:
                changed.append(file)
        for outcome in submit(changed, options, library.known()) if changed else ():
            library.take(tally.count(outcome))
        unreadable = {f.uri for f in found if isinstance(f, Unreadable)}
        library.sweep(options.folder, (f.uri for f in found), unreadable)
        bring_up_to_date(store, seed)
    finally:
        library.close()
    return tally.report(library.written, library.unchanged)


def _found(options: Options) -> list[SourceFile | Unreadable]:
    folder, backup = options.folder, options.backup
    if not folder.is_dir():
        raise SettingsError(f"{displayable(folder)}: there is no such folder")
    if backup and backup.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(f"{displayable(backup)}: the backup must lie outside {displayable(folder)}")
    found = list(scan(folder))
    if not found:
        raise SettingsError(f"{displayable(folder)}: there are no audio files in this folder")
    return found


class _Tally:
    """Counts outcomes as they come, and tells whoever watches."""

    def __init__(self, total: int, progress: Callable[[Progress], None]) -> None:
        self._total, self._progress, self._started = total, progress, time.monotonic()
        self._done = self._unchanged = self._before = self._after = 0
        self._seconds = 0.0
        self._failed: list[FailedFile] = []

    def unchanged(self) -> None:
        self._unchanged += 1
        self._tell()

    def count(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Failed):
            name = displayable(path_of(outcome.file.uri))
            self._failed.append(FailedFile(file=name, stage=outcome.stage, reason=outcome.reason))
        elif outcome.converted:
            self._seconds += outcome.converted.duration_ms / 1000
            self._before += outcome.file.size
            self._after += outcome.converted.media.bytes
        self._tell()
        return outcome

    def report(self, written: int, as_they_were: int) -> Report:
        return Report(
            found=self._total,
            ingested=written,
            unchanged=self._unchanged + as_they_were,
            failed=tuple(sorted(self._failed, key=lambda f: f.file)),
            audio_seconds=round(self._seconds, 1),
            bytes_before=self._before,
            bytes_after=self._after,
            seconds=round(time.monotonic() - self._started, 2),
        )

    def _tell(self) -> None:
        self._done += 1
        elapsed = time.monotonic() - self._started
        self._progress(Progress(self._done, self._total, len(self._failed), self._seconds, elapsed))
