"""How good a recommender is: every pair of (what was heard, what came next) asked of the object that serves.

In: a `Recommender` and pairs. Out: `Metrics`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from threadpoolctl import threadpool_limits

from infra.errors import TrainingError
from infra.models import TrackId
from training.data.dataset import Sessions, TrainingData
from training.data.signals import Signal
from training.data.vectors import Floats
from training.judge.variety import Answers, Variety
from training.recommend.recommender import Recommender

__all__ = ["Metrics", "Pair", "Progress", "evaluate", "pairs"]

Progress = Callable[[str, int, int], None]
"""Told what is being scored, how many pairs are done, and how many there are."""

REPORT_EVERY = 500
DISTANCES = 2_000


class Pair(NamedTuple):
    """What was heard, oldest first, and what came next."""

    recent: Sequence[Signal]
    target: TrackId


class Metrics(BaseModel):
    """Figures of one recommender over all pairs, shares between 0 and 1."""

    model_config = ConfigDict(frozen=True)

    pairs: int
    n: int
    precision: float
    """Share of pairs whose target is among the first `n`."""
    reciprocal_rank: float
    """Mean of 1 / rank of the target, 0 where it is not among the first `n`."""
    variety: Variety
    seconds_per_query: float

    def figures(self) -> dict[str, float]:
        """By the names used in reports: `p@20`, `mrr@20`, …, those two in percent."""
        return {
            f"p@{self.n}": 100 * self.precision,
            f"mrr@{self.n}": 100 * self.reciprocal_rank,
            **self.variety.model_dump(exclude_none=True),
            "seconds_per_query": self.seconds_per_query,
            "pairs": float(self.pairs),
        }


def evaluate(
    recommender: Recommender,
    asked: Sequence[Pair],
    n: int = 20,
    *,
    data: TrainingData | None = None,
    vectors: Floats | None = None,
    progress: Progress = lambda _name, _done, _of: None,
) -> Metrics:
    """Ask `recommender` every pair. Variety is measured against `data`, distances on `vectors` (n, d) of its tracks, or
    on their sound, in about `DISTANCES` of the answers.

    Raises `TrainingError` when there is no pair.
    """
    if not asked:
        raise TrainingError("there are no held-out plays to score with")
    answers = Answers(data, vectors)
    ranks: list[int] = []
    seconds = 0.0
    # One question is small: with several threads most of its time is spent on their waiting for each other.
    with threadpool_limits(1, user_api="blas"):
        for done, (recent, target) in enumerate(asked):
            began = time.perf_counter()
            answer = [one.track for one in recommender.next_tracks(recent, n)]
            seconds += time.perf_counter() - began
            ranks.append(answer.index(target) + 1 if target in answer else 0)
            answers.take(recent, answer, measure_distance=done % max(len(asked) // DISTANCES, 1) == 0)
            if done % REPORT_EVERY == 0:
                progress(recommender.name, done, len(asked))
    progress(recommender.name, len(asked), len(asked))
    return Metrics(
        pairs=len(asked),
        n=n,
        precision=float(np.mean([rank > 0 for rank in ranks])),
        reciprocal_rank=float(np.mean([1 / rank if rank else 0.0 for rank in ranks])),
        variety=answers.variety(),
        seconds_per_query=seconds / len(asked),
    )


def pairs(track_ids: Sequence[str], sessions: Sessions) -> list[Pair]:
    """Every prefix of every session, with the wanted track that followed it; skips are in the prefix, not targets."""
    return list(_pairs(track_ids, sessions))


def _pairs(track_ids: Sequence[str], sessions: Sessions) -> Iterator[Pair]:
    for s in range(sessions.number):
        within = slice(sessions.offsets[s], sessions.offsets[s + 1])
        heard = [
            Signal(TrackId(track_ids[item]), float(weight), at)
            for at, (item, weight) in enumerate(zip(sessions.items[within], sessions.weights[within], strict=True))
        ]
        for end in range(1, len(heard)):
            if heard[end].weight > 0:
                yield Pair(heard[:end], heard[end].track)
