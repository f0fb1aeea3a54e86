"""What an interrupted training keeps on the disk until it is gone on with: no listener who was forgotten meanwhile.

In: the folders below `training/` in the home folder, and when listeners were forgotten. Out: the same folders without
plays, where those were read before.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ConfigDict, ValidationError

from infra.errors import Busy
from infra.models import Frozen
from infra.scratch import sweep
from infra.settings import Settings
from infra.store import Forgetting
from training.alone import alone

__all__ = ["FILE", "empty_older", "forget_in_interrupted", "interrupted_runs", "sweep_killed", "work_folder"]

FILE = "job.json"
"""What a training has come to, in its folder."""


class _Begun(Frozen):
    """What is kept of a job whose plays are forgotten."""

    model_config = ConfigDict(extra="ignore")

    begun_ms: int
    run_id: str = ""


def work_folder(settings: Settings) -> Path:
    """Where trainings have their folders."""
    return settings.home / "training"


def sweep_killed(settings: Settings) -> None:
    """Remove what processes of this machine had for a while, and left when they were killed."""
    for folder in (settings.spark, settings.fit, settings.models):
        sweep(folder)


def interrupted_runs(settings: Settings) -> set[str]:
    """The runs in MLflow of trainings that can be gone on with; for whoever holds the right to train."""
    begun = (_begun(folder) for folder in work_folder(settings).glob("*"))
    return {job.run_id for job in begun if job is not None and job.run_id}


def forget_in_interrupted(settings: Settings, forgettings: Sequence[Forgetting]) -> None:
    """Empty the folders of trainings begun before a listener was forgotten; one that runs now looks for itself."""
    last_ms = max((one.at_ms for one in forgettings), default=0)
    if not last_ms:
        return
    sweep_killed(settings)
    if not any(_older(work_folder(settings), last_ms)):
        return
    try:
        with alone(settings):
            empty_older(work_folder(settings), last_ms)
    except Busy:
        return


def empty_older(root: Path, than_ms: int) -> None:
    """Of every job begun before, keep only what tells of its run in MLflow: the next training ends that.

    The job goes first, on the disk at once: nobody goes on with files that are half gone.
    """
    for folder in _older(root, than_ms):
        begun = _begun(folder)
        if begun is None:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        beside = folder / f"{FILE}.new"
        beside.write_text(begun.model_dump_json())
        beside.replace(folder / FILE)
        for one in _beside_the_job(folder):
            shutil.rmtree(one, ignore_errors=True)


def _older(root: Path, than_ms: int) -> Iterator[Path]:
    """Folders of jobs begun before that have more than the job, and those that cannot be read."""
    for folder in root.glob("*"):
        begun = _begun(folder)
        if begun is None or (begun.begun_ms <= than_ms and _beside_the_job(folder)):
            yield folder


def _begun(folder: Path) -> _Begun | None:
    try:
        return _Begun.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _beside_the_job(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if one.name != FILE]
