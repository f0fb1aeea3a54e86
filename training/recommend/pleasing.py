"""From merits to an answer that pleases: several artists and albums, unlike tracks, some never played, few repeats.

In: candidates with scores, and what the listener heard. Out: which of them to give, in order. Nothing here knows ids.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats
from training.recommend.heard import Heard
from training.recommend.index import VectorIndex
from training.recommend.ranking import SEED_DECAY, Ranking, recency, remembered_skips, repulsion

__all__ = ["NOBODY", "Candidates", "Pleasing", "choose", "rested"]

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOBODY = -1
REPEATED, AGAIN = 0.85, 0.4
"""What a track's merit keeps for each track of its artist that is in the answer already, and right after one of them."""
OVER_SHARE = 0.02
"""What it keeps once its artist, or its album, has its share: far better still beats hardly fitting."""
REST_TRACKS = 100.0
"""After as many others, a track that was heard has got back all but a third of what it lost."""
TASTE_FITTING = 0.5
"""A track fits a taste when it has this share of the cosine of that taste's nearest one."""
TASTE_SOFTNESS = 0.2
"""Temperature at which cosines to several seeds become shares of one candidate."""
FITTING = 0.1
"""A never played track fits when it has this share of the merit of the middle one of the best."""


class Candidates(NamedTuple):
    """All (c,) in one order."""

    merits: Doubles
    """Not negative."""
    artists: Ints
    """Numbers; `NOBODY`'s are never held back."""
    albums: Ints
    vectors: Floats
    """(c, d) of length 1 or 0."""
    unplayed: Bools
    """Nobody has played it."""
    to_seeds: Floats
    """(c, k) cosines to what was wanted in this session."""
    demand: Doubles
    """(k,) how much of each of those is wanted."""


class Pleasing:
    """What is known of a library's tracks beside their merit; `heard` (n,) tells which of them anybody has played."""

    def __init__(
        self, ranking: Ranking, index: VectorIndex, artists: Sequence[str], albums: Sequence[str], heard: Bools
    ) -> None:
        self._ranking, self._index, self._heard = ranking, index, heard
        self.artists = _owners(artists)
        """(n,) a number for each artist, `NOBODY` where there is no name."""
        self._albums = _owners([(a, b) if b else () for a, b in zip(artists, albums, strict=True)])

    def order(self, places: Ints, scores: Doubles, heard: Heard, n: int) -> list[int]:
        """Which of the tracks at `places` (c,) to give, up to `n`, for their `scores` and for what was `heard`."""
        ranking, vectors = self._ranking, self._index.rows(places)
        cosines = vectors @ self._index.rows(heard.judged).T
        merits = scores * remembered_skips(cosines, heard.judgements, ranking.remembered_skips)
        if not ranking.allow_repeats:
            merits = merits * rested(places, heard.played, ranking.weariness)
        seeds = self._index.rows(heard.seeds[heard.current])
        pushed = repulsion(seeds @ self._index.rows(heard.skipped).T, heard.skip_strengths, ranking.repulsion)
        among = Candidates(
            merits=merits,
            artists=self.artists[places],
            albums=self._albums[places],
            vectors=vectors,
            unplayed=self._unplayed(places, heard),
            to_seeds=vectors @ seeds.T,
            demand=heard.seed_strengths[heard.current] * recency(len(seeds), SEED_DECAY) * pushed,
        )
        return choose(among, n, ranking)

    def _unplayed(self, places: Ints, heard: Heard) -> Bools:
        """Which of the tracks at `places` nobody has played, this listener included."""
        played = np.zeros(len(self._heard), dtype=bool)
        played[heard.played] = True
        return np.asarray(~(self._heard[places] | played[places]))


def rested(places: Ints, played: Ints, weariness: float) -> Doubles:
    """(c,) in (0, 1]: what is left of the merit of the tracks at `places` after those `played`, oldest first."""
    if not weariness or not len(played):
        return np.ones(len(places))
    # Squared: once is soon forgotten, again and again is not.
    felt = np.exp(-np.arange(len(played))[::-1] / REST_TRACKS)
    tracks, which = np.unique(played, return_inverse=True)
    by_track = np.bincount(which, weights=felt) ** 2
    at = np.minimum(np.searchsorted(tracks, places), len(tracks) - 1)
    return np.asarray(np.exp(-weariness * np.where(tracks[at] == places, by_track[at], 0.0)))


