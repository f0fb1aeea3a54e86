"""Training by itself (`python -m training.retrain COMMAND…`): looks now and then, and runs the command when it is time.

In: plays in MongoDB, versions in the registry. Out: a training in a process of its own, at the lowest priority, one at a
time; its output among this program's own. It imports nothing that is heavy: most of the time it waits.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from infra.errors import SegueError, ServiceError
from infra.secrecy import without_secrets
from infra.services import discover, tell_doing
from infra.settings import Settings, child_environment
from infra.store import Store
from training.alone import who_trains
from training.due import Attempt, due
from training.registry import versions as registry
from training.spark.new_plays import TELLING_PLAYS, telling_plays

__all__ = ["Watch", "main"]

log = logging.getLogger("segue.retrain")

LOWEST = 19
"""Niceness of trainings that nobody asked for."""
LOOK_EVERY_S = 15.0
PATIENCE_S = 20.0
"""How long an interrupted training may take to end."""


class Watch:
    """Looks whether it is time, and trains; for one thread."""

    def __init__(self, settings: Settings, command: Sequence[str], stop: threading.Event) -> None:
        self._settings, self._command, self._stop = settings, list(command), stop
        self._since = ""
        self._counted: tuple[int, int] | None = None
        """Estimate of all events when telling plays were counted last, and how many more events a count is worth."""

    def run(self, every_s: float) -> None:
        """Look every so many seconds until `stop` is set."""
        told = ""
        while not self._stop.is_set():
            try:
                self.look()
                told = ""
            except (SegueError, OSError, ValidationError) as error:
                fault = without_secrets(str(error))
                if fault != told:
                    log.warning("looks again later: %s", fault)
                told = fault
            self._stop.wait(every_s)

    def look(self) -> None:
        """Look once, and train when it is time; raises `ServiceError` when MongoDB or MLflow is away."""
        addresses = discover(self._settings)
        if not (addresses.mongo and addresses.mlflow):
            raise ServiceError("MongoDB or MLflow does not answer yet")
        newest = next(iter(registry.versions(addresses.mlflow)), None)
        since = newest.version if newest is not None else ""
        learned = int(newest.tags.get(TELLING_PLAYS, 0)) if newest is not None else 0
        if since != self._since:
            self._since, self._counted = since, None
        attempt = self._attempt(since)
        if attempt is not None and attempt.resumable:
            plays: int | None = attempt.plays
        else:
            with Store(addresses.mongo, self._settings.mongo_database, timeout_s=2.0) as store:
                plays = self._count(store)
        if plays is not None:
            self._decide(plays, learned, since, attempt)

    def _decide(self, plays: int, learned: int, since: str, attempt: Attempt | None) -> None:
        wanted, now_ms = self._settings.retrain_plays, time.time_ns() // 1_000_000
        if not due(wanted=wanted, plays=plays, learned=learned, attempt=attempt, now_ms=now_ms):
            new = abs(plays - learned)
            self._counted = self._counted and (self._counted[0], max(wanted - new, 1))
            self._tell(f"{new} of {wanted} new plays since version {since or 'none'}{_trouble(attempt)}")
        elif who := who_trains(self._settings):
            self._counted = None
            self._tell(f"waits for the training of {who}")
        else:
            tries = attempt.tries + 1 if attempt is not None and attempt.resumable else 1
            self._train(Attempt(plays=plays, since=since, state="running", tries=tries, at_ms=now_ms))

    def _count(self, store: Store) -> int | None:
        """Telling plays; None while too few events have come since the last count for another to matter."""
        events = store.plays.count()
        if self._counted is not None and abs(events - self._counted[0]) < self._counted[1]:
            return None
        self._counted = events, 1
        return telling_plays(store, time.time_ns() // 1_000_000)

    def _train(self, attempt: Attempt) -> None:
        self._note(attempt)
        self._tell(f"training since {time.strftime('%H:%M:%S')}; see {self._settings.logs / 'retrain.log'}")
        log.info("%d plays, attempt %d: %s", attempt.plays, attempt.tries, " ".join(self._command))
        with subprocess.Popen(self._command, env=child_environment(**self._settings.environment())) as training:
            while training.poll() is None and not self._stop.wait(0.5):
                pass
            if training.poll() is None:
                _end(training)
                return
        self._counted = None
        if training.returncode < 0:
            log.warning("the training was killed by signal %d; it will be gone on with", -training.returncode)
        elif training.returncode:
            reason = f"status {training.returncode} at {time.strftime('%Y-%m-%d %H:%M')}"
            log.warning("the training ended with status %d; the next waits for as many plays", training.returncode)
            self._note(attempt.model_copy(update={"state": "failed", "reason": reason}))
        else:
            self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self._settings.home / "retrain.json"

    def _attempt(self, since: str) -> Attempt | None:
        """The last attempt, unless a version that came since has settled it."""
        try:
            attempt = Attempt.model_validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            return None
        return attempt if attempt.since == since else None

    def _note(self, attempt: Attempt) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(attempt.model_dump_json())
        beside.replace(self._file)

    def _tell(self, doing: str) -> None:
        tell_doing(self._settings, "retrain", doing)


def main() -> None:
    """Watch the services of this installation until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.nice(LOWEST)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Watch(Settings.load(), sys.argv[1:], stop).run(LOOK_EVERY_S)


def _trouble(attempt: Attempt | None) -> str:
    if attempt is None:
        return ""
    return f"; the last attempt {f'failed: {attempt.reason}' if attempt.state == 'failed' else 'was killed'}"


def _end(training: subprocess.Popen[bytes]) -> None:
    training.terminate()
    try:
        training.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        training.kill()


if __name__ == "__main__":
    main()
