"""A thread that keeps what a replica holds up to date, and leaves the replica most of its time for answers.

In: one step, which sees what has changed. Out: the step done at the start and again and again until the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Refreshing"]

PAUSE_S = 1.0
PAUSE_SHARE = 4.0
"""Times what a step took of the processor: in a library of 100,000 tracks one more costs a third of a second."""


class Refreshing:
    """Takes `step` each second, or more seldom when it costs much."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refresh", daemon=True)

    def start(self) -> None:
        """Take the first step, whose errors are the caller's; then go on in a thread."""
        self._step()
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = PAUSE_S
        while not self._stopped.wait(pause_s):
            # Time of the processor: waiting for a part that is away is no work.
            began = time.thread_time()
            self._step()
            pause_s = max(PAUSE_S, PAUSE_SHARE * (time.thread_time() - began))
