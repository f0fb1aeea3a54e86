"""Everything that is learned, in its order: the network, then a re-ranker of its candidates, then the whole recommender.

In: `ModelConfig`, `TrainingData`. Out: the `SessionRecommender` that is evaluated and served.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.data.dataset import TrainingData
from training.judge.evaluate import Progress, pairs
from training.learn.boost import boost
from training.learn.memory import give_back
from training.learn.model import ModelConfig
from training.learn.train import Fit, Log, fit, quiet
from training.recommend.recommender import SessionRecommender
from training.recommend.rerank import Reranker

__all__ = ["learn"]

LATER_SHARE = 0.08
"""Newest share of the sessions that the re-ranker learns from; the network behind it has not seen them."""
FEWEST_LATER = 300
MOST_QUESTIONS = 30_000


def learn(
    config: ModelConfig,
    data: TrainingData,
    log: Log = quiet,
    *,
    how: Fit = fit,
    progress: Progress = lambda _name, _done, _of: None,
    normaliser_version: int | None = None,
    checkpoints: Path | None = None,
) -> SessionRecommender:
    """Train all parts; raises what `fit` raises.

    The network is trained twice where there are sessions enough for a re-ranker: without the newest ones, whose
    questions the re-ranker learns from, and then on all. `log` hears of the second training; `progress` of the first one
    and of the questions.
    """
    reranker = _reranker(config, data, how, progress, checkpoints)
    give_back()
    fitted = how(config, data, log, checkpoints=_within(checkpoints, "all"))
    return SessionRecommender.build(
        fitted, data, config.ranking, seed=config.seed, reranker=reranker, normaliser_version=normaliser_version
    )


def _reranker(
    config: ModelConfig, data: TrainingData, how: Fit, progress: Progress, checkpoints: Path | None
) -> Reranker | None:
    later = int(data.train.number * LATER_SHARE)
    if not config.ranking.reranked or later < FEWEST_LATER:
        return None
    earlier = data.before(data.train.number - later)

    def told(epoch: int, _figures: dict[str, float]) -> None:
        progress("epochs without the newest sessions", epoch + 1, config.epochs)

    fitted = how(config, earlier, told, checkpoints=_within(checkpoints, "earlier"))
    recommender = SessionRecommender.build(fitted, earlier, config.ranking, seed=config.seed)
    questions = pairs(data.track_ids, earlier.holdout)
    spaced = np.unique(np.linspace(0, len(questions) - 1, min(len(questions), MOST_QUESTIONS)).astype(np.int64))
    return boost(recommender, [questions[i] for i in spaced], config.seed, progress)


def _within(checkpoints: Path | None, name: str) -> Path | None:
    return None if checkpoints is None else checkpoints / name
