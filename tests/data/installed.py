"""A whole installation, run as a user runs it: `segue` commands in processes of their own, in a home of its own.

In: a home folder. Out: `Installed`, with `up`, `down`, `segue` and what `segue status --json` says.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

READY_S = 240.0


class Installed:
    """One SEGUE_HOME and the commands run on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._up: subprocess.Popen[bytes] | None = None
        self._log = home / "up.log"
        home.mkdir(parents=True, exist_ok=True)

    def segue(self, *arguments: str, check: bool = True, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with `typed` on its standard input."""
        done = subprocess.run(
            [sys.executable, "-m", "ui.cli", *arguments],
            env=self._environment(),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"segue {arguments}: {done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """What a command reports with `--json`."""
        return json.loads(self.segue(*arguments, "--json").stdout)

    def up(self, *arguments: str) -> dict[str, Any]:
        """Start everything; returns the status once the service is healthy and the page, if any, answers."""
        with self._log.open("ab") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "ui.cli", "up", *arguments],
                env=self._environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self.wait_until_ready(page="--no-ui" not in arguments)

    def wait_until_ready(self, *, page: bool = True) -> dict[str, Any]:
        """Poll `segue status --json` and the addresses in it."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self._up is None or self._up.poll() is None, f"segue up ended: {self.output()}"
            status = self._status_file()
            if status and answers(status["http"] + "/health") and (not page or answers(status["ui"])):
                return status
            time.sleep(0.3)
        raise AssertionError(f"not ready within {READY_S} s: {self.output()}")

    def interrupt(self) -> None:
        """Press Ctrl-C in the terminal of `segue up` and wait for its end."""
        assert self._up is not None
        self._up.send_signal(signal.SIGINT)
        assert self._up.wait(timeout=60) == 0, self.output()

    def down(self) -> None:
        """`segue down`, and `segue up` is gone with it."""
        self.segue("down")
        if self._up is not None:
            self._up.wait(timeout=30)

    def output(self) -> str:
        """The last of what `segue up` printed."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "SEGUE_HOME": str(self.home)}

    def _status_file(self) -> dict[str, Any] | None:
        done = self.segue("status", "--json", check=False)
        status = json.loads(done.stdout) if done.stdout else None
        return status if status and status["http"] else None


def answers(url: str) -> bool:
    """Whether a GET of `url` succeeds now."""
    try:
        return httpx.get(url, timeout=5, follow_redirects=True).status_code == 200
    except httpx.TransportError:
        return False


def wait_for(true: Any, what: str, timeout_s: float = 30.0) -> Any:
    """Call `true` until it returns something true, and return that."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        got = true()
        if got:
            return got
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {timeout_s} s")
