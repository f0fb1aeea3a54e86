"""The public test: training on sessions of track ids, scored as the literature does it.

In: a Parquet file of sessions and one of (context, target). Out: P@20, MRR@20 and variety of the bundle as it is served,
and of the baselines beside it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from infra.models import TrackId
from training.data.dataset import from_sessions
from training.data.public_files import read_pairs
from training.data.signals import Signal
from training.data.track_files import offsets_of
from training.judge.evaluate import Pair, Progress, evaluate
from training.judge.rivals import rivals
from training.learn.course import learn
from training.learn.model import ModelConfig
from training.learn.train import Log
from training.recommend.recommender import Recommender, SessionRecommender

__all__ = ["public"]

BASELINE_PAIRS = 5_000
NEEDS = {
    "sound": "sound alone needs tracks' sound, and sessions of track ids come without",
    "artist_entropy": "it needs tracks' artists, and sessions of track ids come without",
    "intra_list_distance": "it needs an answer of two tracks",
}
"""What is not measured on all data, and why."""


def public(
    train: Path,
    test: Path,
    config: ModelConfig,
    *,
    log: Log = lambda _epoch, _figures: None,
    progress: Progress = lambda _name, _done, _of: None,
) -> dict[str, Any]:
    """Train on the sessions in `train`, score the bundle as it is served on all pairs in `test`.

    The baselines beside it answer an evenly spaced sample of `BASELINE_PAIRS`, on which our own figures are told too.
    What the data do not let measure is told under `not_measured`, with the reason. Raises `TrainingError` before anything
    is learned when a file cannot be used.
    """
    repeating = config.model_copy(update={"ranking": config.ranking.by_merit_alone()})
    data = from_sessions(train)
    asked = _pairs(test)
    began = time.perf_counter()
    learned = learn(repeating, data, log, progress=progress)
    with tempfile.TemporaryDirectory() as folder:
        learned.save(Path(folder))
        seconds = time.perf_counter() - began
        served = SessionRecommender.load(Path(folder))
        figures = evaluate(served, asked, data=data, vectors=served.vectors, progress=progress).figures()
        some = asked[:: max(len(asked) // BASELINE_PAIRS, 1)]
        beside: list[Recommender] = [served, *rivals(data, repeating.ranking)]
        table = {
            one.name: evaluate(one, some, data=data, vectors=served.vectors, progress=progress).figures()
            for one in beside
        }
    missing = {name: why for name, why in NEEDS.items() if name not in figures.keys() | table.keys()}
    return figures | {"training_seconds": seconds, "on_a_sample": table, "not_measured": missing}


def _pairs(path: Path) -> list[Pair]:
    """Every row is asked: without a context as one who has heard nothing; a target nobody knows cannot be found."""
    contexts, targets = read_pairs(path)
    heard = np.split(contexts.ids, offsets_of(contexts.lengths)[1:-1])
    return [
        Pair([Signal(TrackId(str(item)), 1.0, at) for at, item in enumerate(context.tolist())], TrackId(str(target)))
        for context, target in zip(heard, targets.tolist(), strict=True)
    ]
