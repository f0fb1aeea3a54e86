"""What is up, where, and what to do about what is not.

In: settings and the state file. Out: `Status`, as `segue status` shows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from infra.models import Frozen
from infra.services.discovery import ANSWERS, outside
from infra.services.part import EMBEDDED
from infra.services.processes import find, last_lines, memory_mb
from infra.services.state import PartState, State, doing, read_state, wanting
from infra.settings import Settings

__all__ = ["PartStatus", "Status", "status"]

UP = "segue up"


class PartStatus(Frozen):
    """One part as it is now."""

    name: str
    state: Literal["up", "starting", "down", "outside"]
    """`outside`: named by a setting, and it answers there."""
    pid: int | None = None
    address: str = ""
    """Full URI."""
    version: str = ""
    data: str = ""
    log: str = ""
    rss_mb: int = 0
    """Memory with all it started; shared pages count once where the system tells."""
    restarts: int = 0
    doing: str = ""
    """What it says it is at; empty for most."""
    fix: str = ""
    """What to do; empty when all is well."""


class Status(Frozen):
    """The whole installation; addresses are full URIs, empty for what is down."""

    http: str
    ui: str
    mlflow: str
    mongo: str
    kafka: str
    ray: str
    home: str
    parts: list[PartStatus]


def status(settings: Settings) -> Status:
    """Ask every part; takes a second or two for each that does not answer."""
    state = read_state(settings.run)
    named = outside(settings)
    parts = [_outside(name, named[name]) if name in named else _embedded(name, state) for name in EMBEDDED]
    programs = [part.name for part in state.parts if part.name not in EMBEDDED] if state else []
    parts += [_telling(settings, _embedded(name, state)) for name in programs]
    up = {part.name: part.address for part in parts if part.state in ("up", "outside")}
    return Status(
        http=up.get("http", ""),
        ui=up.get("ui", ""),
        mlflow=up.get("mlflow", ""),
        mongo=up.get("mongo", ""),
        kafka=up.get("kafka", ""),
        ray=up.get("ray", ""),
        home=str(settings.home),
        parts=parts,
    )


def _telling(settings: Settings, part: PartStatus) -> PartStatus:
    """With what a running program says of itself."""
    if not part.pid:
        return part
    fix = part.fix or wanting(settings, part.name)
    return part.model_copy(update={"doing": doing(settings, part.name), "fix": fix})


def uri(name: str, address: str) -> str:
    """An address as a full URI: Kafka's and Ray's have no scheme of their own."""
    return f"{name}://{address}" if address and "://" not in address else address


def _outside(name: str, address: str) -> PartStatus:
    if ANSWERS[name](address.removeprefix("ray://")):
        return PartStatus(name=name, state="outside", address=uri(name, address))
    setting = {
        "mongo": "SEGUE_MONGO_URI",
        "kafka": "SEGUE_KAFKA",
        "mlflow": "SEGUE_MLFLOW_URI",
        "ray": "SEGUE_RAY_ADDRESS",
    }[name]
    fix = f"nothing answers at {address}: start it, correct {setting}, or unset {setting} for the embedded one"
    return PartStatus(name=name, state="down", address=uri(name, address), fix=fix)


def _embedded(name: str, state: State | None) -> PartStatus:
    part = state.part(name) if state else None
    process = find(part.identity) if part else None
    if state is None or part is None or process is None:
        return PartStatus(name=name, state="down", log=part.log if part else "", fix=_fix_of_dead(part, state))
    seen = PartStatus(
        name=name,
        state="up" if part.ready else "starting",
        pid=part.pid,
        address=uri(name, part.address),
        version=part.version,
        data=part.data,
        log=part.log,
        rss_mb=memory_mb(process),
        restarts=part.restarts,
        fix=part.notice,
    )
    if find(state.owner) is None:
        return seen.model_copy(
            update={"fix": f"left by a killed `{state.command}`: `segue down` ends it, `{UP}` starts anew"}
        )
    if part.ready and name in ANSWERS and not ANSWERS[name](part.address):
        return seen.model_copy(update={"state": "down", "fix": f"it runs but does not answer: see {part.log}"})
    return seen


def _fix_of_dead(part: PartState | None, state: State | None) -> str:
    if part is None or state is None or find(state.owner) is None:
        return f"`{UP}` starts it"
    tail = " | ".join(last_lines(Path(part.log), 2))
    return f"it ended and is being started again; {part.log} ends with: {tail}"
