"""What comes next: the one object that evaluation scores and that serving answers with.

In: a listener's recent `Signal`s, oldest first. Out: `Recommendation`s with reasons that are true. Plain numpy and
Annoy; a bundle on disk restores it whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.errors import BundleError, TrainingError
from infra.models import Because, Recommendation, Scored, TrackId
from training import bundle
from training.cooccurrence import Cooccurrence, Evidence, newest_of_each
from training.dataset import TrainingData
from training.encoder import Content, Encoder, FittedModel, Floats, unit
from training.index import VectorIndex
from training.ranking import Ranking, agreement, closeness, repulsion, spread, start
from training.signals import Signal

__all__ = ["Recommender", "SessionRecommender"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

ALL_BELOW = 1_000
"""A library up to this size is ranked whole."""
SEEDS_ASKED = 5
"""Newest seeds whose neighbours are taken as candidates."""
START_AMONG = 1_000
NEAR_PERCENTILE, LEAST_NEAR, NEAR_SAMPLE = 80, 0.15, 500
"""Two tracks sound alike when their cosine is among the highest fifth of this library's, and no less than this."""
STRONG_REASON = 0.5
"""A second seed is named when it contributed this share of what the first did."""
POPULAR_PERCENTILE, LEAST_POPULAR = 90, 2.0
EXAMPLE_LENGTH, EXAMPLE_ANSWERS = 5, 10


class Recommender(Protocol):
    """What every recommender does, learned or not."""

    name: str

    def next_tracks(self, recent: Sequence[Signal], n: int, exclude: Collection[TrackId] = ()) -> list[Recommendation]:
        """Up to `n` tracks to play next after `recent` (oldest first), best first; none of `exclude`.

        As many as the library has left; tracks that it does not know are passed over.
        """
        ...

    def similar(self, track: TrackId, n: int) -> list[Scored]:
        """Up to `n` tracks like `track`, best first; empty when it is not known."""
        ...


class _Heard(NamedTuple):
    """Recent signals as places in the library, oldest first."""

    session: Ints
    """Wanted tracks as they were played, with repeats."""
    strengths: Floats
    skipped: Ints
    skip_strengths: Floats
    played: Ints
    """All, wanted or not."""


class _Pool(NamedTuple):
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


