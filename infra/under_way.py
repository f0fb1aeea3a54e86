"""Telling of work while it goes on, to whoever watches the page; the work itself never waits for that, nor fails of it.

In: stages and counts as they change. Out: `Work` in the store, at most once a second; a sign of life now and then, so that
what was killed is told from what takes long.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infra.clock import now_ms
from infra.errors import SegueError, ServiceError, StoreError
from infra.secrecy import without_secrets
from infra.store import Work, WorkStore
from infra.store.work import Kind, State

__all__ = ["SILENT_MS", "UnderWay", "without_folders"]

log = logging.getLogger("segue.work")

EVERY_S = 1.0
ALIVE_S = 10.0
"""A sign of life comes so often when nothing changes."""
SILENT_MS = 30_000
"""Work that runs and has not been heard of for so long has been killed."""
LAST_WORD_S = 3.0
"""How long the end of the work waits for its last word to be taken."""
INTERRUPTED = "it was interrupted; the same again goes on from there"
PART_AWAY = "a part of the service was away; the same again goes on from there"
UNEXPECTED = "it ended with an error that nobody had expected; what it printed says which"
FOLDERS = re.compile(r"(?:file://|(?<![\w/.:]))/(?:[^\s/'\"]+(?:(?<![:;,]) [^\s/'\"]+)*/)+(?=[^\s/'\"])")
"""Names of folders may have spaces in them; what follows a colon, a semicolon or a comma is another word."""


class UnderWay:
    """One kind of work, one piece after the other; `at` may be called from any thread."""

    def __init__(self, store: WorkStore, kind: Kind) -> None:
        self._store = store
        self._work = Work(kind, "done")
        self._news = threading.Event()

    def at(
        self,
        stage: str,
        *,
        done: int = 0,
        total: int = 0,
        failed: int = 0,
        left_s: float | None = None,
        told: str = "",
    ) -> None:
        """It is at this now."""
        self._work = self._work._replace(stage=stage, done=done, total=total, failed=failed, left_s=left_s, told=told)
        self._news.set()

    def came_to(self, told: str) -> None:
        """What came of it, in a sentence without names of folders."""
        self._work = self._work._replace(told=told)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Around one piece of work, which begins with `stage`."""
        self._work = Work(self._work.kind, "running", stage, began_ms=now_ms())
        over = threading.Event()
        telling = threading.Thread(target=self._tell, args=(over,), name="under-way", daemon=True)
        telling.start()
        try:
            yield
        except BaseException as error:
            state, told = _end_of(error)
            self._work = self._work._replace(state=state, left_s=None, told=told)
            raise
        else:
            self._work = self._work._replace(state="done", stage="", left_s=None)
        finally:
            over.set()
            self._news.set()
            telling.join(LAST_WORD_S)

    def _tell(self, over: threading.Event) -> None:
        while True:
            last = over.is_set()
            self._news.clear()
            try:
                self._store.tell(self._work._replace(changed_ms=now_ms()))
            except StoreError as error:
                log.debug("nobody hears how far the work is: %s", error)
            if last:
                return
            if not over.wait(EVERY_S):
                self._news.wait(ALIVE_S)


def _end_of(error: BaseException) -> tuple[State, str]:
    """What an error makes of the work, and the sentence about it."""
    match error:
        case ServiceError():
            return "failed", PART_AWAY
        case SegueError():
            return "failed", without_folders(str(error))
        case Exception():
            return "failed", UNEXPECTED
    return "stopped", INTERRUPTED


def without_folders(text: str) -> str:
    """Text for everybody: of each path in it only the last name is left, and no address has a password."""
    return FOLDERS.sub("", without_secrets(text))
