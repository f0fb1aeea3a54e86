"""What an interrupted training keeps on the disk until it is gone on with: no listener who was forgotten meanwhile.

In: the folders below `training/` in the home folder, and when listeners were forgotten. Out: the same folders without
plays, where those were read before.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from infra.errors import Busy
from infra.settings import Settings
from infra.store import Forgetting
from training.alone import alone

__all__ = ["FILE", "empty_older", "forget_in_interrupted", "work_folder"]

FILE = "job.json"
"""What a training has come to, in its folder."""
KEPT = ("begun_ms", "run_id")


def work_folder(settings: Settings) -> Path:
    """Where trainings have their folders."""
    return settings.home / "training"


def forget_in_interrupted(settings: Settings, forgettings: Sequence[Forgetting]) -> None:
    """Empty the folders of trainings begun before a listener was forgotten; one that runs now looks for itself."""
    last_ms = max((one.at_ms for one in forgettings), default=0)
    if not last_ms or not any(work_folder(settings).glob("*")):
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
    for folder in root.glob("*"):
        try:
            job = json.loads((folder / FILE).read_bytes())
        except (OSError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        if job["begun_ms"] <= than_ms and (rest := [one for one in folder.iterdir() if one.name != FILE]):
            beside = folder / f"{FILE}.new"
            beside.write_text(json.dumps({name: job[name] for name in KEPT}))
            beside.replace(folder / FILE)
            for one in rest:
                shutil.rmtree(one, ignore_errors=True)
