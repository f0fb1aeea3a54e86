"""Growing the re-ranker: which of the candidates really came next, learned on sessions the model has not seen.

In: a recommender, and questions with what came next from later sessions. Out: a `Reranker`, or None where there are too
few answers to learn from, or where it would not put them in a better order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from training.data.vectors import Floats
from training.judge.evaluate import Pair, Progress
from training.recommend.recommender import SessionRecommender
from training.recommend.rerank import Reranker

__all__ = ["boost"]

TREES, RATE, LEAVES, DEPTH, LEAST_IN_LEAF, RIDGE = 200, 0.05, 31, 8, 200, 5.0
WRONG_KEPT = 0.3
"""Share of the wrong candidates that the trees grow on: as good an order in a third of the time."""
FEWEST_ANSWERS = 1_000
"""Questions whose right answer is among the candidates; with fewer there is no re-ranker."""
CHECK_SHARE = 0.2
"""Newest share of the questions, asked first to see whether a new order is better; if so, the trees grow on them too."""


class Questions(NamedTuple):
    """Candidates of all questions, one after the other; questions without their answer among them left out."""

    traits: Floats
    """(c, t)"""
    right: NDArray[np.bool_]
    """(c,) what came next; one a question."""
    sizes: NDArray[np.int64]
    """(q,) candidates a question, best first."""

    def split(self, share: float) -> tuple[Questions, Questions]:
        """The oldest, and the newest `share`."""
        q = len(self.sizes) - int(len(self.sizes) * share)
        c = int(self.sizes[:q].sum())
        return (
            Questions(self.traits[:c], self.right[:c], self.sizes[:q]),
            Questions(self.traits[c:], self.right[c:], self.sizes[q:]),
        )


def boost(
    recommender: SessionRecommender,
    asked: Sequence[Pair],
    seed: int,
    progress: Progress = lambda _name, _done, _of: None,
) -> Reranker | None:
    """A re-ranker for `recommender`'s candidates, from pairs that it has not learned from, in time order."""
    questions = ask(recommender, asked, progress)
    if len(questions.sizes) < FEWEST_ANSWERS:
        return None
    older, newer = questions.split(CHECK_SHARE)
    as_before = reciprocal_rank(newer, -np.arange(len(newer.right), dtype=np.float64))
    better = reciprocal_rank(newer, _grown(older, seed)(newer.traits)) > as_before
    return _grown(questions, seed) if better else None


def ask(recommender: SessionRecommender, asked: Sequence[Pair], progress: Progress) -> Questions:
    """The candidates for every pair, and which of them came next."""
    traits: list[Floats] = []
    right: list[NDArray[np.bool_]] = []
    # As in evaluation: one question is too small for more than one thread.
    with threadpool_limits(1, user_api="blas"):
        for done, (recent, target) in enumerate(asked):
            progress("questions for the re-ranker", done, len(asked))
            tracks, known = recommender.considered(recent)
            hit = np.array([track == target for track in tracks])
            if hit.any():
                traits.append(known)
                right.append(hit)
    progress("questions for the re-ranker", len(asked), len(asked))
    if not right:
        return Questions(np.empty((0, 0), np.float32), np.empty(0, bool), np.empty(0, np.int64))
    sizes = np.array([len(one) for one in right])
    return Questions(np.concatenate(traits), np.concatenate(right), sizes)


def reciprocal_rank(questions: Questions, scores: NDArray[np.float64]) -> float:
    """The mean of 1 / rank of the right answers; among equals the right one counts as the last."""
    owner = np.repeat(np.arange(len(questions.sizes)), questions.sizes)
    not_below = scores >= scores[questions.right][owner]
    return float(np.mean(1 / np.bincount(owner, weights=not_below)))


def _grown(questions: Questions, seed: int) -> Reranker:
    kept = questions.right | (np.random.default_rng(seed).random(len(questions.right)) < WRONG_KEPT)
    booster = HistGradientBoostingClassifier(
        max_iter=TREES,
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        max_depth=DEPTH,
        min_samples_leaf=LEAST_IN_LEAF,
        l2_regularization=RIDGE,
        max_bins=127,
        early_stopping=False,
        random_state=seed,
    ).fit(questions.traits[kept], questions.right[kept])
    return _as_arrays(booster)


def _as_arrays(booster: HistGradientBoostingClassifier) -> Reranker:
    nodes = [stage[0].nodes for stage in booster._predictors]
    roots = np.concatenate([[0], np.cumsum([len(tree) for tree in nodes])])[:-1]
    shift = np.repeat(roots, [len(tree) for tree in nodes])
    every = np.concatenate(nodes)
    itself = np.arange(len(every))
    leaf = every["is_leaf"].astype(bool)
    return Reranker(
        {
            "roots": roots.astype(np.int32),
            "trait": np.where(leaf, 0, every["feature_idx"]).astype(np.int32),
            "threshold": np.where(leaf, 0.0, every["num_threshold"]).astype(np.float64),
            "left": np.where(leaf, itself, every["left"] + shift).astype(np.int32),
            "right": np.where(leaf, itself, every["right"] + shift).astype(np.int32),
            "value": np.where(leaf, every["value"], 0.0).astype(np.float32),
            "depth": np.array(every["depth"].max()),
        }
    )
