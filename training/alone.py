"""One training at a time: two would fight for the machine, and for who becomes champion.

In: settings. Out: a lock under the home folder, and who holds it.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from infra.errors import Busy
from infra.models import Frozen
from infra.secrecy import without_secrets
from infra.services.processes import Identity, find, identity
from infra.settings import Settings

__all__ = ["alone", "who_trains"]

FILE = "training.lock"


class Trainer(Frozen):
    """A process that trains."""

    pid: int
    create_time: float
    command: str
    since: str


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Held by the one process that trains, freed by the system when that process ends.

    Raises `Busy` naming the process that has it.
    """
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = who_trains(settings) or "another process"
            raise Busy(f"a training runs already: {who}; wait for its end, or end it") from error
        me = identity(os.getpid())
        command = without_secrets(" ".join(sys.argv))[:200]
        trainer = Trainer(pid=me.pid, create_time=me.create_time, command=command, since=time.strftime("%H:%M:%S"))
        file.truncate(0)
        file.write(trainer.model_dump_json())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def who_trains(settings: Settings) -> str:
    """Who trains on this home now; empty when nobody does. The lock itself is not touched."""
    try:
        trainer = Trainer.model_validate_json((settings.run / FILE).read_bytes())
    except (OSError, ValidationError):
        return ""
    if find(Identity(trainer.pid, trainer.create_time)) is None:
        return ""
    return f"pid {trainer.pid} ({trainer.command}) since {trainer.since}"
