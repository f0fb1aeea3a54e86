"""Starting and ending parts for one home; whoever does so holds the home's lock.

In: settings. Out: running parts, and a `run/state.json` that says which.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import psutil

from infra.errors import ServiceError
from infra.secrecy import without_secrets
from infra.services.kafka import kafka_part
from infra.services.mongo import mongo_part
from infra.services.part import Part
from infra.services.ports import choose_ports
from infra.services.processes import MARK, end, find, identity, last_lines, marked, spawn
from infra.services.ray_cluster import RAY_PORTS, ray_environment, ray_part
from infra.services.state import HomeLock, PartState, State, read_state, write_state
from infra.services.tracking import mlflow_part
from infra.settings import Settings

__all__ = ["Launcher", "end_orphans"]

WANTED_PORTS: Mapping[str, Mapping[str, int]] = {
    "mongo": {"mongo": 27017},
    "kafka": {"kafka": 9092, "kafka_controller": 9093},
    "mlflow": {"mlflow": 5000},
    "ray": RAY_PORTS,
}
STEPS = {"replicas": 100}
"""Replicas have 100 ports an installation."""

Report = Callable[[str], None]


class Launcher:
    """Starts parts, keeps the state file true, ends what it started; for one thread at a time but `start`'s own."""

    def __init__(self, settings: Settings, *, supervisor: bool, report: Report) -> None:
        self.settings = settings
        self.lock = HomeLock(settings.run)
        self._supervisor = supervisor
        self._report = report
        self._run = uuid.uuid4().hex
        self._ports: dict[str, int] = {}
        self._parts: dict[str, Part] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._states: dict[str, PartState] = {}
        self._writing = threading.Lock()
        self._stopping = threading.Event()

    def take(self) -> None:
        """Take the home, and end what a killed owner left; raises `ServiceError` when another process has it."""
        if self.lock.held:
            return
        self.lock.take()
        left = end_orphans(self.settings)
        if left:
            self._report(f"ended what a killed Segue had left: {', '.join(left)}")
        before = read_state(self.settings.run)
        self._ports = dict(before.ports) if before else {}
        self._stopping.clear()
        self._write()

    def reserve(self, wanted: Mapping[str, int], hosts: Mapping[str, str] | None = None) -> dict[str, int]:
        """Ports for these names: those of the last time, else the wanted ones, else the next free ones."""
        first = {name: self._ports.get(f"{name}@{port}", port) for name, port in wanted.items()}
        given = choose_ports(first, identity(os.getpid()), steps=STEPS, hosts=hosts)
        self._ports |= {f"{name}@{wanted[name]}": port for name, port in given.items()}
        return given

    def start(self, names: Sequence[str]) -> None:
        """Start embedded parts side by side and return when all answer; raises `ServiceError` for the first that does not."""
        ports = self.reserve({k: v for name in names for k, v in WANTED_PORTS[name].items()})
        with ThreadPoolExecutor(max_workers=max(1, len(names)), thread_name_prefix="start") as pool:
            try:
                started = [pool.submit(self._build_and_launch, name, ports) for name in names]
                for done in wait(started, return_when=FIRST_EXCEPTION).done:
                    done.result()
            except BaseException:
                self._stopping.set()
                raise

    def launch(self, part: Part, restarts: int = 0) -> None:
        """Start one part and return when it answers; raises `ServiceError` with the end of its log."""
        began = time.monotonic()
        for last in (attempt == part.tries for attempt in range(1, part.tries + 1)):
            process = self._spawn(part, restarts)
            if self._answers(part, process, last=last):
                break
            self.end(part.name)
        self._note(self._states[part.name].model_copy(update={"ready": True}))
        at = f" at {part.address}" if part.address else ""
        self._report(f"{part.name} is up{at} ({time.monotonic() - began:.1f} s)")
        if part.notice:
            self._report(f"warning: {part.notice}")

    def restart(self, name: str) -> None:
        """Start a part again in its place, after ending what is left of it; raises `ServiceError`."""
        self.end(name)
        self.launch(self._parts[name], self._states[name].restarts + 1)

    def end(self, name: str) -> None:
        """End one part and everything it started."""
        state, part = self._states[name], self._parts[name]
        root = find(state.identity)
        end([root] if root else [], mark=f"{self._run}:{name}:", grace_s=part.grace_s)
        self._processes[name].wait()
        self._note(state.model_copy(update={"ready": False}))

    def exits(self) -> dict[str, int]:
        """Parts that have ended by themselves, with their exit status as a shell shows it."""
        done = {name: process.poll() for name, process in self._processes.items()}
        return {name: _status(code) for name, code in done.items() if code is not None}

    def tail(self, name: str) -> list[str]:
        """The last lines of a part's log."""
        return last_lines(Path(self._states[name].log))

    @property
    def parts(self) -> Mapping[str, Part]:
        """What has been started, by name, in order."""
        return self._parts

    @property
    def states(self) -> Mapping[str, PartState]:
        """The same as the state file has it."""
        return self._states

    def stop(self) -> None:
        """End everything that was started, last started first, and free the home."""
        self._stopping.set()
        for name, part in reversed(list(self._parts.items())):
            self.end(name)
            part.clear()
        self._parts.clear()
        self._processes.clear()
        self._states.clear()
        if self.lock.held:
            self._write()
            self.lock.free()

    def _build_and_launch(self, name: str, ports: Mapping[str, int]) -> None:
        self.launch(_build(self.settings, name, ports))

    def _spawn(self, part: Part, restarts: int) -> subprocess.Popen[bytes]:
        if self._stopping.is_set():
            raise ServiceError(f"{part.name}: stopped before it was started")
        part.prepare()
        log = self.settings.logs / f"{part.name}.log"
        environment = {**self.settings.environment(), **ray_environment(self.settings), **part.environment}
        environment[MARK] = f"{self._run}:{part.name}:"
        process = spawn(part.argv, environment=environment, log=log, folder=part.data or self.settings.home)
        state = PartState(
            name=part.name,
            pid=process.pid,
            create_time=_created(process),
            address=part.address,
            port=part.port,
            log=str(log),
            data=str(part.data or ""),
            version=part.version,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            restarts=restarts,
            notice=part.notice,
        )
        self._parts[part.name], self._processes[part.name] = part, process
        self._note(state)
        return process

    def _answers(self, part: Part, process: subprocess.Popen[bytes], *, last: bool) -> bool:
        """True when it does; False when it ended and may be tried again."""
        until = time.monotonic() + part.patience_s
        while not self._stopping.is_set():
            code = process.poll()
            if code is not None and not last:
                return False
            if code is not None:
                raise ServiceError(self._failed(part.name, f"ended with status {_status(code)} while starting"))
            if part.ready():
                return True
            if time.monotonic() > until:
                raise ServiceError(self._failed(part.name, f"does not answer after {part.patience_s:.0f} s"))
            self._stopping.wait(0.1)
        raise ServiceError(f"{part.name}: stopped while it was starting")

    def _failed(self, name: str, what: str) -> str:
        lines = (f"    {line}" for line in self.tail(name))
        return "\n".join([f"{name} {what}; the end of {self._states[name].log}:", *lines])

    def _note(self, state: PartState) -> None:
        with self._writing:
            self._states[state.name] = state
        self._write()

    def _write(self) -> None:
        with self._writing:
            me = identity(os.getpid())
            write_state(
                self.settings.run,
                State(
                    run=self._run,
                    pid=me.pid,
                    create_time=me.create_time,
                    supervisor=self._supervisor,
                    command=without_secrets(" ".join([Path(sys.argv[0]).name, *sys.argv[1:]]))[:200],
                    parts=tuple(self._states.values()),
                    ports=self._ports,
                ),
            )


