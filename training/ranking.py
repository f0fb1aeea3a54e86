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
LEAST_PER_ARTIST = 2


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


def spread(artists: Sequence[str], n: int) -> list[int]:
    """The first `n` of candidates in order of merit, artists capped and not side by side where that can be had.

    `artists` has one name a candidate ("" is nobody's and never held back). Returns places in `artists`.
    """
    cap = max(LEAST_PER_ARTIST, -(-n // 6))
    taken: dict[str, int] = {}
    chosen: list[int] = []
    over: list[int] = []
    for place, artist in enumerate(artists):
        if len(chosen) == n:
            break
        if artist and taken.get(artist, 0) >= cap:
            over.append(place)
            continue
        taken[artist] = taken.get(artist, 0) + 1
        chosen.append(place)
    chosen += over[: n - len(chosen)]
    return _apart(chosen, artists)


def _apart(chosen: list[int], artists: Sequence[str]) -> list[int]:
    """The same places, each moved back only as far as keeps an artist from following themselves."""
    if not any(artists[place] for place in chosen):
        return chosen
    waiting, ordered = list(chosen), []
    counts: dict[str, int] = {}
    for place in chosen:
        counts[artists[place]] = counts.get(artists[place], 0) + 1
    previous = ""
    while waiting:
        most = max((a for a in counts if a and a != previous), key=lambda a: counts[a], default="")
        # An artist who fills more than half of what is left has to go now, or stands twice in a row later.
        pressing = bool(most) and counts[most] * 2 > len(waiting)
        wanted = next(
            (p for p in waiting if (artists[p] == most if pressing else not previous or artists[p] != previous)),
            waiting[0],
        )
        waiting.remove(wanted)
        ordered.append(wanted)
        previous = artists[wanted]
        counts[previous] -= 1
    return ordered


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
