"""Which versions learned from a listener who was forgotten since.

In: versions of the registry, and when listeners were forgotten. Out: a yes or no for each; why a training is due.
"""

from __future__ import annotations

from collections.abc import Iterable

from infra.store import Forgetting, Store
from training.registry import versions as registry
from training.registry.versions import ModelVersion

__all__ = ["learned_from", "owed"]


def learned_from(version: ModelVersion, forgettings: Iterable[Forgetting]) -> bool:
    """Whether it may have learned from one of the forgotten: plays of theirs were there before it was, and while it read."""
    return any(one.first_ms <= version.created_ms and one.at_ms >= version.read_ms for one in forgettings)


def owed(uri: str, store: Store) -> str:
    """Why a training is due to those who were forgotten; empty when it is not. Raises `ServiceError`."""
    forgettings = store.plays.forgettings()
    if not forgettings:
        return ""
    having = [one for one in registry.versions(uri) if learned_from(one, forgettings)]
    if not having:
        return ""
    serving = next((f"version {one.version}, which serves," for one in having if one.champion), "")
    return f"{serving or f'version {having[0].version}'} learned from a listener who was forgotten since"
