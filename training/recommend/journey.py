"""A way from one track to another in even steps through the space of vectors.

In: an index, two positions, how many steps. Out: positions with how evenly each step goes on. Nothing here knows ids.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats, unit
from training.recommend.index import VectorIndex

__all__ = ["journey"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CANDIDATES = 60
UNEVEN = 2.0
"""What being ahead or behind by the whole way costs, beside the cosine to where one should be."""
STRAIGHT = 1e-6


def journey(index: VectorIndex, start: int, end: int, n: int, barred: Bools, artists: Ints) -> list[tuple[int, float]]:
    """Up to `n` positions from `start` to `end`, none of `barred` between, none twice, each with its score.

    A step's score is 1 where it is as far on the way as it should be, 0 where it is off by a whole step. No artist
    (numbers; negative ones are nobody's) follows themselves where that can be avoided.
    """
    first, last = index.rows(np.array([start, end]))
    free = ~barred
    free[[start, end]] = False
    steps = [(start, 1.0)]
    for number in range(1, n - 1):
        share = number / (n - 1)
        target = _between(first, last, share)
        places = index.nearest(target, CANDIDATES + n)
        places = places[free[places]]
        if not len(places):
            # Everything near is on the way already, or barred: whatever else there is.
            places = np.flatnonzero(free)
        if not len(places):
            break
        neighbours = {int(artists[steps[-1][0]]), *([int(artists[end])] if number == n - 2 else [])} - {-1}
        others = places[~np.isin(artists[places], list(neighbours))] if neighbours else places
        places = others if len(others) else places
        vectors = index.rows(places)
        off = np.abs(_on_the_way(vectors, first, last, share) - share)
        best = int(np.argmax(vectors @ target - UNEVEN * off))
        steps.append((int(places[best]), max(1.0 - float(off[best]) * (n - 1), 0.0)))
        free[places[best]] = False
    return [*steps, (end, 1.0)]


def _between(first: Floats, last: Floats, share: float) -> Floats:
    """(d,) the point that is `share` of the way along the arc between two unit vectors."""
    angle = float(np.arccos(np.clip(first @ last, -1.0, 1.0)))
    if np.sin(angle) < STRAIGHT:
        return unit((1 - share) * first + share * last)
    parts = np.sin((1 - share) * angle) * first + np.sin(share * angle) * last
    return np.asarray(parts / np.sin(angle), dtype=np.float32)


def _on_the_way(vectors: Floats, first: Floats, last: Floats, share: float) -> NDArray[np.float64]:
    """(c,) how far along the way each is, from 0 to 1; `share` where the two ends are one point."""
    behind, ahead = (np.arccos(np.clip(vectors @ one, -1.0, 1.0)).astype(np.float64) for one in (first, last))
    whole = behind + ahead
    return np.asarray(np.where(whole > STRAIGHT, behind / np.maximum(whole, STRAIGHT), share))