class SessionRecommender:
    """Items in one space of sound and behaviour, a session encoder, and what stood together in sessions.

    Without an encoder and sessions it is a recommender by sound alone. Immutable; `with_tracks` gives another one.
    """

    def __init__(
        self,
        *,
        name: str,
        tracks: Sequence[TrackId],
        artists: Sequence[str],
        index: VectorIndex,
        sound: Floats,
        counts: Ints,
        ranking: Ranking,
        content: Content | None = None,
        encoder: Encoder | None = None,
        together: Cooccurrence | None = None,
        temperature: float = 1.0,
        normaliser_version: int | None = None,
        trained: int | None = None,
    ) -> None:
        self.name = name
        self.ranking = ranking
        self.normaliser_version = normaliser_version
        self._tracks = list(tracks)
        self._artists = list(artists)
        self._place = {track: place for place, track in enumerate(self._tracks)}
        self._index = index
        self._sound = sound
        self._counts = counts
        self._content, self._encoder, self._together = content, encoder, together
        self._temperature = temperature
        self._trained = len(self._tracks) if trained is None else trained
        self._near = _near(sound)
        played = counts[counts > 0]
        self._popular = max(float(np.percentile(played, POPULAR_PERCENTILE)), LEAST_POPULAR) if len(played) else np.inf

    @staticmethod
    def build(
        model: FittedModel,
        data: TrainingData,
        ranking: Ranking,
        *,
        seed: int,
        normaliser_version: int | None = None,
    ) -> SessionRecommender:
        """The recommender of a fitted model over the tracks and train sessions of `data`."""
        wanted = data.train.wanted()
        return SessionRecommender(
            name="segue",
            tracks=[TrackId(one) for one in data.track_ids],
            artists=data.artists,
            index=VectorIndex.build(model.items, seed),
            sound=data.sound,
            counts=data.counts,
            ranking=ranking,
            content=model.content,
            encoder=model.encoder,
            together=Cooccurrence.build(wanted.offsets, wanted.items, len(data.track_ids))
            if len(wanted.items)
            else None,
            temperature=model.temperature,
            normaliser_version=normaliser_version,
        )

    @property
    def tracks(self) -> Collection[TrackId]:
        """All tracks that can be recommended."""
        return self._place.keys()

    def with_tracks(
        self, new: Mapping[TrackId, Sequence[float]], artists: Mapping[TrackId, str] | None = None
    ) -> SessionRecommender:
        """This recommender and `new` tracks, from their normalised sound vectors; those known already stay as they are.

        Raises `TrainingError` naming the track whose vector is no number, `BundleError` for vectors of another length.
        """
        added = [track for track in new if track not in self._place]
        if not added:
            return self
        d = self._sound.shape[1]
        sound = np.zeros((len(added), d), dtype=np.float32)
        for row, track in zip(sound, added, strict=True):
            vector = np.asarray(new[track], dtype=np.float32)
            if not np.isfinite(vector).all():
                raise TrainingError(f"track {track}: its sound vector is not all numbers; ingest it again")
            if d and len(vector) != d:
                raise BundleError(
                    f"track {track}: a sound vector of {len(vector)} values, the model takes {d}; train again"
                )
            row[:] = vector[:d]
        return SessionRecommender(
            name=self.name,
            tracks=[*self._tracks, *added],
            artists=[*self._artists, *((artists or {}).get(track, "") for track in added)],
            index=self._index.with_fresh(self._project(sound)),
            sound=np.concatenate([self._sound, sound]),
            counts=np.concatenate([self._counts, np.zeros(len(added), dtype=np.int64)]),
            ranking=self.ranking,
            content=self._content,
            encoder=self._encoder,
            together=self._together,
            temperature=self._temperature,
            normaliser_version=self.normaliser_version,
            trained=self._trained,
        )

    def next_tracks(self, recent: Sequence[Signal], n: int, exclude: Collection[TrackId] = ()) -> list[Recommendation]:
        """See `Recommender`; what was just played does not come back unless `ranking.allow_repeats`."""
        heard = self._heard(recent)
        barred = self._barred(heard, exclude)
        left = len(barred) - int(barred.sum())
        if n < 1 or not left:
            return []
        if not len(heard.session):
            return self._start(heard, n, barred)
        pool = self._rank(heard, n, barred)
        order = np.lexsort((pool.places, -pool.scores))
        chosen = order[spread([self._artists[p] for p in pool.places[order]], pool.scores[order], n)]
        return [
            Recommendation(
                track=self._tracks[pool.places[c]], score=float(pool.scores[c]), because=self._because(pool, int(c))
            )
            for c in chosen
        ]

    def similar(self, track: TrackId, n: int) -> list[Scored]:
        """See `Recommender`: nearest in the shared space of sound and behaviour."""
        place = self._place.get(track)
        if place is None or n < 1:
            return []
        vector = self._index.rows(np.array([place]))[0]
        found = self._index.nearest(vector, n + 1)
        found = found[found != place][:n]
        cosines = self._index.rows(found) @ vector
        return [Scored(track=self._tracks[p], score=float(c)) for p, c in zip(found, cosines, strict=True)]

    def save(self, folder: Path) -> None:
        """Write the whole recommender into `folder`: what `load` needs and nothing else."""
        arrays: dict[str, NDArray[Any]] = {"items": self._index.table, "sound": self._sound, "counts": self._counts}
        for part, held in (("content", self._content), ("encoder", self._encoder)):
            if held is not None:
                arrays |= {f"{part}-{name}": value for name, value in held.weights.items()}
        if self._together is not None:
            arrays |= {f"together-{name}": value for name, value in self._together.arrays.items()}
        example = self._example()
        values = {
            "tracks": {"ids": self._tracks, "artists": self._artists},
            "model": {
                "name": self.name,
                "ranking": self.ranking.model_dump(),
                "temperature": self._temperature,
                "normaliser_version": self.normaliser_version,
                "trained": self._trained,
            },
            "example": {"recent": example, "next": self._answers(example)},
        }
        bundle.write(folder, arrays, values)
        self._index.save(folder / "items.annoy")
        bundle.seal(folder)

    @staticmethod
    def load(folder: Path) -> SessionRecommender:
        """The recommender that `save` wrote; raises `BundleError` when it is cut short, of another format, or wrong."""
        arrays, values = bundle.read(folder)
        try:
            model, tracks = values["model"], values["tracks"]
            loaded = SessionRecommender(
                name=model["name"],
                tracks=tracks["ids"],
                artists=tracks["artists"],
                index=VectorIndex.load(arrays["items"], folder / "items.annoy"),
                sound=arrays["sound"],
                counts=arrays["counts"],
                ranking=Ranking.model_validate(model["ranking"]),
                content=Content(content) if (content := _part(arrays, "content")) else None,
                encoder=Encoder(encoder) if (encoder := _part(arrays, "encoder")) else None,
                together=Cooccurrence(together) if (together := _part(arrays, "together")) else None,
                temperature=model["temperature"],
                normaliser_version=model["normaliser_version"],
                trained=model["trained"],
            )
            expected, answered = values["example"]["next"], loaded._answers(values["example"]["recent"])
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise BundleError(f"{folder}: the bundle does not make a model: {error!r}") from error
        # Another machine's arithmetic may change the order of near ties, and no more than that.
        if len(expected) != len(answered) or len(set(expected) & set(answered)) * 2 < len(expected):
            raise BundleError(f"{folder}: the model answers its own example otherwise than when it was saved")
        return loaded

    def _example(self) -> list[list[Any]]:
        known = np.argsort(-self._counts, kind="stable")[:EXAMPLE_LENGTH]
        return [[self._tracks[place], 1.0] for place in known]

    def _answers(self, recent: Sequence[Sequence[Any]]) -> list[str]:
        asked = [Signal(TrackId(track), weight, 0) for track, weight in recent]
        return [str(one.track) for one in self.next_tracks(asked, EXAMPLE_ANSWERS)]

    def _project(self, sound: Floats) -> Floats:
        if self._content is not None:
            return unit(self._content(sound))
        dim = self._index.table.shape[1]
        return unit(sound) if sound.shape[1] == dim else np.zeros((len(sound), dim), dtype=np.float32)

    def _heard(self, recent: Sequence[Signal]) -> _Heard:
        """The last word on each track decides whether it pulls or pushes."""
        known = [(self._place[s.track], s.weight) for s in recent if s.track in self._place]
        last_word = dict(known)
        wanted = [(place, min(weight, 1.0)) for place, weight in known if weight > 0 and last_word[place] > 0]
        unwanted = [(place, min(-weight, 1.0)) for place, weight in last_word.items() if weight < 0]
        if self._encoder is not None:
            wanted = wanted[-max(self._encoder.max_length, self.ranking.seeds) :]
        return _Heard(
            *_columns(wanted),
            *_columns(unwanted[-self.ranking.skips :] if self.ranking.skips else []),
            _columns(known)[0],
        )

    def _barred(self, heard: _Heard, exclude: Collection[TrackId]) -> NDArray[np.bool_]:
        barred = np.zeros(len(self._tracks), dtype=bool)
        barred[[self._place[track] for track in exclude if track in self._place]] = True
        window = min(self.ranking.just_played, len(self._tracks) // 2)
        if window and not self.ranking.allow_repeats:
            barred[newest_of_each(heard.played, np.ones(len(heard.played), dtype=np.float32), window)[0]] = True
        return barred

    def _rank(self, heard: _Heard, n: int, barred: NDArray[np.bool_]) -> _Pool:
        ranking = self.ranking
        session = self._index.rows(heard.session)
        seeds, strengths = newest_of_each(heard.session, heard.strengths, ranking.seeds)
        seed_vectors = self._index.rows(seeds)
        query = self._encoder(session, heard.strengths) if self._encoder is not None else None
        evidence = self._together.evidence(heard.session, heard.strengths) if self._together is not None else None
        places = self._candidates(query, seed_vectors, evidence, n, barred)
        vectors = self._index.rows(places)
        agreed, by_seed = agreement(vectors @ seed_vectors.T, strengths)
        if query is not None:
            agreed = (1 - ranking.agreement) * (vectors @ query) + ranking.agreement * agreed
        near = closeness(agreed - self._repeat_cost(places, heard), ranking.softness)
        together = np.zeros(len(places))
        if evidence is not None and len(evidence.candidates):
            at = np.minimum(np.searchsorted(evidence.candidates, places), len(evidence.candidates) - 1)
            together = np.where(evidence.candidates[at] == places, evidence.scores[at], 0.0)
        if together.sum() > 0:
            together = ranking.together * together / together.sum()
            near = (1 - ranking.together) * near
        left = repulsion(vectors @ self._index.rows(heard.skipped).T, heard.skip_strengths, ranking.repulsion)
        return _Pool(places, (near + together) * left, near, together, seeds, by_seed, evidence)

    def _candidates(
        self, query: Floats | None, seeds: Floats, evidence: Evidence | None, n: int, barred: NDArray[np.bool_]
    ) -> Ints:
        if len(barred) <= ALL_BELOW:
            return np.flatnonzero(~barred)
        k = max(self.ranking.candidates, 2 * n)
        parts = [self._index.nearest(seed, self.ranking.seed_candidates) for seed in seeds[-SEEDS_ASKED:]]
        if query is not None:
            parts.append(self._index.nearest(query, k))
        if evidence is not None:
            parts.append(evidence.candidates[np.argsort(-evidence.scores, kind="stable")[:k]])
        found = np.unique(np.concatenate(parts))
        found = found[~barred[found]]
        return found if len(found) >= n else np.flatnonzero(~barred)

    def _repeat_cost(self, places: Ints, heard: _Heard) -> Doubles:
        """What the encoder learned to take off the cosine of tracks already in the session."""
        if self._encoder is None or not self.ranking.allow_repeats:
            return np.zeros(len(places))
        in_session, last = self._encoder.repeat_biases
        repeats = np.isin(places, heard.session) * in_session + (places == heard.session[-1]) * last
        return np.asarray(self._temperature * repeats)

    def _start(self, heard: _Heard, n: int, barred: NDArray[np.bool_]) -> list[Recommendation]:
        """Nothing is known that pulls: liked by many, unlike each other, away from what was skipped."""
        free = np.flatnonzero(~barred)
        if len(free) > 2 * START_AMONG + n:
            popular = free[np.argsort(-self._counts[free], kind="stable")[: max(START_AMONG, n)]]
            free = np.union1d(popular, free[:: -(-len(free) // START_AMONG)])
        vectors = self._index.rows(free)
        left = repulsion(vectors @ self._index.rows(heard.skipped).T, heard.skip_strengths, self.ranking.repulsion)
        popularity = np.log1p(self._counts[free]) / max(float(np.log1p(self._counts.max())), 1.0)
        chosen = np.array(start(popularity * left - (1 - left), vectors, n))
        chosen = chosen[spread([self._artists[p] for p in free[chosen]], np.linspace(1, 0.5, len(chosen)), n)]
        return [
            Recommendation(track=self._tracks[free[c]], score=1.0 - rank / n, because=self._unasked(int(free[c])))
            for rank, c in enumerate(chosen)
        ]

    def _because(self, pool: _Pool, c: int) -> Because:
        place = int(pool.places[c])
        if pool.together_share[c] > pool.near_share[c]:
            return self._played_with(pool, place)
        alike = np.where(pool.seeds == place, -1.0, self._sound[pool.seeds] @ self._sound[place])
        if alike.max() >= self._near:
            weighed = np.where(alike >= self._near, pool.by_seed[c], 0.0)
            return Because(kind="sounds_like", tracks=self._named(pool.seeds, weighed))
        if pool.together_share[c] > 0:
            return self._played_with(pool, place)
        return self._unasked(place)

    def _played_with(self, pool: _Pool, place: int) -> Because:
        evidence = pool.evidence
        assert evidence is not None  # noqa: S101 - a share of it was given
        row = evidence.by_seed[np.searchsorted(evidence.candidates, place)] * (evidence.seeds != place)
        return (
            Because(kind="played_with", tracks=self._named(evidence.seeds, row)) if row.any() else self._unasked(place)
        )

    def _named(self, seeds: Ints, shares: Doubles) -> tuple[TrackId, ...]:
        """The one or two seeds that contributed most."""
        best = np.argsort(-shares, kind="stable")[:2]
        return tuple(self._tracks[seeds[b]] for b in best if shares[b] >= STRONG_REASON * shares[best[0]])

    def _unasked(self, place: int) -> Because:
        """The reason when nothing that was played is it."""
        if place >= self._trained:
            return Because(kind="new")
        return Because(kind="popular" if self._counts[place] >= self._popular else "explore")


def _columns(pairs: Sequence[tuple[int, float]]) -> tuple[Ints, Floats]:
    return np.array([p for p, _ in pairs], dtype=np.int64), np.array([w for _, w in pairs], dtype=np.float32)


def _part(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(f"{name}-"): value for key, value in arrays.items() if key.startswith(f"{name}-")}


def _near(sound: Floats) -> float:
    """The cosine from which two tracks of this library sound alike."""
    having = sound[np.abs(sound).sum(axis=1) > 0] if sound.shape[1] else sound[:0]
    sample = having[:: max(len(having) // NEAR_SAMPLE, 1)][:NEAR_SAMPLE]
    pairs = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    return max(float(np.percentile(pairs, NEAR_PERCENTILE)), LEAST_NEAR) if len(pairs) else LEAST_NEAR
