"""Vectors as a trained model has them, and what is asked of them, without training one; a simulation, seeded.

In: a size and a seed. Out: unit vectors (n, 128), queries, and what exact search answers. In the item table learned from
106,000 public sessions (60,416 tracks), the cosine to the 1st, 20th, 100th and 1,000th neighbour has the medians 0.72,
0.53, 0.42 and 0.25 and the variance is spread over about 108 of the 128 directions (participation ratio); here, at that
size, they are 0.63, 0.54, 0.45, 0.27 and 92. From what sessions ask to the 1st, 20th and 100th: 0.80, 0.54 and 0.44;
here 0.81, 0.55 and 0.46.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import unit

__all__ = ["DIM", "exact", "isotropic", "items", "queries", "recall"]

DIM = 128
DECAY = 0.1
"""Standard deviation along direction `j` is `j ** -DECAY`."""
LEVELS = ((1_500, 0.25), (150, 0.18), (15, 0.12))
"""Scenes, circles within them, artists within those: the mean number of tracks in one, and its share of the variance."""
MIXED = 4
OWN_SHARE = 0.3
"""Share of a query's variance that is nobody's: the residual of the session encoder."""

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


def items(n: int, seed: int) -> Floats:
    """(n, 128): tracks of artists of circles of scenes, their sizes uneven; the number of each grows with `n`."""
    rng = np.random.default_rng(seed)
    left = 1.0 - sum(share for _, share in LEVELS)
    vectors = np.sqrt(np.float32(left)) * _directions(rng, n)
    member = np.arange(n)
    groups = n
    for size, share in reversed(LEVELS):
        fewer = max(round(n / size), 1)
        popularity = rng.lognormal(sigma=0.7, size=fewer)
        parent = rng.choice(fewer, groups, p=popularity / popularity.sum())
        member = parent[member]
        groups = fewer
        vectors += np.sqrt(np.float32(share)) * _directions(rng, fewer)[member]
    return unit(vectors)


def isotropic(n: int, seed: int) -> Floats:
    """(n, 128): no structure at all, which no learned table has; the hard case."""
    return unit(np.random.default_rng(seed).standard_normal((n, DIM), dtype=np.float32))


def queries(of: Floats, m: int, seed: int) -> Floats:
    """(m, 128), never the items themselves: half are one item and noise, half mixtures of some that are near each other."""
    rng = np.random.default_rng(seed)
    anchors = of[rng.choice(len(of), m)]
    noise = unit(rng.standard_normal((m, of.shape[1]), dtype=np.float32))
    single = anchors[: m // 2]
    among = of[rng.choice(len(of), min(len(of), 20_000), replace=False)]
    near = np.argsort(-(anchors[m // 2 :] @ among.T), axis=1)[:, :MIXED]
    weights = rng.dirichlet(np.ones(MIXED + 1), size=m - m // 2).astype(np.float32)
    mixed = unit(weights[:, :1] * anchors[m // 2 :] + np.einsum("mk,mkd->md", weights[:, 1:], among[near]))
    pure = np.concatenate([single, mixed])
    return unit(np.sqrt(np.float32(1 - OWN_SHARE)) * pure + np.sqrt(np.float32(OWN_SHARE)) * noise)


def exact(of: Floats, asked: Floats, k: int) -> Positions:
    """(m, k): the nearest positions in `of`, nearest first."""
    blocks = []
    for block in np.array_split(asked, -(-len(asked) // 20)):
        cosines = block @ of.T
        best = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(cosines, best, axis=1), axis=1)
        blocks.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(blocks)


def recall(nearest: Positions, answers: Sequence[Positions], k: int) -> float:
    """The part of the `k` nearest that the answers have, averaged."""
    both = [len(np.intersect1d(right[:k], found)) for right, found in zip(nearest, answers, strict=True)]
    return float(np.mean(both)) / k


def _directions(rng: np.random.Generator, n: int) -> Floats:
    """(n, 128) of length about 1, more variance along the first directions than along the last."""
    scale = np.arange(1, DIM + 1, dtype=np.float32) ** -DECAY
    return rng.standard_normal((n, DIM), dtype=np.float32) * (scale / np.linalg.norm(scale))
