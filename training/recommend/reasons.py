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

    def because(self, pool: Pool, c: int, heard: Heard) -> Because:
        """Why candidate `c` of `pool` is there for a listener who `heard` that."""
        place = int(pool.places[c])
        if pool.together_share[c] > pool.near_share[c]:
            return self._together(pool, place, heard)
        alike = np.where(pool.seeds == place, -1.0, self._sound[pool.seeds] @ self._sound[place])
        if alike.max() >= self._near:
            weighed = np.where(alike >= self._near, pool.by_seed[c], 0.0)
            tracks = self._names(self._named(pool.seeds, weighed))
            return Because(kind="sounds_like", tracks=tracks, never_played=self._never_played(place, heard))
        if pool.together_share[c] > 0:
            return self._together(pool, place, heard)
        return self.unasked(place, heard)

    def unasked(self, place: int, heard: Heard) -> Because:
        """The reason when nothing that was played is it."""
        never_played = self._never_played(place, heard)
        if place >= self._trained:
            return Because(kind="new", never_played=never_played)
        kind: Literal["popular", "explore"] = "popular" if self._counts[place] >= self._popular else "explore"
        return Because(kind=kind, never_played=never_played)

    def _never_played(self, place: int, heard: Heard) -> bool:
        """Nobody when the model was trained, and this listener not since."""
        return not self._heard[place] and place not in heard.played

    def _together(self, pool: Pool, place: int, heard: Heard) -> Because:
        evidence = pool.evidence
        row = evidence.by_seed[np.searchsorted(evidence.candidates, place)] * (evidence.seeds != place)
        if not row.any():
            return self.unasked(place, heard)
        named = self._named(evidence.seeds, row)
        return Because(
            kind="goes_with" if np.isin(named, heard.unheard).any() else "played_with", tracks=self._names(named)
        )

    def _names(self, places: Ints) -> tuple[TrackId, ...]:
        return tuple(self._tracks[place] for place in places)

    @staticmethod
    def _named(seeds: Ints, shares: Doubles) -> Ints:
        """The one or two seeds that contributed most."""
        best = np.argsort(-shares, kind="stable")[:2]
        found: Ints = seeds[best[shares[best] >= STRONG_REASON * shares[best[0]]]]
        return found


def _near(sound: Floats) -> float:
    """The cosine from which two tracks of this library sound alike."""
    having = sound[np.abs(sound).sum(axis=1) > 0] if sound.shape[1] else sound[:0]
    sample = having[:: max(len(having) // NEAR_SAMPLE, 1)][:NEAR_SAMPLE]
    pairs = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    return max(float(np.percentile(pairs, NEAR_PERCENTILE)), LEAST_NEAR) if len(pairs) else LEAST_NEAR
