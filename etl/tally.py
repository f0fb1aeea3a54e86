"""What an ingest comes to, counted while it goes.

In: files found, outcomes. Out: a `Progress` after each file, and a `Report` of the whole or of the part since the last one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from etl.process import Failed, Outcome
from etl.scan import SourceFile, shown
from etl.tags.raw import REFUSED
from infra.models import Frozen

__all__ = ["FailedFile", "Progress", "Report", "Tally", "came_in"]


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
    left_s: float | None = None
    """Seconds that the rest will take, going by the bytes to be read; None before the first file is done."""


class FailedFile(Frozen):
    """A file that could not be ingested."""

    file: str
    """Its path or address; bytes that are not UTF-8 are shown as `\\xNN`."""
    stage: str
    reason: str


class Report(Frozen):
    """What an ingest did."""

    found: int
    ingested: int
    """Files that are new in the library, or changed in it."""
    unchanged: int
    gone: int = 0
    """Tracks that are missing now because their last file has gone."""
    failed: tuple[FailedFile, ...]
    left_as_they_were: tuple[FailedFile, ...] = ()
    """Files that were not compressed in their places, though that was asked for: their copies are in the media store."""
    audio_seconds: float
    bytes_before: int
    """Of the files that were compressed or copied in this run."""
    bytes_after: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether anything at all is in the library from this folder."""
        return self.ingested + self.unchanged > 0

    def since(self, before: Report) -> Report:
        """What came after `before`, an earlier report of the same ingest."""
        counted = ("found", "ingested", "unchanged", "gone", "audio_seconds", "bytes_before", "bytes_after", "seconds")
        more = {name: getattr(self, name) - getattr(before, name) for name in counted}
        earlier = set(before.failed)
        failed = tuple(f for f in self.failed if f not in earlier)
        left = set(before.left_as_they_were)
        return Report(
            **more, failed=failed, left_as_they_were=tuple(f for f in self.left_as_they_were if f not in left)
        )


def came_in(report: Report) -> str:
    """What an ingest did, in a sentence without any name."""
    counts = {"gone": report.gone, "left out": len(report.failed)}
    others = "".join(f", {count} {what}" for what, count in counts.items() if count)
    return f"{report.found} files: {report.ingested} brought in, {report.unchanged} unchanged{others}"


class Tally:
    """Counts outcomes as they come, and tells whoever watches."""

    def __init__(self, progress: Callable[[Progress], None]) -> None:
        self._progress, self._started = progress, time.monotonic()
        self._total = self._done = self._before = self._after = 0
        self._seconds = 0.0
        self._bytes_left = self._bytes_done = 0
        self._working_since = self._started
        self._failed: dict[str, FailedFile] = {}
        self._left: dict[str, FailedFile] = {}
        self.unchanged = self.gone = 0

    def find(self, files: int) -> None:
        """So many files were found."""
        self._total += files

    def expect(self, files: Iterable[SourceFile]) -> None:
        """These will be read, from now on."""
        self._bytes_left = sum(f.size for f in files)
        self._bytes_done, self._working_since = 0, time.monotonic()

    def skip(self) -> None:
        """A file is as it was."""
        self.unchanged += 1
        self._tell()

    def count(self, outcome: Outcome) -> None:
        """A file has been read, or has failed."""
        name = shown(outcome.file.uri)
        self._left.pop(name, None)
        if isinstance(outcome, Failed):
            self.refuse(outcome)
        else:
            self._failed.pop(name, None)
            if reason := outcome.left_as_it_was:
                self._left[name] = FailedFile(file=name, stage=REFUSED, reason=reason)
            if outcome.converted:
                self._seconds += outcome.converted.duration_ms / 1000
                self._before += outcome.file.size
                self._after += outcome.converted.media.bytes
        self._bytes_done += outcome.file.size
        self._bytes_left -= outcome.file.size
        self._tell()

    def refuse(self, failed: Failed) -> None:
        """A file has failed, one that had been counted perhaps."""
        name = shown(failed.file.uri)
        self._failed[name] = FailedFile(file=name, stage=failed.stage, reason=failed.reason)

    def report(self, written: int, as_they_were: int) -> Report:
        """All of it; `written` and `as_they_were` are the library's counts of records."""
        return Report(
            found=self._total,
            ingested=written,
            unchanged=self.unchanged + as_they_were,
            gone=self.gone,
            failed=tuple(sorted(self._failed.values(), key=lambda f: f.file)),
            left_as_they_were=tuple(sorted(self._left.values(), key=lambda f: f.file)),
            audio_seconds=round(self._seconds, 1),
            bytes_before=self._before,
            bytes_after=self._after,
            seconds=round(time.monotonic() - self._started, 2),
        )

    def _tell(self) -> None:
        self._done += 1
        now = time.monotonic()
        left = (now - self._working_since) * self._bytes_left / self._bytes_done if self._bytes_done else None
        told = Progress(self._done, self._total, len(self._failed), self._seconds, now - self._started, left)
        self._progress(told)
