"""After a training: what nobody needs any more goes, and first of all what is left of listeners who were forgotten.

In: the registry, the store, the home folder. Out: versions removed with their artifacts, and lines that say which.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from infra.errors import ServiceError
from infra.settings import Settings
from infra.store import Forgetting, Store
from training.interrupted import empty_older, work_folder
from training.registry import versions as registry
from training.registry.forgetting import learned_from
from training.registry.versions import PREDECESSOR, ModelVersion
from training.tracking.prune import remove

__all__ = ["superfluous", "tidy"]


def tidy(settings: Settings, uri: str, store: Store, say: Callable[[str], None]) -> None:
    """Remove what is superfluous; for whoever holds the right to train. What a part away prevents is done the next time."""
    try:
        forgettings = store.plays.forgettings()
        empty_older(work_folder(settings), max((one.at_ms for one in forgettings), default=0))
        known = registry.versions(uri)
        gone = superfluous(known, forgettings, settings.models_kept)
        for one in gone:
            remove(uri, one)
        if gone:
            say(f"removed old versions of the model: {', '.join(one.version for one in reversed(gone))}")
        left = [one for one in known if one not in gone]
        _empty(settings.models, {one.version for one in left})
        for forgetting in forgettings:
            if not any(learned_from(one, [forgetting]) for one in left):
                store.plays.settle(forgetting)
    except ServiceError as error:
        say(f"old versions of the model are removed after the next training: {error}")


def superfluous(known: Sequence[ModelVersion], forgettings: Collection[Forgetting], keep: int) -> list[ModelVersion]:
    """Of all versions, newest first: those beyond `keep` that neither serve nor served last, and, as soon as another
    serves, all that learned from a listener who was forgotten.
    """
    champion = next((one for one in known if one.champion), None)
    before = champion.tags.get(PREDECESSOR, "") if champion is not None else ""
    return [
        one
        for place, one in enumerate(known)
        if not one.champion and (learned_from(one, forgettings) or (place >= keep and one.version != before))
    ]


def _empty(models: Path, kept: Collection[str]) -> None:
    """Fetched bundles of versions that are no more; whoever answers with one has it mapped until it lets go."""
    for folder in models.glob("*"):
        if folder.name.isdecimal() and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
