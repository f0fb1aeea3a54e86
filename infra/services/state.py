"""Who runs this home and what is running: the lock, and `run/state.json` that tells others where to find the parts.

In: what the launcher starts. Out: `State`, written so that a reader sees the old or the new one, never half.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO

from pydantic import Field, ValidationError

from infra.errors import ServiceError
from infra.models import Frozen
from infra.services.processes import Identity
from infra.settings import Settings

__all__ = ["HomeLock", "PartState", "State", "doing", "read_state", "tell_doing", "wanting", "write_state"]


class PartState(Frozen):
    """One part as it was started."""

    name: str
    pid: int
    create_time: float
    address: str
    port: int
    log: str
    data: str
    version: str
    started_at: str
    """RFC 3339."""
    restarts: int = 0
    ready: bool = False
    notice: str = ""

    @property
    def identity(self) -> Identity:
        """The process itself."""
        return Identity(self.pid, self.create_time)


class State(Frozen):
    """What runs for one home."""

    run: str
    """Random, new with every owner; the mark of all its processes begins with it."""
    pid: int
    create_time: float
    supervisor: bool
    """Whether the owner is `segue up`, which stays, or a command that ends by itself."""
    command: str
    parts: tuple[PartState, ...] = ()
    ports: dict[str, int] = Field(default_factory=dict)
    """The port used last for each `name@wanted port`: it is tried first the next time."""

    @property
    def owner(self) -> Identity:
        """The process that started the parts and will end them."""
        return Identity(self.pid, self.create_time)

    def part(self, name: str) -> PartState | None:
        """The part of that name."""
        return next((part for part in self.parts if part.name == name), None)


def read_state(run: Path) -> State | None:
    """The state last written; None when there is none that this version understands."""
    try:
        return State.model_validate_json((run / "state.json").read_bytes())
    except (FileNotFoundError, ValidationError, json.JSONDecodeError):
        return None


def write_state(run: Path, state: State) -> None:
    """Write beside, bring to the disk, rename."""
    run.mkdir(parents=True, exist_ok=True)
    beside = run / "state.json.new"
    with beside.open("w") as file:
        file.write(state.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(run / "state.json")


def tell_doing(settings: Settings, name: str, what: str, *, fix: str = "") -> None:
    """Let `segue status` show what the part `name` is at and, where a person has to do something, what."""
    settings.run.mkdir(parents=True, exist_ok=True)
    for kind, told in (("doing", what), ("fix", fix)):
        beside = settings.run / f"{name}.{kind}.new"
        beside.write_text(told)
        beside.replace(settings.run / f"{name}.{kind}")


def doing(settings: Settings, name: str) -> str:
    """What that part told last; empty when it tells nothing."""
    return _told(settings.run / f"{name}.doing")


def wanting(settings: Settings, name: str) -> str:
    """What that part told last that a person has to do; empty when all is well."""
    return _told(settings.run / f"{name}.fix")


def _told(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


class HomeLock:
    """Held by the one process that may start parts for a home; the system frees it when that process ends."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock; raises `ServiceError` naming the process that has it."""
        if self._file is not None:
            return
        self._run.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._run.mkdir(exist_ok=True)
        file = (self._run / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            state = read_state(self._run)
            who = f"pid {state.pid} ({state.command})" if state else "another process"
            raise ServiceError(
                f"{self._run.parent} is in use by {who}; `segue down` ends it, another SEGUE_HOME is independent of it"
            ) from error
        self._file = file

    def free(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def held(self) -> bool:
        """Whether this object has it."""
        return self._file is not None

    def taken_elsewhere(self) -> bool:
        """Whether another process has it now."""
        if self.held:
            return False
        try:
            self.take()
        except ServiceError:
            return True
        self.free()
        return False
