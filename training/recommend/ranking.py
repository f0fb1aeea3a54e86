"""From cosines and evidence to merits: agreement with several seeds, what skips leave, a varied start.

In: arrays over candidate tracks. Out: arrays of the same length, or an order of positions. Nothing here knows tracks' ids.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from training.data.vectors import Floats

__all__ = [
    "SEED_DECAY",
    "Ranking",
    "agreement",
    "closeness",
    "near_hour",
    "recency",
    "remembered_skips",
    "repulsion",
    "start",
]

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


class Ranking(BaseModel):
    """How answers are ranked; kept in the bundle, so that what was evaluated is what is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_repeats: bool = False
    """Whether what was just played may come back; listeners say no, public test data says yes, and asks for merit alone."""
    agreement: float = Field(default=0.3, ge=0, le=1)
    """Share of the agreement with single seeds beside the session's query."""
    together: float = Field(default=0.5, ge=0, le=1)
    """Share of what stood together in sessions beside the vectors."""
    softness: float = Field(default=0.08, gt=0)
    """Temperature at which cosines become shares."""
    repulsion: float = Field(default=2.0, ge=0)
    """How hard this session's skips push their likes away, over and above what was wanted near them; 0: not at all."""
    remembered_skips: float = Field(default=2.0, ge=0)
    """The same for everything that is remembered of the listener."""
    candidates: int = Field(default=100, ge=1)
    """Taken from the index for the query, and from what stood together."""
    reranked: int = Field(default=100, ge=0)
    """Best candidates whose order boosted trees have the last word on; 0 leaves the trees out."""
    seed_candidates: int = Field(default=30, ge=0)
    """Taken from the index for each of the newest seeds."""
    seeds: int = Field(default=20, ge=1)
    """Newest wanted tracks whose agreement is asked."""
    judged: int = Field(default=200, ge=1)
    """Newest distinct tracks whose skips push and whose finishes speak for what is like them."""
    session_gap_minutes: float = Field(default=30, gt=0)
    """The pause after which the encoder begins anew, as sessions do in training."""
    long_term_seeds: int = Field(default=8, ge=0)
    """Wanted tracks from before this session whose agreement is asked too, unlike each other."""
    long_term: float = Field(default=0.5, ge=0, le=1)
    """Strength of the strongest of those beside 1 for a track finished just now."""
    time_of_day: float = Field(default=1.0, ge=0, le=1)
    """How much of that is lost by a track that was heard at another time of the day."""
    just_played: int = Field(default=30, ge=0)
    """Newest distinct tracks that do not come back; never more than half of the library."""
    weariness: float = Field(default=1.0, ge=0)
    """How much less a track is worth that was heard a while ago; 0: not at all."""
    artist_share: float = Field(default=0.25, gt=0, le=1)
    """Of an answer, from one artist, unless nothing else fits nearly as well; 1 leaves artists alone."""
    album_share: float = Field(default=0.15, gt=0, le=1)
    """The same for one album."""
    diversity: float = Field(default=0.3, ge=0, lt=1)
    """Share of its merit that a track loses when its double is in the answer already; less, the less they are alike."""
    tastes: float = Field(default=0.25, ge=0, le=1)
    """Share of an answer whose turns go to the taste of this session that it has served least."""
    never_played: float = Field(default=0.05, ge=0, le=1)
    """Least share of tracks in an answer that nobody has played, as long as such tracks fit."""

    @property
    def only_merit(self) -> bool:
        """Whether an answer is simply the best ones."""
        pleasing = self.artist_share < 1 or self.album_share < 1 or self.diversity or self.tastes or self.never_played
        return self.allow_repeats or not pleasing

    def by_merit_alone(self) -> Self:
        """The same for test data: repeats allowed, and nothing done to please."""
        off = dict.fromkeys(("diversity", "tastes", "never_played", "weariness"), 0.0)
        return self.model_copy(update={"allow_repeats": True, "artist_share": 1.0, "album_share": 1.0, **off})


SEED_DECAY = 0.8
SEED_FLOOR = 0.1
"""Least share of an old seed: several tastes stay heard."""
AGREEMENT_SOFTNESS = 0.1
SESSION_SOFTNESS, SESSION_DOUBT = 0.3, 0.1
"""How far from itself a track's skip is felt within the session, as a temperature of cosines; and how much of such
evidence leaves a candidate half of its merit."""
REMEMBERED_SOFTNESS, REMEMBERED_DOUBT = 0.15, 0.5
HOURS_ALIKE = 3.0
"""Standard deviation, in hours, of what counts as the same time of the day."""
HOUR_MS, DAY_HOURS = 3_600_000, 24
POPULARITY_SHARE = 0.35


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


def repulsion(cosines: Floats, strengths: Floats, exponent: float) -> Doubles:
    """What this session leaves of a candidate's merit, (c,) in (0, 1], by the share of what was wanted near it.

    `cosines` (c, k) to tracks judged with `strengths` (k,), from 1 (skipped at once) to -1 (finished): a skip among
    finished tracks takes away little, three skips alone nearly everything.
    """
    return _left(cosines, strengths, SESSION_SOFTNESS, SESSION_DOUBT) ** exponent


def remembered_skips(cosines: Floats, strengths: Floats, exponent: float) -> Doubles:
    """The same by everything that is remembered of the listener: much more of it, so what is nearest decides."""
    return _left(cosines, strengths, REMEMBERED_SOFTNESS, REMEMBERED_DOUBT) ** exponent


def _left(cosines: Floats, strengths: Floats, softness: float, doubt: float) -> Doubles:
    nearness = np.exp((cosines.astype(np.float64) - 1.0) / softness)
    pushed, pulled = nearness @ np.maximum(strengths, 0), nearness @ np.maximum(-strengths, 0)
    return np.asarray((pulled + doubt) / (pulled + pushed + doubt))


def near_hour(at_ms: Ints, now_ms: int) -> Doubles:
    """(k,) how near the times of the day are to that of `now_ms`: 1 for the same, 0 for the opposite."""
    apart = np.abs((at_ms - now_ms) / HOUR_MS) % DAY_HOURS
    apart = np.minimum(apart, DAY_HOURS - apart)
    return np.asarray(np.exp(-0.5 * (apart / HOURS_ALIKE) ** 2))


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
