"""What nobody needs any more goes, and first of all what is left of listeners who were forgotten.

In: the registry, the store, the home folder. Out: versions, and models that never became one, removed with their
files; lines that say which. A training does it at its end; `python -m training.tidy` does it in between, for the watch.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from infra.errors import SegueError, ServiceError
from infra.secrecy import without_secrets
from infra.services import discover
from infra.settings import Settings
from infra.store import Forgetting, Store
from training.alone import alone
from training.interrupted import empty_older, interrupted_runs, sweep_killed, work_folder
from training.registry import versions as registry
from training.registry.forgetting import learned_from
from training.registry.versions import PREDECESSOR, ModelVersion

__all__ = ["main", "superfluous", "tidy", "untidy"]

Say = Callable[[str], None]


def main() -> int:
    """Tidy once, unless a training runs; returns an exit status, that of another try where something is left."""
    settings = Settings.load()
    addresses = discover(settings)
    try:
        with alone(settings), Store(addresses.mongo, settings.mongo_database) as store:
            done = tidy(settings, addresses.mlflow, store, _tell)
    except SegueError as error:
        _tell(str(error))
        return os.EX_TEMPFAIL
    return os.EX_OK if done else os.EX_TEMPFAIL


def tidy(settings: Settings, uri: str, store: Store, say: Say) -> bool:
    """Remove what is superfluous; for whoever holds the right to train.

    Returns whether all went; what did not is tried again.
    """
    try:
        forgettings = store.plays.forgettings()
        empty_older(work_folder(settings), max((one.at_ms for one in forgettings), default=0))
        sweep_killed(settings)
        whole = _remove_superfluous(uri, forgettings, settings.models_kept, say)
        left = registry.versions(uri)
        _empty(settings.models, {one.version for one in left})
        if not _remove_unregistered(uri, interrupted_runs(settings), say):
            return False
        for forgetting in _settled(left, forgettings):
            store.plays.settle(forgetting)
    except ServiceError as error:
        say(f"old versions of the model are removed later: {error}")
        return False
    return whole


def untidy(known: Sequence[ModelVersion], forgettings: Collection[Forgetting], keep: int) -> bool:
    """Whether `tidy` would find something to do in the registry and the store."""
    return bool(superfluous(known, forgettings, keep) or _settled(known, forgettings))


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


def _settled(known: Collection[ModelVersion], forgettings: Collection[Forgetting]) -> list[Forgetting]:
    """Those whose plays are gone, and from whom no version that is left has learned."""
    return [one for one in forgettings if one.ended and not any(learned_from(version, [one]) for version in known)]


def _remove_superfluous(uri: str, forgettings: Collection[Forgetting], keep: int, say: Say) -> bool:
    """Returns whether all could be removed; one that cannot does not stop the others."""
    from training.tracking.prune import remove  # noqa: PLC0415 - MLflow's library is heavy, and the watch only looks

    gone, whole = [], True
    for one in reversed(superfluous(registry.versions(uri), forgettings, keep)):
        # Asked again for each: it may have been made champion by hand in the meantime.
        if one.version not in {now.version for now in superfluous(registry.versions(uri), forgettings, keep)}:
            continue
        if _went(partial(remove, uri, one), say):
            gone.append(one.version)
        else:
            whole = False
    if gone:
        say(f"removed old versions of the model: {', '.join(gone)}")
    return whole


def _remove_unregistered(uri: str, interrupted: Collection[str], say: Say) -> bool:
    """What trainings logged that were killed before they had registered it; returns whether all could be removed."""
    from training.tracking import prune  # noqa: PLC0415 - as above

    left = prune.unregistered(uri, interrupted)
    went = [_went(partial(prune.remove_unregistered, uri, one), say) for one in left]
    if any(went):
        say(f"removed models that were never registered: {sum(went)}")
    return all(went)


def _went(remove: Callable[[], None], say: Say) -> bool:
    try:
        remove()
    except ServiceError as error:
        say(f"{error}; it is tried again")
        return False
    return True


def _empty(models: Path, kept: Collection[str]) -> None:
    """Fetched bundles of versions that are no more; whoever answers with one has it mapped until it lets go."""
    for folder in models.glob("*"):
        if folder.name.isdecimal() and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _tell(line: str) -> None:
    sys.stdout.write(f"{without_secrets(line)}\n")


if __name__ == "__main__":
    sys.exit(main())
