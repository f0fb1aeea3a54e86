"""How good a recommender is: every pair of (what was heard, what came next) asked of the object that serves.

In: a `Recommender` and pairs. Out: `Metrics`; and for public session files, a table with the baselines beside.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.dataset as pads
from pydantic import BaseModel, ConfigDict

from infra.errors import TrainingError
from infra.models import TrackId
from training.baselines import CoOccurrence, Popular, SessionNeighbours
from training.dataset import Sessions, TrainingData, from_sessions
from training.model import ModelConfig
from training.recommender import Recommender, SessionRecommender
from training.signals import Signal
from training.train import Log, fit

__all__ = ["Metrics", "Pair", "Progress", "evaluate", "pairs", "public"]

Progress = Callable[[str, int, int], None]
"""Told what is being scored, how many pairs are done, and how many there are."""

REPORT_EVERY = 500
BASELINE_PAIRS = 5_000


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
    coverage: float
    """Share of `library` tracks that were recommended at least once."""
    novelty: float
    """Mean of -log2 of the share that a recommended track has of all recommendations' plays in training."""
    artist_entropy: float | None
    """Mean entropy of the artists in one answer, in bits; None where artists are not known."""
    seconds_per_query: float

    def figures(self) -> dict[str, float]:
        """By the names used in reports: `p@20`, `mrr@20`, …, those two in percent."""
        entropy = {} if self.artist_entropy is None else {"artist_entropy": self.artist_entropy}
        return {
            f"p@{self.n}": 100 * self.precision,
            f"mrr@{self.n}": 100 * self.reciprocal_rank,
            "coverage": self.coverage,
            "novelty": self.novelty,
            **entropy,
            "seconds_per_query": self.seconds_per_query,
            "pairs": float(self.pairs),
        }


def evaluate(
    recommender: Recommender,
    asked: Sequence[Pair],
    n: int = 20,
    *,
    data: TrainingData | None = None,
    progress: Progress = lambda _name, _done, _of: None,
) -> Metrics:
    """Ask `recommender` every pair. With `data`, coverage is of its tracks and novelty by its counts.

    Raises `TrainingError` when there is no pair.
    """
    if not asked:
        raise TrainingError("there are no held-out plays to score with")
    artists = dict(zip(data.track_ids, data.artists, strict=True)) if data is not None else {}
    given: Counter[str] = Counter()
    ranks: list[int] = []
    entropies: list[float] = []
    began = time.perf_counter()
    for done, (recent, target) in enumerate(asked):
        answer = [one.track for one in recommender.next_tracks(recent, n)]
        ranks.append(answer.index(target) + 1 if target in answer else 0)
        given.update(answer)
        entropies.append(_entropy(Counter(artists.get(track, "") for track in answer)))
        if done % REPORT_EVERY == 0:
            progress(recommender.name, done, len(asked))
    seconds = (time.perf_counter() - began) / len(asked)
    progress(recommender.name, len(asked), len(asked))
    return Metrics(
        pairs=len(asked),
        n=n,
        precision=float(np.mean([rank > 0 for rank in ranks])),
        reciprocal_rank=float(np.mean([1 / rank if rank else 0.0 for rank in ranks])),
        coverage=len(given) / max(len(data.track_ids) if data is not None else len(given), 1),
        novelty=_novelty(given, data),
        artist_entropy=float(np.mean(entropies)) if any(artists.values()) else None,
        seconds_per_query=seconds,
    )


def pairs(track_ids: Sequence[str], sessions: Sessions) -> list[Pair]:
    """Every prefix of every session, with the wanted track that followed it; skips are in the prefix, not targets."""
    return list(_pairs(track_ids, sessions))


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
    repeating = config.model_copy(update={"ranking": config.ranking.model_copy(update={"allow_repeats": True})})
    data = from_sessions(train)
    asked = _read_pairs(test)
    began = time.perf_counter()
    fitted = fit(repeating, data, log)
    with tempfile.TemporaryDirectory() as folder:
        SessionRecommender.build(fitted, data, repeating.ranking, seed=config.seed).save(Path(folder))
        seconds = time.perf_counter() - began
        served = SessionRecommender.load(Path(folder))
        figures = evaluate(served, asked, data=data, progress=progress).figures()
        some = asked[:: max(len(asked) // BASELINE_PAIRS, 1)]
        beside: list[Recommender] = [served]
        beside += [kind(data, allow_repeats=True) for kind in (Popular, CoOccurrence, SessionNeighbours)]
        table = {one.name: evaluate(one, some, data=data, progress=progress).figures() for one in beside}
    return figures | {"training_seconds": seconds, "on_a_sample": table}


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


def _read_pairs(path: Path) -> list[Pair]:
    table = pads.dataset(path, format="parquet").to_table(columns=["context", "target"])
    return [
        Pair([Signal(TrackId(str(item)), 1.0, at) for at, item in enumerate(context)], TrackId(str(target)))
        for context, target in zip(table["context"].to_pylist(), table["target"].to_pylist(), strict=True)
    ]


def _entropy(counts: Mapping[str, int]) -> float:
    total = sum(counts.values())
    return -sum(c / total * math.log2(c / total) for c in counts.values()) if total else 0.0


def _novelty(given: Mapping[str, int], data: TrainingData | None) -> float:
    if data is None or not given:
        return 0.0
    plays = dict(zip(data.track_ids, data.counts.tolist(), strict=True))
    total = sum(plays.values()) + len(plays)
    surprise = sum(times * -math.log2((plays.get(track, 0) + 1) / total) for track, times in given.items())
    return surprise / sum(given.values())