def end_orphans(settings: Settings) -> list[str]:
    """End the parts of an owner that is gone, with all they started; returns their names. The lock must be held."""
    state = read_state(settings.run)
    if state is None or find(state.owner) is not None:
        return []
    alive = {part.name: root for part in state.parts if (root := find(part.identity)) is not None}
    lost = marked(f"{state.run}:")
    if alive or lost:
        end(list(alive.values()), mark=f"{state.run}:")
    return list(alive) or (["processes without a parent"] if lost else [])


def _build(settings: Settings, name: str, ports: Mapping[str, int]) -> Part:
    match name:
        case "mongo":
            return mongo_part(settings, ports["mongo"])
        case "kafka":
            return kafka_part(settings, ports["kafka"], ports["kafka_controller"])
        case "mlflow":
            return mlflow_part(settings, ports["mlflow"])
        case "ray":
            return ray_part(settings, ports)
    raise ServiceError(f"{name}: no such part; there are mongo, kafka, mlflow and ray")


def _created(process: subprocess.Popen[bytes]) -> float:
    try:
        return identity(process.pid).create_time
    except psutil.NoSuchProcess:
        return time.time()


def _status(code: int) -> int:
    """An exit as a shell shows it: 128 and the signal's number for a process that was killed."""
    return code if code >= 0 else 128 - code
