"""The last training that was begun by itself and has not ended well: `HOME/retrain.json`, kept over a restart.

In: attempts as they begin and end. Out: the last one, for `due.py` to judge by, and what to tell of it.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from pydantic import ValidationError

from infra.clock import now_ms
from training.due import Attempt

__all__ = ["Attempts", "trouble"]

log = logging.getLogger("segue.retrain")


class Attempts:
    """The file that holds the last attempt."""

    def __init__(self, home: Path) -> None:
        self._file = home / "retrain.json"

    def last(self, since: str) -> Attempt | None:
        """The last attempt, if the version `since` was the newest then; a newer one has settled it."""
        try:
            attempt = Attempt.model_validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            return None
        return attempt if attempt.since == since else None

    def begins(self, attempt: Attempt) -> None:
        """Found so by a new process, it was killed."""
        self._write(attempt)

    def stopped(self, attempt: Attempt) -> None:
        """It ended because this service did, which does not count as a try."""
        self._write(attempt.model_copy(update={"tries": attempt.tries - 1}))

    def ended(self, attempt: Attempt, status: int) -> None:
        """It ended by itself with this exit status, that of a signal below 0."""
        over = {"ended_ms": now_ms(), "reason": f"status {status} at {time.strftime('%Y-%m-%d %H:%M')}"}
        if status < 0:
            log.warning("the training was killed by signal %d; it will be gone on with", -status)
        elif status == os.EX_TEMPFAIL:
            log.warning("the training met what passes, a part that was away for instance; it is repeated after a pause")
            self._write(attempt.model_copy(update={**over, "state": "away"}))
        elif status:
            log.warning("the training ended with status %d; the next waits for as many plays", status)
            self._write(attempt.model_copy(update={**over, "state": "failed"}))
        else:
            self._file.unlink(missing_ok=True)

    def _write(self, attempt: Attempt) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(attempt.model_dump_json())
        beside.replace(self._file)


def trouble(attempt: Attempt | None) -> str:
    """What to tell of an attempt that stands in the way; empty without one."""
    match attempt:
        case None:
            return ""
        case Attempt(state="failed", reason=reason):
            return f"; the last attempt failed: {reason}"
        case Attempt(state="away"):
            return "; the last attempt met what passes, a part that was away for instance, and is repeated"
    return "; the last attempt was killed"
