"""The methods to be better than: each one a `Recommender`, scored by the same evaluation.

In: train sessions, or sound vectors. Out: recommendations. `SoundNeighbours` is also what serves before any model exists.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from infra.errors import TrainingError
from infra.models import Because, Recommendation, Scored, TrackId
from training.data.cooccurrence import Cooccurrence, newest_of_each, ragged
from training.data.dataset import TrainingData
from training.data.signals import Signal
from training.data.vectors import unit
from training.recommend.evidence import evidence
from training.recommend.index import VectorIndex
from training.recommend.ranking import Ranking
from training.recommend.recommender import SessionRecommender

__all__ = ["CoOccurrence", "Popular", "SessionNeighbours", "SoundNeighbours"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

NEIGHBOURS = 500
SEEDS = 20
SESSION_DECAY = 0.8


class _FromSessions(ABC):
    """What all methods that know only sessions share: ids, popularity, and an answer from scores."""

    name = ""

    def __init__(self, data: TrainingData, *, allow_repeats: bool = False) -> None:
        self._tracks = [TrackId(one) for one in data.track_ids]
        self._place = {track: place for place, track in enumerate(self._tracks)}
        self._allow_repeats = allow_repeats
        self._popularity = data.counts / max(int(data.counts.sum()), 1)

    def next_tracks(self, recent: Sequence[Signal], n: int, exclude: Collection[TrackId] = ()) -> list[Recommendation]:
        """See `Recommender`."""
        known = [(self._place[s.track], s.weight) for s in recent if s.track in self._place]
        scores = self._popularity * 1e-6
        wanted = [(place, min(weight, 1.0)) for place, weight in known if weight > 0]
        found = self._scores(np.array([p for p, _ in wanted], dtype=np.int64), np.array([w for _, w in wanted]))
        carried = found > 0
        scores = scores + found
        barred = {self._place[track] for track in exclude if track in self._place}
        if not self._allow_repeats:
            just_played = list(dict.fromkeys(place for place, _ in reversed(known)))
            barred.update(just_played[: len(self._tracks) // 2])
        scores[list(barred)] = -np.inf
        best = np.argsort(-scores, kind="stable")[: max(n, 0)]
        last = wanted[-1][0] if wanted else None
        return [
            Recommendation(track=self._tracks[p], score=float(scores[p]), because=self._because(bool(carried[p]), last))
            for p in best[np.isfinite(scores[best])]
        ]

    def similar(self, track: TrackId, n: int) -> list[Scored]:
        """See `Recommender`."""
        if track not in self._place:
            return []
        answer = self.next_tracks([Signal(track, 1.0, 0)], n, exclude=[track])
        return [Scored(track=one.track, score=one.score) for one in answer]

    @abstractmethod
    def _scores(self, seeds: Ints, strengths: Doubles) -> Doubles:
        """(n_tracks,) scores over the seeds, oldest first; 0 where nothing speaks for a track."""

    def _because(self, carried: bool, last: int | None) -> Because:
        return Because(kind="played_with" if carried and last is not None else "popular")


class Popular(_FromSessions):
    """The most played tracks, whoever asks."""

    name = "popular"

    def _scores(self, seeds: Ints, strengths: Doubles) -> Doubles:  # noqa: ARG002 - the same whoever asks
        return np.zeros(len(self._tracks))


class CoOccurrence(_FromSessions):
    """What stood near the recent tracks in sessions like this one."""

    name = "cooccurrence"

    def __init__(self, data: TrainingData, *, allow_repeats: bool = False) -> None:
        super().__init__(data, allow_repeats=allow_repeats)
        wanted = data.train.wanted()
        self._together = Cooccurrence.build(wanted.offsets, wanted.items, len(self._tracks))

    def _scores(self, seeds: Ints, strengths: Doubles) -> Doubles:
        found = evidence(self._together, seeds, strengths.astype(np.float32))
        scores = np.zeros(len(self._tracks))
        scores[found.candidates] = found.scores
        return scores


class SessionNeighbours(_FromSessions):
    """Session kNN: the sessions that share most with this one vote for their tracks."""

    name = "session_knn"

    def __init__(self, data: TrainingData, *, allow_repeats: bool = False) -> None:
        super().__init__(data, allow_repeats=allow_repeats)
        self._sessions = data.train.wanted()
        self._together = Cooccurrence.build(self._sessions.offsets, self._sessions.items, len(self._tracks))

    def _scores(self, seeds: Ints, strengths: Doubles) -> Doubles:
        scores = np.zeros(len(self._tracks))
        seeds, weights = newest_of_each(seeds, strengths.astype(np.float32), SEEDS)
        occurrences, owner = self._together.occurrences(seeds)
        if not len(occurrences):
            return scores
        rarity = np.log1p(self._sessions.number / np.maximum(self._together.counts[seeds], 1))
        pull = weights * rarity * SESSION_DECAY ** np.arange(len(seeds))[::-1]
        sessions, session = np.unique(self._together.sessions_of(occurrences), return_inverse=True)
        alike = np.bincount(session, weights=pull[owner])
        nearest = np.argsort(-alike, kind="stable")[:NEIGHBOURS]
        lengths = np.diff(self._sessions.offsets)[sessions[nearest]]
        places, voter = ragged(self._sessions.offsets[sessions[nearest]], lengths)
        votes = (alike[nearest] / np.sqrt(lengths))[voter]
        return scores + np.bincount(self._sessions.items[places], weights=votes, minlength=len(scores))


class SoundNeighbours(SessionRecommender):
    """By sound alone: the recommender without sessions, its space the sound vectors themselves."""

    def __init__(
        self,
        vectors: Mapping[TrackId, Sequence[float]],
        artists: Mapping[TrackId, str] | None = None,
        albums: Mapping[TrackId, str] | None = None,
        *,
        ranking: Ranking | None = None,
        normaliser_version: int | None = None,
    ) -> None:
        for track, vector in vectors.items():
            if not np.isfinite(vector).all():
                raise TrainingError(f"track {track}: its sound vector is not all numbers; ingest it again")
        table = np.array([*vectors.values()], dtype=np.float32).reshape(
            len(vectors), len(next(iter(vectors.values()), ()))
        )
        super().__init__(
            name="sound",
            tracks=[*vectors],
            artists=[(artists or {}).get(track, "") for track in vectors],
            albums=[(albums or {}).get(track, "") for track in vectors],
            index=VectorIndex(unit(table), None),
            sound=unit(table),
            counts=np.zeros(len(vectors), dtype=np.int64),
            heard=np.zeros(len(vectors), dtype=bool),
            ranking=ranking or Ranking(),
            normaliser_version=normaliser_version,
        )
