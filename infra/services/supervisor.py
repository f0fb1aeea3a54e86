"""`segue up`: starts the parts and our programs, keeps them up, ends them all.

In: settings, programs, and a function that shows a line to the user. Out: a running installation, until a signal or `stop`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, Self

from infra.addresses import Addresses
from infra.errors import ServiceError
from infra.services.discovery import discover, outside
from infra.services.launcher import Launcher, end_orphans
from infra.services.part import EMBEDDED, Part, Program, answers
from infra.services.processes import find, still_running
from infra.services.ray_cluster import prepare_ray_client
from infra.services.state import HomeLock, read_state
from infra.settings import Settings

__all__ = ["Supervisor", "down"]

TICK_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0
"""A part that ran this long has recovered: its next fall counts as the first."""
PATIENCE_S = 90.0


class Supervisor:
    """The one owner of a home. As a context manager it ends everything, also after an error or a signal."""

    def __init__(self, settings: Settings, extra: Sequence[Program], report: Callable[[str], None]) -> None:
        self._settings = settings
        self._programs = list(extra)
        self._report = report
        self._launcher = Launcher(settings, supervisor=True, report=report)
        self._falls: dict[str, int] = {}
        self._up_since: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._previous: dict[int, Any] = {}

    def take(self) -> None:
        """Take the home without starting anything yet; raises `ServiceError` naming the pid that has it.

        From here on SIGTERM interrupts like Ctrl-C: as `KeyboardInterrupt`, which `stop` must follow.
        """
        self._launcher.take()
        if threading.current_thread() is threading.main_thread() and not self._previous:
            self._previous = {s: signal.signal(s, _interrupt) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def reserve(self, wanted: Mapping[str, int], hosts: Mapping[str, str] | None = None) -> dict[str, int]:
        """Ports for programs: the last ones, the wanted ones, or the next free ones; `take` comes first."""
        return self._launcher.reserve(wanted, hosts)

    def start(self) -> Addresses:
        """Start the parts that are not outside, then the programs, and return when all answer; raises `ServiceError`."""
        self.take()
        prepare_ray_client(self._settings)
        self._launcher.start([name for name in EMBEDDED if name not in outside(self._settings)])
        for program in self._programs:
            self.add(program, keep=False)
        return discover(self._settings)

    def add(self, program: Program, *, keep: bool = True) -> None:
        """Start one more program and watch it; raises `ServiceError` when it does not come up."""
        if keep:
            self._programs.append(program)
        self._launcher.launch(_as_part(program))

    def run_forever(self) -> None:
        """Watch until SIGINT or SIGTERM."""
        try:
            while True:
                self.watch()
                time.sleep(TICK_S)
        except KeyboardInterrupt:
            return

    def watch(self) -> None:
        """Look once: start again what has ended and whose pause is over."""
        now = time.monotonic()
        for name, code in self._launcher.exits().items():
            if name not in self._due:
                self._fallen(name, code, now)
        for name in [name for name, at in self._due.items() if at <= now]:
            self._again(name)

    def stop(self) -> None:
        """End everything, last started first, and free the home; signals are not heard meanwhile."""
        ours = list(self._previous)
        for number in ours:
            signal.signal(number, signal.SIG_IGN)
        self._launcher.stop()
        for number in ours:
            signal.signal(number, self._previous.pop(number))

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _fallen(self, name: str, code: int, now: float) -> None:
        if now - self._up_since.get(name, 0.0) > STEADY_S:
            self._falls[name] = 0
        falls = self._falls[name] = self._falls.get(name, 0) + 1
        self._due[name] = now + (0.0 if falls == 1 else min(LONGEST_PAUSE_S, 0.5 * 2**falls))
        tail = "".join(f"\n    {line}" for line in self._launcher.tail(name))
        self._report(f"{name} stopped (exit {code}); starting it again{tail}")

    def _again(self, name: str) -> None:
        try:
            self._launcher.restart(name)
        except ServiceError as error:
            self._report(str(error))
            self._launcher.end(name)
            return
        finally:
            self._due.pop(name, None)
        self._up_since[name] = time.monotonic()
        if name == "ray":
            self._after_ray()

    def _after_ray(self) -> None:
        for program in self._programs:
            if "ray" in program.needs and program.name in self._launcher.parts:
                self._report(f"{program.name} needs Ray; starting it again")
                self._again(program.name)


def _as_part(program: Program) -> Part:
    ready = program.ready
    check: Callable[[], bool] = (lambda: answers(ready)) if isinstance(ready, str) else ready
    port = program.address.rpartition(":")[2].rstrip("/")
    return Part(
        name=program.name,
        argv=program.argv,
        address=program.address,
        ready=check if ready else _at_once,
        port=int(port) if port.isdigit() else 0,
        needs=program.needs,
        patience_s=program.patience_s,
    )


def _at_once() -> bool:
    return True


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def down(settings: Settings) -> list[str]:
    """End what runs for this home and return the names of its parts, none when nothing runs.

    The owner is asked to end; when it is gone already (killed), its parts are ended from here. Raises `ServiceError`
    when the owner is a command that ends by itself, or does not end.
    """
    state = read_state(settings.run)
    lock = HomeLock(settings.run)
    if state is None:
        return []
    if not lock.taken_elsewhere():
        lock.take()
        try:
            return end_orphans(settings)
        finally:
            lock.free()
    owner = find(state.owner)
    if not state.supervisor or owner is None or state.owner.pid == os.getpid():
        raise ServiceError(f"pid {state.pid} ({state.command}) uses {settings.home} and ends by itself; wait for it")
    names = [part.name for part in state.parts]
    owner.terminate()
    if still_running([owner], PATIENCE_S):
        raise ServiceError(
            f"pid {state.pid} did not end within {PATIENCE_S:.0f} s; `kill -9 {state.pid}`, then `segue down`"
        )
    return names
