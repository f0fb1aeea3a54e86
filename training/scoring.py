"""Candidates for the next track and what speaks for each of them.

In: what was heard, as positions. Out: a `Pool` of candidates with scores and with what made the scores; or, when nothing
was heard that pulls, a varied start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.cooccurrence import Cooccurrence, Evidence
from training.encoder import Encoder, Floats
from training.heard import Heard
from training.index import VectorIndex
from training.ranking import Ranking, agreement, closeness, repulsion, start

__all__ = ["Pool", "Scorer"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

ALL_BELOW = 1_000
"""A library up to this size is ranked whole."""
SEEDS_ASKED = 5
"""Newest seeds whose neighbours are taken as candidates."""
START_AMONG = 1_000


class Pool(NamedTuple):
    """Candidates and what is known of each."""

    places: Ints
    scores: Doubles
    near_share: Doubles
    """What the vectors gave to the score."""
    together_share: Doubles
    """What standing together in sessions gave to it."""
    seeds: Ints
    by_seed: Doubles
    """(c, k) nearness in the shared space by seed."""
    evidence: Evidence | None


@dataclass(frozen=True)
class Scorer:
    """The parts that know something of the next track."""

    index: VectorIndex
    counts: Ints
    """How often each track was played."""
    ranking: Ranking
    encoder: Encoder | None
    together: Cooccurrence | None
    temperature: float

    def pool(self, heard: Heard, n: int, barred: NDArray[np.bool_]) -> Pool:
        """Candidates for `n` answers, none of `barred` (by position); something wanted must have been heard."""
        ranking = self.ranking
        seed_vectors = self.index.rows(heard.seeds)
        query = self.encoder(self.index.rows(heard.session), heard.strengths) if self.encoder is not None else None
        evidence = self.together.evidence(heard.session, heard.strengths) if self.together is not None else None
        places = self._candidates(query, seed_vectors, evidence, n, barred)
        vectors = self.index.rows(places)
        agreed, by_seed = agreement(vectors @ seed_vectors.T, heard.seed_strengths)
        if query is not None:
            agreed = (1 - ranking.agreement) * (vectors @ query) + ranking.agreement * agreed
        near = closeness(agreed - self._repeat_cost(places, heard), ranking.softness)
        together = evidence.of(places) if evidence is not None else np.zeros(len(places))
        if together.sum() > 0:
            together = ranking.together * together / together.sum()
            near = (1 - ranking.together) * near
        left = repulsion(vectors @ self.index.rows(heard.skipped).T, heard.skip_strengths, ranking.repulsion)
        return Pool(places, (near + together) * left, near, together, heard.seeds, by_seed, evidence)

    def start(self, heard: Heard, n: int, barred: NDArray[np.bool_]) -> Ints:
        """Positions to begin with when nothing pulls: liked by many, unlike each other, away from what was skipped."""
        free = np.flatnonzero(~barred)
        if len(free) > 2 * START_AMONG + n:
            popular = free[np.argsort(-self.counts[free], kind="stable")[: max(START_AMONG, n)]]
            free = np.union1d(popular, free[:: -(-len(free) // START_AMONG)])
        vectors = self.index.rows(free)
        left = repulsion(vectors @ self.index.rows(heard.skipped).T, heard.skip_strengths, self.ranking.repulsion)
        popularity = np.log1p(self.counts[free]) / max(float(np.log1p(self.counts.max())), 1.0)
        return np.asarray(free[start(popularity * left - (1 - left), vectors, n)])

    def _candidates(
        self, query: Floats | None, seeds: Floats, evidence: Evidence | None, n: int, barred: NDArray[np.bool_]
    ) -> Ints:
        if len(barred) <= ALL_BELOW:
            return np.flatnonzero(~barred)
        k = max(self.ranking.candidates, 2 * n)
        parts = [self.index.nearest(seed, self.ranking.seed_candidates) for seed in seeds[-SEEDS_ASKED:]]
        if query is not None:
            parts.append(self.index.nearest(query, k))
        if evidence is not None:
            parts.append(evidence.candidates[np.argsort(-evidence.scores, kind="stable")[:k]])
        found = np.unique(np.concatenate(parts))
        found = found[~barred[found]]
        return found if len(found) >= n else np.flatnonzero(~barred)

    def _repeat_cost(self, places: Ints, heard: Heard) -> Doubles:
        """What the encoder learned to take off the cosine of tracks already in the session."""
        if self.encoder is None or not self.ranking.allow_repeats:
            return np.zeros(len(places))
        in_session, last = self.encoder.repeat_biases
        repeats = np.isin(places, heard.session) * in_session + (places == heard.session[-1]) * last
        return np.asarray(self.temperature * repeats)
