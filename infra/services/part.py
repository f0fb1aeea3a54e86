"""What a part is: how to start one server or program, and how to tell that it answers.

In: nothing. Out: `Part`, which the launcher starts, and `Program`, which a caller adds to the supervisor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx

__all__ = ["EMBEDDED", "Part", "Program", "answers", "nothing"]

EMBEDDED = ("mongo", "kafka", "mlflow", "ray")
"""The parts that Segue brings along, in the order in which they are shown."""


def nothing() -> None:
    """Nothing has to be done before a start."""


class Part(NamedTuple):
    """One server that the launcher can start."""

    name: str
    argv: Sequence[str]
    address: str
    """As in `Addresses`."""
    ready: Callable[[], bool]
    """Whether it answers now; must come back within about a second."""
    environment: Mapping[str, str] = {}
    port: int = 0
    data: Path | None = None
    version: str = ""
    prepare: Callable[[], None] = nothing
    """Done before every start and restart."""
    clear: Callable[[], None] = nothing
    """Done when it has ended for good."""
    needs: tuple[str, ...] = ()
    patience_s: float = 120.0
    """How long the first answer may take."""
    tries: int = 1
    """How often a start that ends in an exit is tried."""
    grace_s: float = 10.0
    """How long it may take to end by itself."""
    notice: str = ""
    """What the user must know about this part, when it is not the usual one."""


class Program(NamedTuple):
    """One of our own programs, as `Supervisor` runs it; those named `http` and `ui` fill these `Addresses`."""

    name: str
    argv: Sequence[str]
    address: str = ""
    """`http://host:port`, or empty."""
    ready: str | Callable[[], bool] = ""
    """A URL that answers 2xx when it is up, a callable, or empty: up when it runs."""
    needs: tuple[str, ...] = ()
    """Names of the parts that are up before it starts; with `ray` among them it is started again when Ray is."""
    patience_s: float = 180.0


def answers(url: str, timeout_s: float = 1.0) -> bool:
    """Whether a GET is answered with success."""
    try:
        return httpx.get(url, timeout=timeout_s, trust_env=False).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
