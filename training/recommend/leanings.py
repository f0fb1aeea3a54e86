"""What one listener likes, divided into kinds of music: each around a track that stands for it, never around an average.

In: vectors of wanted tracks and how much each is wanted. Out: groups of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats

__all__ = ["leanings"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

FEWEST = 2
"""Tracks that make a kind, beside the first one."""
DISTINCT = 0.15
"""The next kind is left out when what stands for it is worth less than this share of the first's, less what they share."""


def leanings(vectors: Floats, merits: Doubles, most: int) -> list[Ints]:
    """Up to `most` groups of the rows of `vectors` (n, d), unit length, wanted by `merits` (n,) above 0.

    Each begins with the track that stands for it, and goes on with the strongest; the group wanted most comes first.
    """
    if not len(vectors):
        return []
    alike, free = np.zeros(len(merits)), np.ones(len(merits), dtype=bool)
    middles: list[int] = []
    while len(middles) < min(most, len(merits)):
        worth = np.where(free, merits * (1 - alike), -np.inf)
        best = int(np.argmax(worth))
        if middles and worth[best] < DISTINCT * merits[middles[0]]:
            break
        middles.append(best)
        free[best] = False
        alike = np.maximum(alike, np.clip(vectors @ vectors[best], 0, 1))
    nearest = np.argmax(vectors @ vectors[middles].T, axis=1)
    nearest[middles] = np.arange(len(middles))
    groups = [_strongest_first(np.flatnonzero(nearest == k), middle, merits) for k, middle in enumerate(middles)]
    kept = [group for k, group in enumerate(groups) if len(group) >= FEWEST or not k]
    return sorted(kept, key=lambda group: -float(merits[group].sum()))


def _strongest_first(group: Ints, middle: int, merits: Doubles) -> Ints:
    others = group[group != middle]
    return np.concatenate([[middle], others[np.argsort(-merits[others], kind="stable")]]).astype(np.int64)
