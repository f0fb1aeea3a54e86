"""Following a folder: what is added, changed, moved or deleted is taken up in small batches while it happens.

In: a folder, told about by the system (watchfiles). Out: a `Report` after each batch, and one of all when it ends.
A file that is still being written is waited for: until its size and time have stood still, and no program has it open to write.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import queue
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import watchfiles

from etl.pipeline import Ingest, Progress, Report, Wanted, opened, options_for
from etl.places import Folder, is_folder, place_of
from etl.ray_tasks import Pool
from etl.scan import AUDIO_SUFFIXES, SourceFile, Unreadable, displayable, path_of, scan, uri_of
from infra.addresses import Addresses
from infra.errors import ServiceError, SettingsError
from infra.settings import Settings

__all__ = ["watch"]

SETTLE_S = 3.0
"""A file that has not changed for so long is whole, unless a program still has it open to write."""
LOOK_EVERY_S = 0.5
IDLE_S = 60.0
"""Workers that have had nothing to do for so long are let go."""
F_SETSIG = 10
"""Of Linux, which Python's fcntl has no name for."""
NOT_TEXT = "Unable to decode path"
"""How watchfiles begins when it gives up because of a name that is not UTF-8."""

Signature = tuple[int, int, int] | None
"""What of a file changes with it; None when it is not there."""
Told = set[Path] | Exception


def watch(
    music: str | Path,
    settings: Settings,
    addresses: Addresses,
    wanted: Wanted,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], None],
    batch: Callable[[Report], None],
    ended: threading.Event | None = None,
    settle_s: float = SETTLE_S,
) -> Report:
    """Bring a folder in, then follow it until Ctrl-C or `ended`; returns what all of it came to.

    `batch` is called with a report: of the folder as it was, then of each batch that changed something. Raises
    `SettingsError` when the folder goes away, `ServiceError` when a part does.
    """
    place = place_of(music)
    if not isinstance(place, Folder):
        raise SettingsError(
            f"{place.name}: only a folder can be followed; ingest an address again now and then instead"
        )
    options = options_for(place, settings, wanted)
    place.find()
    with (
        opened(settings, addresses, workers) as (store, pool),
        contextlib.closing(Ingest(place, options, store, pool.submit, progress, settings.seed)) as ingest,
    ):
        with contextlib.suppress(KeyboardInterrupt), _changes(place.path) as changes:
            pending = _Pending(place.path, changes, settle_s)
            # What an empty folder once held is not given up: its disk may not be there yet.
            if found := place.find():
                first = pending.first(found)
                ingest.bring_in(first.found, lambda uri: place.holds(uri) and uri not in first.awaited)
            batch(ingest.report())
            _follow(place, ingest, pool, pending, batch, ended or threading.Event())
        return ingest.report()


def _follow(
    place: Folder,
    ingest: Ingest,
    pool: Pool,
    pending: _Pending,
    batch: Callable[[Report], None],
    ended: threading.Event,
) -> None:
    worked, before = time.monotonic(), ingest.report()
    while not ended.is_set():
        settled = pending.settled()
        empty = bool(settled and settled.gone) and _is_empty(place.path)
        if not pending.same_disk() or (empty and before.ok):
            raise SettingsError(
                f"{place.name} has gone; nothing in it counts as deleted: watch it again when it is back"
            )
        if settled and not empty:
            ingest.bring_in(settled.found, settled.looked_for)
            worked, after = time.monotonic(), ingest.report()
            done, before = after.since(before), after
            if done.ingested or done.failed or done.gone:
                batch(done)
        elif time.monotonic() - worked > IDLE_S:
            pool.dismiss()


class _Settled(NamedTuple):
    """What has come to rest."""

    found: list[SourceFile | Unreadable]
    gone: set[str]
    """URIs of files and folders that are not there any more, and of folders that were looked through again."""
    awaited: set[str]
    """Files of those folders, which are there but not at rest yet."""

    def looked_for(self, uri: str) -> bool:
        """Whether a source that is not in `found` has gone."""
        above = (uri[:end] for end in range(len(uri), 0, -1) if end == len(uri) or uri[end] == "/")
        return uri not in self.awaited and not self.gone.isdisjoint(above)


