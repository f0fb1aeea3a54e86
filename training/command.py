"""A command that nobody asked for, in a process of its own that gives way to everything else.

In: a command line. Out: its exit status; it ends with whoever runs it.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from infra.settings import Settings, child_environment

__all__ = ["run"]

log = logging.getLogger("segue.retrain")

FIRST_TO_GO = "800"
"""Of 1000: when memory runs out, the system ends this process rather than what plays music."""
LOOK_EVERY_S = 0.5
PATIENCE_S = 20.0
"""How long an interrupted command may take to end."""


def run(command: Sequence[str], settings: Settings, stop: threading.Event) -> int:
    """Run a command on these settings to its end, or until `stop` is set; returns its exit status."""
    with subprocess.Popen(command, env=child_environment(**settings.environment())) as process:
        _first_to_go(process.pid)
        while process.poll() is None and not stop.wait(LOOK_EVERY_S):
            pass
        if process.poll() is None:
            _end(process)
    return process.returncode


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
