"""The folder of a training in progress: kept when it is killed, so that the next one goes on where it was.

In: settings, and what is asked for. Out: a `Workspace`; one training at a time, and nothing left of one that has ended.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.clock import now_ms
from infra.errors import ServiceError
from infra.models import Frozen
from infra.settings import Settings
from training.alone import alone
from training.interrupted import FILE, work_folder
from training.learn.search import Search
from training.spark.prepare import Prepared

__all__ = ["Job", "Workspace", "workspace"]

KEPT_MS = 24 * 60 * 60 * 1000
"""An interrupted training is gone on with for a day; after that its plays are too old."""


class Job(Frozen):
    """What a training has come to."""

    begun_ms: int
    """Milliseconds since 1970."""
    run_id: str = ""
    prepared: Prepared | None = None
    search: Search | None = None


class Workspace:
    """One training's files, and what it has come to; every step is noted before the next begins."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder, self.job = folder, job

    @property
    def checkpoints(self) -> Path:
        """Where the loop keeps its state after each epoch."""
        return self.folder / "checkpoints"

    def emptied(self, name: str) -> Path:
        """A folder in it, not there yet whatever an interruption left."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return self.folder / name

    def note(self, **changes: Any) -> None:
        """Change the job, on the disk first: killed at any moment, the old or the new one is there."""
        job = self.job.model_copy(update=changes)
        beside = self.folder / f"{FILE}.new"
        with beside.open("w") as file:
            file.write(job.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.folder / FILE)
        self.job = job

    def clear(self) -> None:
        """Begin anew: without any file, and without a past."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.note(**Job(begun_ms=now_ms()).model_dump())


@contextmanager
def workspace(settings: Settings, asked: str, forsake: Callable[[Job], None]) -> Iterator[Workspace]:
    """The folder of the training that `asked` tells from others; what an interrupted one left there is taken up.

    It goes when the training ends, well or with an error that another try would meet again; an interruption, or a part
    that was away, leaves it. `forsake` is told of jobs that nobody will go on with. Raises `Busy` when another training
    runs.
    """
    with alone(settings):
        root = work_folder(settings)
        folder = root / hashlib.sha256(asked.encode()).hexdigest()[:16]
        _sweep(root, forsake)
        work = Workspace(folder, _read(folder) or Job(begun_ms=now_ms()))
        if not (folder / FILE).exists():
            work.clear()
        try:
            yield work
        except ServiceError:
            raise
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path, forsake: Callable[[Job], None]) -> None:
    """Remove what is too old to be gone on with, or was never understood."""
    root.mkdir(parents=True, exist_ok=True)
    for folder in root.iterdir():
        job = _read(folder)
        if job is None or job.begun_ms < now_ms() - KEPT_MS:
            if job is not None:
                forsake(job)
            shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Job | None:
    try:
        return Job.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