class _Pending:
    """Paths that the system told about, until they come to rest; used by one thread."""

    def __init__(self, root: Path, changes: queue.SimpleQueue[Told], settle_s: float) -> None:
        self._root, self._changes, self._settle_s = root, changes, settle_s
        # What moved is found again first, in a folder that has to come to rest before its files, and is not missing then.
        self._gone_s = 3 * settle_s + 2 * LOOK_EVERY_S
        self._disk = _disk(root)
        self._paths: dict[Path, tuple[Signature, float]] = {}
        """What each looked like, and since when."""

    def same_disk(self) -> bool:
        """Whether the folder is there, and on the disk that it was on at first: not the empty place of one unplugged."""
        return _disk(self._root) == self._disk is not None

    def first(self, found: list[SourceFile | Unreadable]) -> _Settled:
        """What of a folder that is seen for the first time is at rest already."""
        settled = _Settled([], set(), set())
        for file in found:
            path = path_of(file.uri)
            young = isinstance(file, SourceFile) and abs(time.time() - file.mtime_ns / 1e9) < self._settle_s
            if young or _open_for_writing(path):
                self._await(path)
                settled.awaited.add(file.uri)
            else:
                settled.found.append(file)
        return settled

    def settled(self) -> _Settled | None:
        """What has come to rest; waits a moment for changes. Raises `ServiceError` when the system tells no more."""
        self._collect()
        now, ready = time.monotonic(), []
        for path, (seen, since) in list(self._paths.items()):
            looks = _signature(path)
            if looks != seen or _open_for_writing(path):
                self._paths[path] = looks, now
            elif now - since >= (self._settle_s if looks else self._gone_s):
                del self._paths[path]
                ready.append(path)
        return self._look(ready) if ready else None

    def _collect(self) -> None:
        with contextlib.suppress(queue.Empty):
            told = self._changes.get(timeout=LOOK_EVERY_S)
            while True:
                if isinstance(told, Exception):
                    raise ServiceError(f"{displayable(self._root)} cannot be watched: {told}") from told
                for path in told:
                    self._await(path)
                told = self._changes.get_nowait()

    def _await(self, path: Path) -> None:
        if not any(part.startswith(".") for part in path.relative_to(self._root).parts):
            self._paths[path] = _signature(path), time.monotonic()

    def _look(self, paths: list[Path]) -> _Settled:
        settled = _Settled([], set(), set())
        for path in paths:
            if is_folder(path):
                settled.gone.add(uri_of(path))
                for file in scan(path):
                    if isinstance(file, Unreadable):
                        settled.found.append(file)
                    else:
                        settled.awaited.add(file.uri)
                        self._paths.setdefault(file.path, (_signature(file.path), time.monotonic()))
            elif _has_gone(path):
                settled.gone.add(uri_of(path))
            elif path.suffix.lower() in AUDIO_SUFFIXES:
                settled.found.append(_file(path))
        return settled


def _disk(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev if is_folder(folder) else None
    except OSError:
        return None


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _has_gone(path: Path) -> bool:
    """Whether there is nothing; a name that the system does not let anybody look at may be there."""
    try:
        path.stat()
    except OSError as error:
        return error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
    return False


def _file(path: Path) -> SourceFile | Unreadable:
    try:
        found = path.stat()
    except OSError as error:
        return Unreadable(uri_of(path), error.strerror or str(error))
    return SourceFile(uri_of(path), found.st_size, found.st_mtime_ns)


def _signature(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _open_for_writing(path: Path) -> bool:
    """Whether some program has a file open to write; False where the system does not tell.

    Linux grants a lease to read only while nobody writes. Who wants to write meanwhile would have us told by a signal,
    by one that is ignored unless asked for.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return False
        fcntl.fcntl(handle, F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def _changes(folder: Path) -> Iterator[queue.SimpleQueue[Told]]:
    """Sets of paths that changed under a folder, from now on; an error when the system tells no more."""
    changes: queue.SimpleQueue[Told] = queue.SimpleQueue()
    stop, started = threading.Event(), threading.Event()

    def told() -> Iterator[set[Path]]:
        for changed in watchfiles.watch(
            folder, watch_filter=None, stop_event=stop, debounce=400, rust_timeout=100, yield_on_timeout=True
        ):
            yield {Path(path) for _, path in changed}

    def listen() -> None:
        again = False
        while not stop.is_set():
            try:
                for paths in told():
                    started.set()
                    changes.put({folder} if again else paths)
                    again = False
            except (OSError, RuntimeError) as error:
                again = str(error).startswith(NOT_TEXT)  # what was told with that name is lost: all is looked through
                if not again:
                    changes.put(error)
                    started.set()
                    return

    thread = threading.Thread(target=listen, name="watch", daemon=True)
    thread.start()
    started.wait()
    try:
        yield changes
    finally:
        stop.set()
        thread.join()
