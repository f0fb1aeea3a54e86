"""Which versions learned from a listener who was forgotten since.

In: versions of the registry, and when listeners were forgotten. Out: a yes or no for each; why a training is due.
"""

from __future__ import annotations

from collections.abc import Iterable

from infra.store import Forgetting
from training.registry.versions import ModelVersion

__all__ = ["learned_from", "owed"]


def learned_from(version: ModelVersion, forgettings: Iterable[Forgetting]) -> bool:
    """Whether it may have learned from one of the forgotten: plays of theirs were there before it was, and while it read."""
    return any(one.first_ms <= version.created_ms and one.at_ms >= version.read_ms for one in forgettings)


def owed(known: Iterable[ModelVersion], forgettings: Iterable[Forgetting]) -> str:
    """Why a training is due to those who were forgotten: the version that serves learned from one. Empty when none is."""
    serving = next((one for one in known if one.champion), None)
    if serving is None or not learned_from(serving, forgettings):
        return ""
    return f"version {serving.version}, which serves, learned from a listener who was forgotten since"
