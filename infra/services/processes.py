"""Processes: started apart from the terminal, found again without mistaking another for them, ended with all they started.

In: argument lists, and the pids and start times in `run/state.json`. Out: running processes, and none left over.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.settings import child_environment

__all__ = [
    "MARK",
    "Identity",
    "end",
    "family",
    "find",
    "identity",
    "last_lines",
    "marked",
    "memory_mb",
    "spawn",
    "still_running",
]

MARK = "SEGUE_PART_OF"
"""The variable by which a process that lost its parents is still known as ours."""
LOG_LIMIT_BYTES = 10 * 1024 * 1024
SAME_START_S = 1.5


class Identity(NamedTuple):
    """A process for good: pids are used again, pids with a start time are not."""

    pid: int
    create_time: float
    """Seconds since 1970."""


def identity(pid: int) -> Identity:
    """Who has this pid now; raises `psutil.NoSuchProcess`."""
    return Identity(pid, psutil.Process(pid).create_time())


def find(wanted: Identity) -> psutil.Process | None:
    """That process when it still runs; a zombie does not."""
    try:
        process = psutil.Process(wanted.pid)
        same = abs(process.create_time() - wanted.create_time) < SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def spawn(argv: Sequence[str], *, environment: Mapping[str, str], log: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to `log` (begun anew beyond 10 MB)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=child_environment(**environment),
            cwd=folder,
            start_new_session=True,
        )


def family(root: psutil.Process) -> list[psutil.Process]:
    """A process and all it started that still run."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def marked(mark: str) -> list[psutil.Process]:
    """All processes whose mark begins with `mark`, and all they started."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARK, "").startswith(mark)
        except (psutil.Error, OSError):
            continue
        if ours:
            found |= {p.pid: p for p in family(process)}
    return list(found.values())


def end(roots: Iterable[psutil.Process], *, mark: str = "", grace_s: float = 10.0) -> int:
    """End processes and everything they started; returns how many had to be killed.

    The roots are asked (SIGTERM) and given `grace_s`; whoever of them, of what they had started, or of those with
    `mark` still runs then, is killed. psutil compares start times before it signals, so a pid used again is safe.
    """
    roots = list(roots)
    everyone = {p.pid: p for root in roots for p in family(root)}
    for root in roots:
        _signal(root, kill=False)
    still_running(roots, grace_s)
    if mark:
        everyone |= {p.pid: p for p in marked(mark)}
    left = still_running(list(everyone.values()), 1.0 if roots else 0.0)
    for process in left:
        _signal(process, kill=True)
    still_running(left, 5.0)
    return len(left)


def still_running(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Which of them have not ended after at most `timeout_s`.

    One that has ended and waits for its parent to notice has ended: that parent may be whoever waits for us.
    """
    until = time.monotonic() + timeout_s
    left = [process for process in processes if _runs(process)]
    while left and time.monotonic() < until:
        time.sleep(0.05)
        left = [process for process in left if _runs(process)]
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return


def memory_mb(root: psutil.Process) -> int:
    """Memory of a process and all it started, in MB; pages shared between them count once where the system tells."""
    total = 0
    for process in family(root):
        try:
            info = process.memory_full_info()
            total += getattr(info, "pss", info.rss)
        except (psutil.Error, OSError):
            continue
    return round(total / 1024**2)


def last_lines(log: Path, count: int = 8) -> list[str]:
    """The end of a log file; nothing when there is none."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return file.read().decode(errors="replace").splitlines()[-count:]