def choose(among: Candidates, n: int, ranking: Ranking) -> list[int]:
    """The places in `among` of up to `n`, in the order in which they please; the first of equal ones before the others.

    Now and then the turn is not the best one's, but that of a track nobody has played, or of the taste that the answer
    has served least.
    """
    n = min(n, len(among.merits))
    if n < 1 or ranking.only_merit:
        return [int(best) for best in np.argsort(-among.merits, kind="stable")[:n]]
    left = among.merits.astype(np.float64)
    fitting = among.unplayed & (left >= FITTING * _middle(left, n))
    unplayed, fitting_left = 0, int(np.count_nonzero(fitting))
    artists = _Share(among.artists, ranking.artist_share, n, REPEATED, AGAIN)
    albums = _Share(among.albums, ranking.album_share, n)
    tastes = _Tastes(among)
    alike = np.zeros(len(left))
    chosen: list[int] = []
    for turn in range(n):
        worth = albums.of(artists.of(left))
        worth = worth * (1.0 - ranking.diversity * alike)
        if fitting_left and unplayed < _turns(ranking.never_played, turn):
            worth = np.where(fitting, worth, -np.inf)
        elif len(among.demand) > 1 and _turns(ranking.tastes, turn) > _turns(ranking.tastes, turn - 1):
            worth = np.where(tastes.least_served(left >= 0), worth, -np.inf)
        best = int(worth.argmax())
        chosen.append(best)
        unplayed += bool(among.unplayed[best])
        fitting_left -= bool(fitting[best])
        left[best], fitting[best] = -np.inf, False
        for taken in (artists, albums, tastes):
            taken.take(best)
        if ranking.diversity:
            alike = np.maximum(alike, among.vectors @ among.vectors[best])
    return chosen


def _middle(values: Doubles, n: int) -> float:
    """The median of the `n` greatest."""
    best = np.sort(values)[-n:]
    return float(best[(n - 1) // 2] + best[n // 2]) / 2


def _turns(share: float, turn: int) -> int:
    """How many of the turns up to `turn`, the first being 0, belong to a `share` of all."""
    return math.floor(share * (turn + 1) + 0.5)


def _owners(names: Sequence[Hashable]) -> Ints:
    """(n,) a number for each distinct name, `NOBODY` for what is empty."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) if name else NOBODY for name in names], dtype=np.int64)


class _Share:
    """What owners (c,) leave of their tracks' merit as those are taken; a `share` of 1 leaves them all of it."""

    def __init__(self, owner: Ints, share: float, n: int, repeated: float = 1.0, again: float = 1.0) -> None:
        owners, self._owner = np.unique(owner, return_inverse=True)
        self._worth = np.ones(len(owners))
        """By owner."""
        self._nobody = 0 if len(owners) and owners[0] == NOBODY else -1
        self._most, self._repeated, self._again = math.ceil(share * n), repeated, again
        self._off = share == 1
        self._touched = False
        self._taken: dict[int, int] = {}
        self._last: int | None = None
        """The owner of the track that was taken last."""

    def of(self, merits: Doubles) -> Doubles:
        """What is left of the `merits` (c,)."""
        return merits * self._worth[self._owner] if self._touched else merits

    def take(self, place: int) -> None:
        """The track at `place` is in the answer, at its end."""
        if self._off:
            return
        if self._last is not None:
            self._worth[self._last] /= self._again
            self._last = None
        owner = int(self._owner[place])
        if owner == self._nobody:
            return
        self._taken[owner] = self._taken.get(owner, 0) + 1
        kept = self._again * self._repeated * (OVER_SHARE if self._taken[owner] == self._most else 1.0)
        if kept != 1:
            self._worth[owner] *= kept
            self._last, self._touched = owner, True


class _Tastes:
    """How much of an answer goes to each of the seeds (k,), beside how much of it is wanted."""

    def __init__(self, among: Candidates) -> None:
        self._demand, self._served = among.demand, np.zeros(len(among.demand))
        self._of = np.exp((among.to_seeds - 1.0) / TASTE_SOFTNESS)
        self._of /= np.maximum(self._of.sum(axis=1, keepdims=True), 1e-12)
        if len(among.demand):
            self._nearest = among.to_seeds.argmax(axis=1)
            nearest = among.to_seeds.max(axis=0)[self._nearest]
            self._fits = among.to_seeds.max(axis=1) >= TASTE_FITTING * nearest

    def take(self, place: int) -> None:
        """The track at `place` is in the answer."""
        self._served += self._of[place]

    def least_served(self, free: Bools) -> Bools:
        """Those of the `free` tracks (c,) that are nearest to the seed whose share is the most behind."""
        fitting = free & self._fits
        if not fitting.any():
            return free
        has = np.zeros(len(self._demand), dtype=bool)
        has[self._nearest[fitting]] = True
        behind = np.where(has, self._demand / (2 * self._served + 1), -np.inf)
        least: Bools = fitting & (self._nearest == behind.argmax())
        return least
