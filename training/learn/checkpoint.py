"""What a training has reached, kept after every epoch so that a kill costs no more than one.

In: a folder, the state of a training, and a mark of what it trains on. Out: the newest state kept under that mark.
No random state is in it: the randomness of an epoch comes from the seed and the number of the epoch alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor

from training.data.dataset import TrainingData
from training.data.fingerprint import fingerprint
from training.learn.model import ModelConfig

__all__ = ["State", "mark", "newest", "write"]

log = logging.getLogger(__name__)

FILE = "state.pt"
FORMAT = 2
"""Raised when the same state would go on in another way."""


class State(TypedDict):
    """Where a training is after some epochs."""

    modules: dict[str, Tensor]
    optimiser: dict[str, object]
    schedule: dict[str, object]
    figures: list[dict[str, float]]
    """Of the epochs done, in order."""


def mark(config: ModelConfig, data: TrainingData, workers: int) -> str:
    """What tells one training from every other: all that its result depends on."""
    on = f"{FORMAT} {torch.__version__} {workers} {config.model_dump_json()} {fingerprint(data)}"
    return hashlib.sha256(on.encode()).hexdigest()


def write(folder: Path, of: str, state: State) -> None:
    """Keep `state` in place of the one before; killed at any moment, one of the two is there and whole."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{FILE}.new"
    with beside.open("wb") as file:
        torch.save({"mark": of, "state": state}, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / FILE)


def newest(folder: Path, of: str) -> State | None:
    """The state kept in `folder` by a training with the mark `of`; None without one that is whole."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        log.warning("%s cannot be read (%s); training begins anew", path, error)
        return None
    if found["mark"] != of:
        log.info("%s is of another training; this one begins anew", path)
        return None
    state: State = found["state"]
    return state
