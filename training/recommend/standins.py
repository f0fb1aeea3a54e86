"""What tracks that nobody has played are lent by those that stand nearest to them in the shared space.

In: candidates with what stood together in sessions. Out: the share of it that unplayed ones may expect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats

__all__ = ["lent"]

NEIGHBOURS = 10
SOFTNESS = 0.1
"""Temperature of the cosines at which neighbours share in what is lent."""


def lent(together: NDArray[np.float64], vectors: Floats, played: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(c,) for candidates with scores `together` (c,) and unit `vectors` (c, d): the mean of the nearest played ones.

    0 for candidates that were `played`, and for those of which nothing is known (a vector of zeros): that no session
    holds a track says nothing against it, and what the sessions say of its neighbours speaks for it.
    """
    shares = np.zeros(len(together))
    unplayed, known = np.flatnonzero(~played & vectors.any(axis=1)), np.flatnonzero(played)
    if not len(unplayed) or not len(known):
        return shares
    cosines = vectors[unplayed] @ vectors[known].T
    nearest = np.argpartition(-cosines, min(NEIGHBOURS, len(known)) - 1, axis=1)[:, :NEIGHBOURS]
    near = np.take_along_axis(cosines, nearest, axis=1)
    weights = np.exp((near - near.max(axis=1, keepdims=True)) / SOFTNESS)
    shares[unplayed] = (weights * together[known][nearest]).sum(axis=1) / weights.sum(axis=1)
    return shares
