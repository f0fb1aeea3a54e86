"""Training by itself (`python -m training.retrain COMMAND…`): looks now and then, and runs the command when it is time.

In: plays in MongoDB, versions in the registry. Out: a training in a process of its own, at the lowest priority, one at a
time; its output among this program's own. It imports nothing that is heavy: most of the time it waits. Where training by
itself is switched off, it only says when a training is due, and removes what is left of the forgotten.
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
from infra.store import Forgetting, Store
from training.alone import who_trains
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
FIRST_TO_GO = "800"
"""Of 1000: when memory runs out, the system ends the training rather than what plays music."""
LOOK_EVERY_S = 15.0
PATIENCE_S = 20.0
"""How long an interrupted training may take to end."""
TIDY = (sys.executable, "-m", "training.tidy")
"""In a process of its own, because MLflow's library is heavy."""
TIDY_AGAIN_S = 600.0
"""Pause after a version could not be removed."""
BY_HAND = "`segue train` makes a model without them"


class Watch:
    """Looks whether it is time, and trains; for one thread."""

    def __init__(self, settings: Settings, command: Sequence[str], stop: threading.Event) -> None:
        self._settings, self._command, self._stop = settings, list(command), stop
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
        failed = self._run(TIDY)
        if failed:
            self._tidy_at_s = time.monotonic() + TIDY_AGAIN_S
        return not failed

    def _look_on(self, store: Store, newest: ModelVersion | None, why: str, forgettings: Sequence[Forgetting]) -> None:
        wanted, now_ms = self._settings.retrain_plays, _now()
        since = newest.version if newest is not None else ""
        attempt = self._attempt(since)
        again = attempt is not None and (attempt.resumable or bool(why))
        from_ms = newest.read_ms if newest is not None else 0
        if attempt is not None and not attempt.resumable:
            from_ms = max(from_ms, attempt.at_ms)
        new = new_plays(store, from_ms, now_ms, wanted)
        last = _trained(newest)
        answered = newest is not None and not learned_from(newest, forgettings)
        if due(
            wanted=wanted,
            new=new,
            owed=bool(why),
            last=last,
            attempt=attempt,
            now_ms=now_ms,
            answered=answered,
        ):
            tries = attempt.tries + 1 if attempt is not None and again else 1
            log.info("%s, attempt %d: %s", why or f"{new} new plays", tries, " ".join(self._command))
            self._train(Attempt(since=since, state="running", tries=tries, at_ms=now_ms))
            return
        rests = "; rests, because the last training was a short while ago" if new >= wanted else ""
        told = f"{new} of {wanted} new plays since version {since or 'none'}{rests}{_trouble(attempt)}"
        self._tell(told)

    def _train(self, attempt: Attempt) -> None:
        self._note(attempt)
        self._tell(f"training since {time.strftime('%H:%M:%S')}; see {self._settings.logs / 'retrain.log'}")
        status = self._run(self._command)
        if status and self._stop.is_set():
            self._note(attempt.model_copy(update={"tries": attempt.tries - 1}))
        else:
            self._settle(attempt, status)

    def _run(self, command: Sequence[str]) -> int:
        """Run a command to its end, or to the end of this service; returns its exit status."""
        with subprocess.Popen(command, env=child_environment(**self._settings.environment())) as process:
            _first_to_go(process.pid)
            while process.poll() is None and not self._stop.wait(0.5):
                pass
            if process.poll() is None:
                _end(process)
        return process.returncode

    def _settle(self, attempt: Attempt, status: int) -> None:
        ended = attempt.model_copy(
            update={"ended_ms": _now(), "reason": f"status {status} at {time.strftime('%Y-%m-%d %H:%M')}"}
        )
        if status < 0:
            log.warning("the training was killed by signal %d; it will be gone on with", -status)
        elif status == os.EX_TEMPFAIL:
            log.warning("the training met what passes, a part that was away for instance; it is repeated after a pause")
            self._note(ended.model_copy(update={"state": "away"}))
        elif status:
            log.warning("the training ended with status %d; the next waits for as many plays", status)
            self._note(ended.model_copy(update={"state": "failed"}))
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

    def _tell(self, doing: str, *, fix: str = "") -> None:
        tell_doing(self._settings, "retrain", doing, fix=fix)


def main() -> None:
    """Watch the services of this installation until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.nice(LOWEST)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Watch(Settings.load(), sys.argv[1:], stop).run(LOOK_EVERY_S)


def _trained(newest: ModelVersion | None) -> Trained | None:
    if newest is None:
        return None
    return Trained(newest.created_ms, int(float(newest.tags.get(SECONDS, 0)) * 1000))


def _trouble(attempt: Attempt | None) -> str:
    match attempt:
        case None:
            return ""
        case Attempt(state="failed", reason=reason):
            return f"; the last attempt failed: {reason}"
        case Attempt(state="away"):
            return "; the last attempt met what passes, a part that was away for instance, and is repeated"
    return "; the last attempt was killed"


def _first_to_go(pid: int) -> None:
    try:
        Path(f"/proc/{pid}/oom_score_adj").write_text(FIRST_TO_GO)
    except OSError:
        log.debug("this system does not let a process be ended first")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main()
