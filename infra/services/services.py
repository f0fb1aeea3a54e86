"""The parts for one process that needs some of them: commands, tests, notebooks.

In: settings. Out: `Addresses`; what was started here ends here.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from infra.addresses import Addresses
from infra.errors import ServiceError
from infra.services.discovery import discover, outside, running
from infra.services.launcher import Launcher
from infra.services.part import EMBEDDED
from infra.services.processes import find
from infra.services.ray_cluster import prepare_ray_client
from infra.services.state import State, read_state
from infra.settings import Settings

__all__ = ["Services"]

PATIENCE_S = 120.0


class Services:
    """Parts that are up: outside ones, those running for this home, else started for as long as this object lives."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._launcher = Launcher(settings, supervisor=False, report=_silent)

    def ensure(self, *names: str) -> Addresses:
        """The addresses of at least these parts ("mongo", "kafka", "mlflow", "ray"), started when they are not up.

        With "ray", call it before `import ray`. Raises `ServiceError` when a part does not start, or when the home
        belongs to another process that does not run it.
        """
        unknown = set(names) - set(EMBEDDED)
        if unknown:
            raise ServiceError(f"{', '.join(sorted(unknown))}: no such part; there are {', '.join(EMBEDDED)}")
        if "ray" in names:
            prepare_ray_client(self._settings)
        wanted = [name for name in EMBEDDED if name in names and name not in outside(self._settings)]
        missing = [name for name in wanted if name not in self._launcher.states]
        if missing:
            self._bring_up(missing)
        return discover(self._settings)

    def stop(self) -> None:
        """End what this object started."""
        self._launcher.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _bring_up(self, missing: list[str]) -> None:
        if self._launcher.lock.taken_elsewhere():
            self._wait_for_owner(missing)
            return
        try:
            self._launcher.take()
            self._launcher.start(missing)
        except BaseException:
            self._launcher.stop()
            raise

    def _wait_for_owner(self, missing: list[str]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not set(missing) <= set(running(self._settings)):
            state = read_state(self._settings.run)
            if state is not None and not _will_have(state, missing):
                raise ServiceError(
                    f"{self._settings.home} is in use by pid {state.pid} ({state.command}), which does not run "
                    f"{', '.join(missing)}; wait for its end, or keep everything up with `segue up`"
                )
            if time.monotonic() > until:
                raise ServiceError(
                    f"{', '.join(missing)} did not come up within {PATIENCE_S:.0f} s; see `segue status`"
                )
            time.sleep(0.2)


def _will_have(state: State, names: list[str]) -> bool:
    if find(state.owner) is None:
        return True
    return state.supervisor or all(state.part(name) is not None for name in names)


def _silent(_: str) -> None:
    """A command's own output is not mixed with its services'."""
