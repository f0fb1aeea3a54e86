"""The public test: training on sessions of track ids, scored as the literature does it.

In: a Parquet file of sessions and one of (context, target). Out: P@20 and MRR@20 of the bundle as it is served, and of
the baselines beside it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads

from infra.models import TrackId
from training.data.dataset import from_sessions
from training.data.signals import Signal
from training.judge.evaluate import Pair, Progress, evaluate
from training.learn.course import learn
from training.learn.model import ModelConfig
from training.learn.train import Log
from training.recommend.baselines import CoOccurrence, Popular, SessionNeighbours
from training.recommend.recommender import Recommender, SessionRecommender

__all__ = ["public"]

BASELINE_PAIRS = 5_000


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
    """
    repeating = config.model_copy(update={"ranking": config.ranking.by_merit_alone()})
    data = from_sessions(train)
    asked = _read_pairs(test)
    began = time.perf_counter()
    learned = learn(repeating, data, log, progress=progress)
    with tempfile.TemporaryDirectory() as folder:
        learned.save(Path(folder))
        seconds = time.perf_counter() - began
        served = SessionRecommender.load(Path(folder))
        figures = evaluate(served, asked, data=data, vectors=served.vectors, progress=progress).figures()
        some = asked[:: max(len(asked) // BASELINE_PAIRS, 1)]
        beside: list[Recommender] = [served]
        beside += [kind(data, allow_repeats=True) for kind in (Popular, CoOccurrence, SessionNeighbours)]
        table = {
            one.name: evaluate(one, some, data=data, vectors=served.vectors, progress=progress).figures()
            for one in beside
        }
    return figures | {"training_seconds": seconds, "on_a_sample": table}


def _read_pairs(path: Path) -> list[Pair]:
    table = pads.dataset(path, format="parquet").to_table(columns=["context", "target"])
    return [
        Pair([Signal(TrackId(str(item)), 1.0, at) for at, item in enumerate(context)], TrackId(str(target)))
        for context, target in zip(table["context"].to_pylist(), table["target"].to_pylist(), strict=True)
    ]
