"""What tracks that nobody has played are lent by played ones: those that sound like them, those that stand near them.

In: vectors of both, and what stood together in sessions. Out: where in the shared space unplayed tracks belong, and the
share of what stood together that they may expect.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats, unit
from training.recommend.encoder import Content

__all__ = ["lent", "placed"]

NEIGHBOURS = 10
SOFTNESS = 0.1
"""Temperature of the cosines at which neighbours share in what is lent."""
LEANING = 0.2
"""Of an unplayed track's place, what those that sound like it give: behaviour that its own sound does not foretell."""
MOST_PLAYED = 20_000
"""So many played tracks are looked at for those that sound alike."""
ROWS_AT_ONCE = 1_024

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def placed(content: Content, sound: Floats, sounds: Floats, items: Callable[[Ints], Floats], counts: Ints) -> Floats:
    """(u, dim) unit vectors for unplayed tracks of `sound` (u, d), by `content` and the tracks that are known.

    Those have `sounds` (n, d), plays `counts` (n,), and `items` gives their vectors (k, dim) by positions (k,). Where there
    is no sound there is a row of zeros.
    """
    own = unit(content(sound)) * sound.any(axis=1, keepdims=True)
    known = np.flatnonzero((counts > 0) & sounds.any(axis=1))
    known = known[np.argsort(-counts[known], kind="stable")[:MOST_PLAYED]]
    if not len(known):
        return own
    sounding, standing = unit(content(sounds[known])), items(known)
    for some in np.array_split(np.flatnonzero(sound.any(axis=1)), len(own) // ROWS_AT_ONCE + 1):
        nearest, shares = _nearest(own[some], sounding)
        near = unit(np.einsum("uk,ukd->ud", shares, standing[nearest]))
        own[some] = unit((1 - LEANING) * own[some] + LEANING * near)
    return own


def lent(together: NDArray[np.float64], vectors: Floats, played: Bools) -> NDArray[np.float64]:
    """(c,) for candidates with scores `together` (c,) and unit `vectors` (c, d): the mean of the nearest played ones.

    0 for candidates that were `played`, and for those of which nothing is known (a vector of zeros): that no session
    holds a track says nothing against it, and what the sessions say of its neighbours speaks for it.
    """
    expected = np.zeros(len(together))
    unplayed, known = np.flatnonzero(~played & vectors.any(axis=1)), np.flatnonzero(played)
    if len(unplayed) and len(known):
        nearest, shares = _nearest(vectors[unplayed], vectors[known])
        expected[unplayed] = (shares * together[known][nearest]).sum(axis=1)
    return expected


def _nearest(asked: Floats, known: Floats) -> tuple[Ints, Floats]:
    """The `NEIGHBOURS` nearest among `known` (n, d) of each of `asked` (u, d), and their shares of 1: both (u, k)."""
    cosines = asked @ known.T
    nearest = np.argpartition(-cosines, min(NEIGHBOURS, len(known)) - 1, axis=1)[:, :NEIGHBOURS]
    near = np.take_along_axis(cosines, nearest, axis=1)
    weights = np.exp((near - near.max(axis=1, keepdims=True)) / np.float32(SOFTNESS))
    return nearest, weights / weights.sum(axis=1, keepdims=True)
