"""Where tracks lie on a map: near on it what is near in the space of vectors.

In: unit vectors, and where some of them lie. Out: places (n, 2) from 0 to 1. Plain numpy; the places of landmarks are learned
in `training/learn/landscape.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats

__all__ = ["beside", "flattened", "spread_out"]

Doubles = NDArray[np.float64]

NEIGHBOURS = 5
SOFTNESS = 0.05
"""Temperature at which cosines to landmarks become shares of a place."""
BESIDE = 0.006
"""Standard deviation of how far from there a track lies: those with the same neighbours must not lie on one spot."""
AT_ONCE = 2_048
EVEN = 0.5
"""Share of the rank in a place: as much room for what is crowded as leaves the map a shape."""
OUTLYING = 0.2
"""Percent at each end that do not say how wide the map is."""


def beside(vectors: Floats, landmarks: Floats, places: Floats) -> Floats:
    """(n, 2) places for `vectors` (n, d): between those of their nearest `landmarks` (m, d), which lie at `places` (m, 2)."""
    found = np.empty((len(vectors), 2), dtype=np.float32)
    k = min(NEIGHBOURS, len(landmarks))
    for start in range(0, len(vectors), AT_ONCE):
        cosines = vectors[start : start + AT_ONCE] @ landmarks.T
        nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(cosines, nearest, axis=1)
        shares = np.exp((near - near.max(axis=1, keepdims=True)) / SOFTNESS)
        shares /= shares.sum(axis=1, keepdims=True)
        found[start : start + AT_ONCE] = np.einsum("nk,nkd->nd", shares, places[nearest])
    scattered = np.random.default_rng(0).normal(scale=BESIDE, size=found.shape)
    return np.clip(found + scattered, 0.0, 1.0).astype(np.float32)


def flattened(vectors: Floats) -> Floats:
    """(n, 2) places by the two directions in which `vectors` (n, d) differ most."""
    if not len(vectors) or not vectors.shape[1]:
        return np.full((len(vectors), 2), 0.5, dtype=np.float32)
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    flat = centred @ directions[:, ::-1][:, :2]
    if flat.shape[1] < 2:
        flat = np.column_stack([flat[:, 0], np.zeros(len(flat))])
    # A direction may point either way: the one that is taken must be the same every time.
    flat *= np.sign(flat[np.abs(flat).argmax(axis=0), [0, 1]] + 1e-12)
    return spread_out(flat)


def spread_out(flat: NDArray[np.floating]) -> Floats:
    """(n, 2) any numbers → places from 0 to 1 that leave no part of the map empty nor another overfull."""
    n = len(flat)
    low, high = np.percentile(flat, [OUTLYING, 100 - OUTLYING], axis=0)
    wide: Doubles = np.clip((flat - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    ranks = np.argsort(np.argsort(flat, axis=0, kind="stable"), axis=0, kind="stable") / max(n - 1, 1)
    return np.asarray(EVEN * ranks + (1 - EVEN) * wide, dtype=np.float32)
