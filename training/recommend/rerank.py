"""Boosted trees as plain arrays: the last word on the order of the best candidates.

In: `traits` of candidates. Out: log odds that each is what comes next. `training/learn/boost.py` grows the trees; here they
only answer, without the library that grew them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats

__all__ = ["Reranker", "put_first"]

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


class Reranker:
    """Trees with numbered nodes: a candidate goes left where its trait is at most the node's threshold.

    Leaves lead to themselves, so that all candidates walk all trees in step.
    """

    ARRAYS = ("roots", "trait", "threshold", "left", "right", "value", "depth")

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = {name: np.asarray(arrays[name]) for name in self.ARRAYS}
        self._roots, self._trait, self._threshold, self._left, self._right, self._value, depth = self.arrays.values()
        self._depth = int(depth)

    def __call__(self, traits: Floats) -> Doubles:
        """(c, t) → (c,) log odds."""
        c, t = traits.shape
        flat = np.ascontiguousarray(traits).ravel()
        begin = (np.arange(c, dtype=np.int32) * t)[:, None]
        node = np.repeat(self._roots[None, :], c, axis=0)
        for _ in range(self._depth):
            goes_left = flat[begin + self._trait[node]] <= self._threshold[node]
            node = np.where(goes_left, self._left[node], self._right[node])
        return np.asarray(self._value[node].sum(axis=1), dtype=np.float64)


def put_first(scores: Doubles, best: Ints, odds: Doubles) -> Doubles:
    """`scores` (c,) with those at `best` in the order of their log odds, and all others behind them as they were.

    The best keep what they had together, as shares by their odds.
    """
    raised = np.exp(odds - odds.max())
    ordered = scores.copy()
    ordered[best] = scores[best].sum() * raised / raised.sum()
    others = np.ones(len(scores), dtype=bool)
    others[best] = False
    if others.any():
        ordered[others] *= ordered[best].min() / max(scores[others].max(), 1e-300)
    return ordered
