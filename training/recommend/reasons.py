"""Why a track is recommended, in terms that are true: the evidence that carried it, or that there was none.

In: a candidate of a `Pool`. Out: `Because`, with the one or two tracks that are the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infra.models import Because, TrackId
from training.data.vectors import Floats
from training.recommend.evidence import Evidence
from training.recommend.heard import Heard
from training.recommend.scoring import Pool

__all__ = ["Reasons"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

NEAR_PERCENTILE, LEAST_NEAR, NEAR_SAMPLE = 80, 0.15, 500
"""Two tracks sound alike when their cosine is among the highest fifth of this library's, and no less than this."""
STRONG_REASON = 0.5
"""A second seed is named when it contributed this share of what the first did."""
POPULAR_PERCENTILE, LEAST_POPULAR = 90, 2.0


class Reasons:
    """What reasons are made from: `sound` (n, d) unit vectors, `counts` (n,) of wanted plays, `heard` (n,) whether a
    track was played at all; `trained` tracks come first.
    """

    def __init__(
        self, tracks: Sequence[TrackId], sound: Floats, counts: Ints, heard: NDArray[np.bool_], trained: int
    ) -> None:
        self._tracks, self._sound, self._counts, self._heard, self._trained = tracks, sound, counts, heard, trained
        self._near = _near(sound)
        played = counts[counts > 0]
        self._popular = max(float(np.percentile(played, POPULAR_PERCENTILE)), LEAST_POPULAR) if len(played) else np.inf

    def because(self, pool: Pool, chosen: Sequence[int], heard: Heard) -> list[Because]:
        """Why each of the `chosen` candidates of `pool` is there for a listener who `heard` that."""
        places = pool.places[chosen]
        alike = np.where(places[:, None] == pool.seeds, -1.0, self._sound[places] @ self._sound[pool.seeds].T)
        near = alike >= self._near
        sounding: list[bool] = np.asarray(near.any(axis=1)).tolist()
        alike_to = _named(pool.seeds, np.where(near, pool.by_seed[chosen], 0.0))
        unplayed = self._unplayed(places, heard)
        found = []
        for row, (c, place) in enumerate(zip(chosen, places.tolist(), strict=True)):
            reason = None
            if pool.together_share[c] > pool.near_share[c]:
                reason = self._together(pool.evidence, place, heard)
            elif sounding[row]:
                tracks = self._names(alike_to[row])
                reason = Because(kind="sounds_like", tracks=tracks, never_played=unplayed[row])
            elif pool.together_share[c] > 0:
                reason = self._together(pool.evidence, place, heard)
            found.append(reason or self._alone(place, never_played=unplayed[row]))
        return found

    def unasked(self, places: Ints, heard: Heard) -> list[Because]:
        """The reasons of the tracks at `places` when nothing that was played is one."""
        unplayed = self._unplayed(places, heard)
        return [self._alone(p, never_played=never) for p, never in zip(places.tolist(), unplayed, strict=True)]

    def _alone(self, place: int, *, never_played: bool) -> Because:
        if place >= self._trained:
            return Because(kind="new", never_played=never_played)
        kind: Literal["popular", "explore"] = "popular" if self._counts[place] >= self._popular else "explore"
        return Because(kind=kind, never_played=never_played)

    def _unplayed(self, places: Ints, heard: Heard) -> list[bool]:
        """Whether nobody had played it when the model was trained, and this listener has not since; by place."""
        played = set(heard.played.tolist())
        known = self._heard[places].tolist()
        return [not before and place not in played for place, before in zip(places.tolist(), known, strict=True)]

    def _together(self, evidence: Evidence, place: int, heard: Heard) -> Because | None:
        """The tracks beside which it stood in sessions; None when it stood beside itself only."""
        row = evidence.by_seed[np.searchsorted(evidence.candidates, place)] * (evidence.seeds != place)
        if not row.any():
            return None
        (named,) = _named(evidence.seeds, row[None])
        asked_for = len(heard.unheard) > 0 and np.isin(named, heard.unheard).any()
        return Because(kind="goes_with" if asked_for else "played_with", tracks=self._names(named))

    def _names(self, places: Sequence[int]) -> tuple[TrackId, ...]:
        return tuple(self._tracks[place] for place in places)


def _named(seeds: Ints, shares: Doubles) -> list[list[int]]:
    """For each row of `shares` (r, k), the one or two seeds that contributed most."""
    best = np.argsort(-shares, axis=1, kind="stable")[:, :2]
    given = shares[np.arange(len(shares))[:, None], best]
    strong = given >= STRONG_REASON * given[:, :1]
    return [
        [seed for seed, named in zip(two, which, strict=True) if named]
        for two, which in zip(seeds[best].tolist(), strong.tolist(), strict=True)
    ]


def _near(sound: Floats) -> float:
    """The cosine from which two tracks of this library sound alike."""
    having = sound[np.abs(sound).sum(axis=1) > 0] if sound.shape[1] else sound[:0]
    sample = having[:: max(len(having) // NEAR_SAMPLE, 1)][:NEAR_SAMPLE]
    pairs = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    return max(float(np.percentile(pairs, NEAR_PERCENTILE)), LEAST_NEAR) if len(pairs) else LEAST_NEAR
