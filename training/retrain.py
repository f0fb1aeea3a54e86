"""Training by itself (`python -m training.retrain COMMAND…`): looks now and then, and runs the command when it is time.

In: plays in MongoDB, versions in the registry. Out: a training in a process of its own, at the lowest priority, one at a
time; its output among this program's own. It imports nothing that is heavy: most of the time it waits. Where training by
itself is switched off, it only says when a training is due, and removes what is left of the forgotten.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from pydantic import ValidationError

from infra.clock import now_ms
from infra.errors import SegueError, ServiceError
from infra.logs import log_to_stderr
from infra.secrecy import without_secrets
from infra.services import discover, tell_doing
from infra.settings import Settings
from infra.store import Forgetting, Store
from training.alone import who_trains
from training.attempts import Attempts, trouble
from training.command import run
from training.due import Attempt, Trained, due
from training.interrupted import forget_in_interrupted
from training.registry import versions as registry
from training.registry.forgetting import learned_from, owed
from training.registry.versions import SECONDS, ModelVersion
from training.spark.new_plays import new_plays
from training.tidy import untidy

__all__ = ["Watch", "main"]

log = logging.getLogger("segue.retrain")

LOWEST = 19
"""Niceness of trainings that nobody asked for."""
LOOK_EVERY_S = 15.0
TIDY = (sys.executable, "-m", "training.tidy")
"""In a process of its own, because MLflow's library is heavy."""
TIDY_AGAIN_S = 600.0
"""Pause after something could not be removed."""
BY_HAND = "`segue train` makes a model without them"


class Watch:
    """Looks whether it is time, and trains; for one thread."""

    def __init__(self, settings: Settings, command: Sequence[str], stop: threading.Event) -> None:
        self._settings, self._command, self._stop = settings, list(command), stop
        self._attempts = Attempts(settings.home)
        self._tidy_at_s = 0.0

    def run(self, every_s: float) -> None:
        """Look every so many seconds until `stop` is set."""
        told = ""
        self._tell("looks for the first time since its start")
        while not self._stop.is_set():
            try:
                self.look()
                told = ""
            except (SegueError, OSError, ValidationError) as error:
                fault = without_secrets(str(error))
                self._tell(f"looks again later: {fault}")
                if fault != told:
                    log.warning("looks again later: %s", fault)
                told = fault
            self._stop.wait(every_s)

    def look(self) -> None:
        """Look once, and train when it is time; raises `ServiceError` when MongoDB or MLflow is away."""
        addresses = discover(self._settings)
        if not (addresses.mongo and addresses.mlflow):
            raise ServiceError("MongoDB or MLflow does not answer yet")
        with Store(addresses.mongo, self._settings.mongo_database, timeout_s=2.0) as store:
            forgettings = store.plays.forgettings()
            forget_in_interrupted(self._settings, forgettings)
            known = registry.versions(addresses.mlflow)
            why = owed(known, forgettings)
            if who := who_trains(self._settings):
                self._tell(f"waits for the training of {who}")
                return
            if untidy(known, forgettings, self._settings.models_kept) and self._tidied():
                known = registry.versions(addresses.mlflow)
            if not self._settings.retrain_plays:
                self._tell("switched off (SEGUE_RETRAIN_PLAYS=0)", fix=f"{why}; {BY_HAND}" if why else "")
            else:
                self._look_on(store, next(iter(known), None), why, forgettings)

    def _tidied(self) -> bool:
        """Whether all that is superfluous went just now; what did not is left alone for a while."""
        if time.monotonic() < self._tidy_at_s:
            return False
        failed = run(TIDY, self._settings, self._stop)
        if failed:
            self._tidy_at_s = time.monotonic() + TIDY_AGAIN_S
        return not failed

    def _look_on(self, store: Store, newest: ModelVersion | None, why: str, forgettings: Sequence[Forgetting]) -> None:
        wanted, now = self._settings.retrain_plays, now_ms()
        since = newest.version if newest is not None else ""
        attempt = self._attempts.last(since)
        again = attempt is not None and (attempt.resumable or bool(why))
        from_ms = newest.read_ms if newest is not None else 0
        if attempt is not None and not attempt.resumable:
            from_ms = max(from_ms, attempt.at_ms)
        new = new_plays(store, from_ms, now, wanted)
        last = _trained(newest)
        answered = newest is not None and not learned_from(newest, forgettings)
        if due(
            wanted=wanted,
            new=new,
            owed=bool(why),
            last=last,
            attempt=attempt,
            now_ms=now,
            answered=answered,
        ):
            tries = attempt.tries + 1 if attempt is not None and again else 1
            log.info("%s, attempt %d: %s", why or f"{new} new plays", tries, " ".join(self._command))
            self._train(Attempt(since=since, state="running", tries=tries, at_ms=now))
            return
        rests = "; rests, because the last training was a short while ago" if new >= wanted else ""
        told = f"{new} of {wanted} new plays since version {since or 'none'}{rests}{trouble(attempt)}"
        self._tell(told)

    def _train(self, attempt: Attempt) -> None:
        self._attempts.begins(attempt)
        self._tell(f"training since {time.strftime('%H:%M:%S')}; see {self._settings.logs / 'retrain.log'}")
        status = run(self._command, self._settings, self._stop)
        if status and self._stop.is_set():
            self._attempts.stopped(attempt)
        else:
            self._attempts.ended(attempt, status)

    def _tell(self, doing: str, *, fix: str = "") -> None:
        tell_doing(self._settings, "retrain", doing, fix=fix)


def main() -> None:
    """Watch the services of this installation until SIGTERM or SIGINT."""
    settings = Settings.load()
    log_to_stderr(settings)
    os.nice(LOWEST)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Watch(settings, sys.argv[1:], stop).run(LOOK_EVERY_S)


def _trained(newest: ModelVersion | None) -> Trained | None:
    if newest is None:
        return None
    return Trained(newest.created_ms, int(float(newest.tags.get(SECONDS, 0)) * 1000))


if __name__ == "__main__":
    main()
