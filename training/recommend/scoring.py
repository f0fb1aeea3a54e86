"""Candidates for the next track and what speaks for each of them.

In: what was heard, as positions. Out: a `Pool` of candidates with scores and with what made the scores; or, when nothing
was heard that pulls, a varied start.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.cooccurrence import Cooccurrence
from training.data.vectors import Floats
from training.recommend.encoder import Encoder
from training.recommend.evidence import Evidence, evidence
from training.recommend.heard import Heard
from training.recommend.index import VectorIndex
from training.recommend.kindred import kindred
from training.recommend.ranking import Ranking, agreement, closeness, repulsion, start
from training.recommend.rerank import Reranker, put_first
from training.recommend.standins import lent
from training.recommend.traits import History, Scored, traits

__all__ = ["Pool", "Scorer"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

ALL_BELOW = 1_000
"""A library up to this size is ranked whole."""
SEEDS_ASKED = 2
"""Newest seeds whose neighbours are taken as candidates; on public sessions more of them find nothing more."""
SEEDS_EFFORT = 1 / 8
"""Of the search for them: those that it misses are among the query's, or nobody's next track, as measured there."""
MOST_LOOKS = 30_000
"""In the index, for one question: enough for all of 130,000 tracks. Among a million they find 0.92 of the query's nearest
20 and 0.86 of its nearest hundred, in a fifth of the time that 0.99 would take."""
START_AMONG = 1_000


class Pool(NamedTuple):
    """Candidates and what is known of each."""

    places: Ints
    scores: Doubles
    """Shares of the belief that this comes next, less what skips take away."""
    near_share: Doubles
    """What the vectors gave to the score before re-ranking."""
    together_share: Doubles
    """What standing together in sessions gave to it."""
    seeds: Ints
    by_seed: Doubles
    """(c, k) nearness in the shared space by seed."""
    evidence: Evidence


class Asked(NamedTuple):
    """Candidates with their scores before re-ranking, and the evidence behind them."""

    scored: Scored
    by_seed: Doubles
    vectors: Floats
    evidence: Evidence
    query: Floats | None


@dataclass(frozen=True)
class Scorer:
    """The parts that know something of the next track."""

    index: VectorIndex
    counts: Ints
    """How often each track was played."""
    ranking: Ranking
    encoder: Encoder | None
    together: Cooccurrence
    temperature: float
    reranker: Reranker | None = None
    sessions: VectorIndex | None = None
    """The sessions of `together` by what stood in them."""

    def pool(self, heard: Heard, n: int, barred: NDArray[np.bool_]) -> Pool:
        """Candidates for `n` answers, none of `barred` (by position); something wanted must have been heard."""
        asked = self._ask(heard, n, barred)
        scored = asked.scored
        scores = scored.near + scored.together
        if self.reranker is not None:
            best, known = self._traits(asked, heard)
            scores = put_first(scores, best, self.reranker(known))
        pushed = asked.vectors @ self.index.rows(heard.skipped).T
        left = repulsion(pushed, heard.skip_strengths, self.ranking.repulsion)
        return Pool(
            scored.places, scores * left, scored.near, scored.together, heard.seeds, asked.by_seed, asked.evidence
        )

    def traits(self, heard: Heard, n: int, barred: NDArray[np.bool_]) -> tuple[Ints, Floats]:
        """The positions (c,) of the candidates that are re-ranked, best first, and what is known of them (c, t)."""
        asked = self._ask(heard, n, barred)
        best, known = self._traits(asked, heard)
        return asked.scored.places[best], known

    def _ask(self, heard: Heard, n: int, barred: NDArray[np.bool_]) -> Asked:
        ranking = self.ranking
        seed_vectors = self.index.rows(heard.seeds)
        query = self.encoder(self.index.rows(heard.session), heard.strengths) if self.encoder is not None else None
        found = evidence(self.together, heard.session, heard.strengths)
        places = self._candidates(query, seed_vectors, found, n, barred)
        vectors = self.index.rows(places)
        to_seeds = vectors @ seed_vectors.T
        agreed, by_seed = agreement(to_seeds, heard.seed_strengths)
        cost = self._repeat_cost(places, heard)
        to_query = np.asarray(vectors @ query if query is not None else agreed, dtype=np.float64)
        agreed = (1 - ranking.agreement) * to_query + ranking.agreement * agreed - cost
        near = closeness(agreed, ranking.softness)
        together = found.of(places)
        if together.sum() > 0:
            # Lent by neighbours in the space of the vectors, it is theirs: reasons name it as nearness.
            by_neighbours = lent(together, vectors, self.counts[places] > 0)
            share = ranking.together / (together.sum() + by_neighbours.sum())
            near, together = (1 - ranking.together) * near + share * by_neighbours, share * together
        # The trees have learned from sessions alone, without the seeds from before.
        of_session = to_seeds[:, heard.current]
        return Asked(
            Scored(places, to_query - cost, agreed, of_session, near, together), by_seed, vectors, found, query
        )

    def _traits(self, asked: Asked, heard: Heard) -> tuple[Ints, Floats]:
        scored = asked.scored
        best = np.argsort(-(scored.near + scored.together), kind="stable")[: self.ranking.reranked]
        like = kindred(asked.query, self.sessions, self.together)
        return best, traits(scored, heard, asked.evidence, like, self._history)[best]

    @cached_property
    def _history(self) -> History:
        return History.of(self.together, len(self.counts))

    def start(self, heard: Heard, n: int, barred: NDArray[np.bool_]) -> Ints:
        """Positions to begin with when nothing pulls: liked by many, unlike each other, away from what was skipped."""
        free = self._some_free(n, barred)
        vectors = self.index.rows(free)
        left = repulsion(vectors @ self.index.rows(heard.skipped).T, heard.skip_strengths, self.ranking.repulsion)
        popularity = np.log1p(self.counts[free]) / max(float(np.log1p(self.counts.max())), 1.0)
        return np.asarray(free[start(popularity * left - (1 - left), vectors, n)])

    def _candidates(
        self, query: Floats | None, seeds: Floats, found: Evidence, n: int, barred: NDArray[np.bool_]
    ) -> Ints:
        if len(barred) <= ALL_BELOW:
            return np.flatnonzero(~barred)
        k = max(self.ranking.candidates, 2 * n)
        few = self.ranking.seed_candidates
        parts = [self.index.nearest(seed, few, SEEDS_EFFORT, MOST_LOOKS) for seed in seeds[-SEEDS_ASKED:]]
        if query is not None:
            parts.append(self.index.nearest(query, k, most_looks=MOST_LOOKS))
        parts.append(found.candidates[np.argsort(-found.scores, kind="stable")[:k]])
        places = np.unique(np.concatenate(parts))
        places = places[~barred[places]]
        return places if len(places) >= n else np.union1d(places, self._some_free(n, barred))

    def _some_free(self, n: int, barred: NDArray[np.bool_]) -> Ints:
        """Positions (f,) of tracks that are not barred: of a large library the popular ones, and some of all."""
        free = np.flatnonzero(~barred)
        if len(free) <= 2 * START_AMONG + n:
            return free
        popular = free[np.argsort(-self.counts[free], kind="stable")[: max(START_AMONG, n)]]
        return np.union1d(popular, free[:: -(-len(free) // START_AMONG)])

    def _repeat_cost(self, places: Ints, heard: Heard) -> Doubles:
        """What the encoder learned to take off the cosine of tracks already in the session."""
        if self.encoder is None or not self.ranking.allow_repeats:
            return np.zeros(len(places))
        in_session, last = self.encoder.repeat_biases
        repeats = np.isin(places, heard.session) * in_session + (places == heard.session[-1]) * last
        return np.asarray(self.temperature * repeats)
