"""Sessions like the one that goes on, whether or not they share a track with it, and what stood in them.

In: the query of a session, the sessions before it in one index. Out: `Kindred`, the tracks of the nearest ones, those
of nearer sessions counting more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.cooccurrence import Cooccurrence
from training.data.vectors import Floats, unit
from training.recommend.evidence import freshness, located, looked_up
from training.recommend.index import VectorIndex

__all__ = ["Kindred", "indexed", "kindred"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

NEWEST = 200_000
"""So many of the newest sessions are looked among."""
NEAREST = 300
TREES, EFFORT = 30, 0.25
"""Cheaper than where every track must be found: of several hundred sessions some may be missing."""
SOFTNESS = 0.05
"""A session counts e times less for each such step of its cosine below the best one's."""
AT_ONCE = 8_192


class Kindred(NamedTuple):
    """Tracks in the sessions nearest to a query, ascending by position."""

    candidates: Ints
    """(c,) positions, each once."""
    share: Doubles
    """(c,) of what these sessions say together, long ones no more than short ones but for their square root."""
    fresh: Doubles
    """(c,) the same, sessions before the newest ones counting little."""
    best: Doubles
    """(c,) the cosine of the nearest session with it."""

    def of(self, places: Ints) -> tuple[Doubles, Doubles, Doubles]:
        """Share, fresh share and best cosine (-1 for none) of the tracks at `places` (p,)."""
        found = located(self.candidates, places)
        return (
            looked_up(self.share, *found),
            looked_up(self.fresh, *found),
            looked_up(self.best, *found, otherwise=-1.0),
        )


def indexed(together: Cooccurrence, vectors: Floats, seed: int, newest: int = NEWEST) -> VectorIndex:
    """The `newest` sessions of `together`, each by the mean of its tracks' `vectors` (n, dim)."""
    first = max(together.sessions - newest, 0)
    means = np.zeros((together.sessions - first, vectors.shape[1]), dtype=np.float32)
    for begin in range(first, together.sessions, AT_ONCE):
        items, owner = together.items_of(np.arange(begin, min(begin + AT_ONCE, together.sessions)))
        if len(items):
            held, starts = np.unique(owner, return_index=True)
            means[begin - first + held] = np.add.reduceat(vectors[items], starts, axis=0)
    return VectorIndex.build(unit(means), seed, TREES)


def kindred(query: Floats | None, sessions: VectorIndex | None, together: Cooccurrence) -> Kindred:
    """The tracks of the sessions nearest to `query` (dim,); none without either."""
    if query is None or sessions is None or not len(sessions):
        none = np.empty(0)
        return Kindred(np.empty(0, dtype=np.int64), none, none, none)
    nearest = sessions.nearest(query, NEAREST, EFFORT)
    cosines = np.asarray(sessions.rows(nearest) @ query, dtype=np.float64)
    session = nearest + together.sessions - len(sessions)
    items, owner = together.items_of(session)
    weight = np.exp((cosines - cosines.max()) / SOFTNESS) / np.sqrt(np.bincount(owner, minlength=len(session)).clip(1))
    fresh = weight * freshness(session / together.sessions)
    candidates, row = np.unique(items, return_inverse=True)
    best = np.full(len(candidates), -1.0)
    np.maximum.at(best, row, cosines[owner])
    return Kindred(candidates, _shares(row, weight[owner]), _shares(row, fresh[owner]), best)


def _shares(row: Ints, weights: Doubles) -> Doubles:
    return np.bincount(row, weights=weights) / max(float(weights.sum()), 1e-300)
