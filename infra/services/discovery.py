"""Where the parts answer now, without starting any.

In: settings and the state file. Out: `Addresses` with an empty string for what is away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from infra.addresses import Addresses
from infra.services.kafka import kafka_answers
from infra.services.mongo import mongo_answers
from infra.services.part import EMBEDDED
from infra.services.processes import find
from infra.services.ray_cluster import prepare_ray_client, ray_answers
from infra.services.state import State, read_state
from infra.services.tracking import mlflow_answers
from infra.settings import Settings

__all__ = ["ANSWERS", "discover", "outside", "running"]

ANSWERS: Mapping[str, Callable[[str], bool]] = {
    "mongo": mongo_answers,
    "kafka": kafka_answers,
    "mlflow": mlflow_answers,
    "ray": ray_answers,
}
"""Whether a part answers at an address."""


def outside(settings: Settings) -> dict[str, str]:
    """The addresses of parts that the settings name."""
    named = {
        "mongo": settings.mongo_uri,
        "kafka": settings.kafka,
        "mlflow": settings.mlflow_uri,
        "ray": settings.ray_address,
    }
    return {name: address for name, address in named.items() if address}


def running(settings: Settings) -> dict[str, str]:
    """The addresses of parts started for this home by a process that still runs, as far as they are up."""
    state = read_state(settings.run)
    if state is None or find(state.owner) is None:
        return {}
    return {part.name: part.address for part in state.parts if part.ready and _up(state, part.name)}


def discover(settings: Settings) -> Addresses:
    """Addresses of all that answers now; also makes this process able to connect to Ray.

    To be called before `import ray`; raises `ServiceError` when Ray is up and was imported too early.
    """
    found = {**running(settings), **outside(settings)}
    if found.get("ray"):
        prepare_ray_client(settings)
    return Addresses(**{name: address for name, address in found.items() if name in Addresses.model_fields})


def _up(state: State, name: str) -> bool:
    part = state.part(name)
    if part is None or find(part.identity) is None:
        return False
    return ANSWERS[name](part.address) if name in EMBEDDED else True
