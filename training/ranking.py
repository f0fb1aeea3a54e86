"""From cosines and evidence to an order that pleases: agreement, repulsion, spread over artists, a varied start.

In: arrays over candidate tracks. Out: arrays of the same length, or an order of positions. Nothing here knows tracks' ids.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from training.encoder import Floats

__all__ = ["Ranking", "agreement", "closeness", "repulsion", "spread", "start"]

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


class Ranking(BaseModel):
    """How answers are ranked; kept in the bundle, so that what was evaluated is what is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_repeats: bool = False
    """Whether what was just played may come back; listeners say no, public test data says yes."""
    agreement: float = Field(default=0.3, ge=0, le=1)
    """Share of the agreement with single seeds beside the session's query."""
    together: float = Field(default=0.5, ge=0, le=1)
    """Share of what stood together in sessions beside the vectors."""
    softness: float = Field(default=0.08, gt=0)
    """Temperature at which cosines become shares."""
    repulsion: float = Field(default=4.0, ge=0)
    """How hard a skip at the very start pushes its likes away."""
    candidates: int = Field(default=100, ge=1)
    """Taken from the index for the query, and from what stood together."""
    seed_candidates: int = Field(default=30, ge=0)
    """Taken from the index for each of the newest seeds."""
    seeds: int = Field(default=20, ge=1)
    """Newest wanted tracks whose agreement is asked."""
    skips: int = Field(default=20, ge=0)
    """Newest unwanted tracks that push."""
    just_played: int = Field(default=30, ge=0)
    """Newest distinct tracks that do not come back; never more than half of the library."""


SEED_DECAY = 0.8
SEED_FLOOR = 0.1
"""Least share of an old seed: several tastes stay heard."""
AGREEMENT_SOFTNESS = 0.1
SKIP_DECAY = 0.9
NEAR = 0.2
"""Cosine from which a skipped track pushes."""
POPULARITY_SHARE = 0.35
REPEATED_ARTIST = 0.7
"""What a track's merit keeps for each track of its artist that is in the answer already."""
SAME_ARTIST_AGAIN = 0.2
"""And what it keeps right after one of them."""


def recency(n: int, decay: float) -> Doubles:
    """(n,) weights of things oldest first: 1 for the newest, never under `SEED_FLOOR`."""
    return np.asarray(np.maximum(decay ** np.arange(n)[::-1], SEED_FLOOR))


def agreement(cosines: Floats, strengths: Floats) -> tuple[Doubles, Doubles]:
    """How near candidates are to several seeds, not to the seeds' average.

    `cosines` (c, k) with seeds oldest first, `strengths` (k,) → (c,) on the scale of cosines, and (c, k) by seed.
    Between the mean and the largest: near two seeds beats near one, and near one beats halfway to all.
    """
    share = strengths * recency(len(strengths), SEED_DECAY)
    by_seed = share / share.sum() * np.exp((cosines - 1.0) / AGREEMENT_SOFTNESS)
    return 1.0 + AGREEMENT_SOFTNESS * np.log(by_seed.sum(axis=1) + 1e-12), by_seed


def closeness(similarity: Doubles, softness: float) -> Doubles:
    """Similarities on the scale of cosines → shares that sum to 1."""
    raised = np.exp((similarity - similarity.max()) / softness)
    return np.asarray(raised / raised.sum())


def repulsion(cosines: Floats, strengths: Floats, strength: float) -> Doubles:
    """The factor (c,) in (0, 1] left to candidates with `cosines` (c, k) to skipped tracks of `strengths` (k,) in (0, 1]."""
    near = np.maximum(cosines - NEAR, 0.0) / (1.0 - NEAR)
    pushed = near @ (strengths * recency(len(strengths), SKIP_DECAY))
    return np.asarray(np.exp(-strength * pushed))


def spread(artists: Sequence[str], merits: Doubles, n: int) -> list[int]:
    """`n` of the candidates, best first, an artist's tracks losing worth with each one taken and most right after it.

    `artists` has one name a candidate ("" is nobody's and never held back), `merits` (c,) are not negative. A track
    that fits far better is never put behind one that hardly fits. Returns places in `artists`.
    """
    names, owner = np.unique(np.asarray(artists, dtype=np.str_), return_inverse=True)
    nobody = names == ""
    worth = np.ones(len(names))
    left = np.asarray(merits, dtype=np.float64).copy()
    chosen: list[int] = []
    for _ in range(min(n, len(left))):
        best = int(np.argmax(left * worth[owner]))
        chosen.append(best)
        left[best] = -np.inf
        worth[owner[chosen[-2:-1]]] /= SAME_ARTIST_AGAIN
        worth[owner[best]] *= SAME_ARTIST_AGAIN * REPEATED_ARTIST
        worth[nobody] = 1.0
    return chosen


def start(popularity: Doubles, vectors: Floats, n: int) -> list[int]:
    """`n` places to begin with when nothing is known of the listener: liked by many, unlike each other.

    `popularity` (c,) in [0, 1], `vectors` (c, d) of length 1 or 0.
    """
    nearest = np.zeros(len(popularity))
    free = np.ones(len(popularity), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(n, len(popularity))):
        merit = np.where(free, POPULARITY_SHARE * popularity - (1 - POPULARITY_SHARE) * nearest, -np.inf)
        best = int(np.argmax(merit))
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return chosen
