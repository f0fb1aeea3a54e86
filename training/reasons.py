"""Why a track is recommended, in terms that are true: the evidence that carried it, or that there was none.

In: a candidate of a `Pool`. Out: `Because`, with the one or two tracks that are the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infra.models import Because, TrackId
from training.encoder import Floats
from training.scoring import Pool

__all__ = ["Reasons"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

NEAR_PERCENTILE, LEAST_NEAR, NEAR_SAMPLE = 80, 0.15, 500
"""Two tracks sound alike when their cosine is among the highest fifth of this library's, and no less than this."""
STRONG_REASON = 0.5
"""A second seed is named when it contributed this share of what the first did."""
POPULAR_PERCENTILE, LEAST_POPULAR = 90, 2.0


class Reasons:
    """What reasons are made from: `sound` (n, d) unit vectors, `counts` (n,) of plays, `trained` tracks come first."""

    def __init__(self, tracks: Sequence[TrackId], sound: Floats, counts: Ints, trained: int) -> None:
        self._tracks, self._sound, self._counts, self._trained = tracks, sound, counts, trained
        self._near = _near(sound)
        played = counts[counts > 0]
        self._popular = max(float(np.percentile(played, POPULAR_PERCENTILE)), LEAST_POPULAR) if len(played) else np.inf

    def because(self, pool: Pool, c: int) -> Because:
        """Why candidate `c` of `pool` is there."""
        place = int(pool.places[c])
        if pool.together_share[c] > pool.near_share[c]:
            return self._played_with(pool, place)
        alike = np.where(pool.seeds == place, -1.0, self._sound[pool.seeds] @ self._sound[place])
        if alike.max() >= self._near:
            weighed = np.where(alike >= self._near, pool.by_seed[c], 0.0)
            return Because(kind="sounds_like", tracks=self._named(pool.seeds, weighed))
        if pool.together_share[c] > 0:
            return self._played_with(pool, place)
        return self.unasked(place)

    def unasked(self, place: int) -> Because:
        """The reason when nothing that was played is it."""
        if place >= self._trained:
            return Because(kind="new")
        return Because(kind="popular" if self._counts[place] >= self._popular else "explore")

    def _played_with(self, pool: Pool, place: int) -> Because:
        evidence = pool.evidence
        assert evidence is not None  # noqa: S101 - a share of it was given
        row = evidence.by_seed[np.searchsorted(evidence.candidates, place)] * (evidence.seeds != place)
        return (
            Because(kind="played_with", tracks=self._named(evidence.seeds, row)) if row.any() else self.unasked(place)
        )

    def _named(self, seeds: Ints, shares: Doubles) -> tuple[TrackId, ...]:
        """The one or two seeds that contributed most."""
        best = np.argsort(-shares, kind="stable")[:2]
        return tuple(self._tracks[seeds[b]] for b in best if shares[b] >= STRONG_REASON * shares[best[0]])


def _near(sound: Floats) -> float:
    """The cosine from which two tracks of this library sound alike."""
    having = sound[np.abs(sound).sum(axis=1) > 0] if sound.shape[1] else sound[:0]
    sample = having[:: max(len(having) // NEAR_SAMPLE, 1)][:NEAR_SAMPLE]
    pairs = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    return max(float(np.percentile(pairs, NEAR_PERCENTILE)), LEAST_NEAR) if len(pairs) else LEAST_NEAR
