"""The failures that an ingest knows of, and those it need not try again.

In: `Failed` outcomes, and files that came through after all. Out: records in MongoDB, some hundreds at a time;
for a file that is known to fail, that outcome again without the file being read.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from etl.audio.command import KILLED, TOO_LONG
from etl.patience import patiently
from etl.process import Failed, Options
from etl.scan import SourceFile
from infra.store import LARGEST_INT, Failure, FailureStore

__all__ = ["READER_VERSION", "Failures"]

READER_VERSION = 2
"""Goes up when files are read differently: those that failed are tried again."""
AT_ONCE = 500
LASTING = frozenset({"decode", "encode", "features", "tags"})
"""Stages that judge the bytes of a file; the others judge what is around it, which may be mended without the file changing."""
NUMBERS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.ENOMEM,
    errno.ENOENT,
    errno.ESTALE,
    errno.EMFILE,
    errno.ENFILE,
    errno.ETIMEDOUT,
)
PASSING = (*map(os.strerror, NUMBERS), TOO_LONG, KILLED)
"""What a reason says when the machine is at fault, and not the file."""


class Failures:
    """The failed files by URI; used by one thread."""

    def __init__(self, store: FailureStore, options: Options) -> None:
        """`options` are those that files are tried with from now on."""
        self._store, self._retry, self._reader = store, options.retry_failed, _reader(options)
        self._known = {f.uri: f for f in patiently(lambda: list(store.all()))()}
        self._new: dict[str, Failure] = {}
        self._gone: set[str] = set()

    def __contains__(self, uri: object) -> bool:
        return uri in self._known

    def again(self, file: SourceFile) -> Failed | None:
        """The failure of a file that is certain to fail: it is empty, or the same as when the same reader failed at it."""
        known = self._known.get(file.uri)
        as_then = file.size, min(file.mtime_ns, LARGEST_INT), self._reader
        if known and not self._retry and known[3:6] == as_then and _lasts(known):
            return Failed(file, known.stage, known.reason)
        return None if file.size else Failed(file, "read", "the file is empty")

    def take(self, failed: Failed) -> None:
        """Remember a failure, now or with the next ones; raises `StoreError` when MongoDB stays away."""
        file, now = failed.file, datetime.now(UTC)
        mtime_ns = min(file.mtime_ns, LARGEST_INT)
        new = Failure(file.uri, failed.stage, failed.reason, file.size, mtime_ns, self._reader, now)
        known = self._known.get(file.uri)
        if known is None or known[:-1] != new[:-1] or not _lasts(new):
            self._known[file.uri] = self._new[file.uri] = new
            self._gone.discard(file.uri)
            self._flush_when_full()

    def forget(self, uri: str) -> None:
        """The file came through after all, or has gone; raises `StoreError` when MongoDB stays away."""
        if self._known.pop(uri, None):
            self._new.pop(uri, None)
            self._gone.add(uri)
            self._flush_when_full()

    def sweep(self, holds: Callable[[str], bool], present: Collection[str]) -> None:
        """Forget files that `holds` says were looked for and that are not among those present."""
        for uri in [uri for uri in self._known if uri not in present and holds(uri)]:
            self.forget(uri)

    def flush(self) -> None:
        """Write what waits; raises `StoreError` when MongoDB stays away."""
        patiently(self._store.record)(list(self._new.values()))
        patiently(self._store.clear)(self._gone)
        self._new.clear()
        self._gone.clear()

    def _flush_when_full(self) -> None:
        if len(self._new) + len(self._gone) >= AT_ONCE:
            self.flush()


def _reader(options: Options) -> str:
    return f"{READER_VERSION}: {options.encoding.label}{' in place' if options.in_place else ''}"


def _lasts(failure: Failure) -> bool:
    return failure.size == 0 or (failure.stage in LASTING and not any(word in failure.reason for word in PASSING))
