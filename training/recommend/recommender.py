"""What comes next: the one object that evaluation scores and that serving answers with.

In: a listener's recent `Signal`s, oldest first. Out: `Recommendation`s with reasons that are true. Plain numpy and
Annoy; a bundle on disk restores it whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.errors import BundleError, TrainingError
from infra.models import Recommendation, Scored, TrackId
from training.data.cooccurrence import Cooccurrence, newest_of_each
from training.data.dataset import TrainingData
from training.data.signals import Signal
from training.data.vectors import Floats, unit
from training.recommend import bundle
from training.recommend.encoder import Content, Encoder, FittedModel
from training.recommend.heard import Heard, hear
from training.recommend.index import VectorIndex
from training.recommend.journey import journey
from training.recommend.kindred import indexed
from training.recommend.layout import beside, flattened
from training.recommend.pleasing import Pleasing
from training.recommend.ranking import Ranking
from training.recommend.reasons import Reasons
from training.recommend.rerank import Reranker
from training.recommend.scoring import Scorer
from training.recommend.standins import placed
from training.recommend.traits import NAMES

__all__ = ["Recommender", "SessionRecommender"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

EXAMPLE_LENGTH, EXAMPLE_ANSWERS = 5, 10
LANDMARKS = 4_000
"""Tracks with a place on the map, at most, beside which new ones are laid."""
ITEMS, SESSIONS = "items.annoy", "sessions.annoy"
"""The trees of the two indexes, in a bundle."""


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
        albums: Sequence[str],
        index: VectorIndex,
        sound: Floats,
        counts: Ints,
        heard: Bools,
        ranking: Ranking,
        content: Content | None = None,
        encoder: Encoder | None = None,
        together: Cooccurrence | None = None,
        reranker: Reranker | None = None,
        sessions: VectorIndex | None = None,
        temperature: float = 1.0,
        normaliser_version: int | None = None,
        trained: int | None = None,
        layout: Floats | None = None,
    ) -> None:
        self.name = name
        self.ranking = ranking
        self.normaliser_version = normaliser_version
        self._tracks = list(tracks)
        self._artists, self._albums = list(artists), list(albums)
        self._heard = heard
        self._place = {track: place for place, track in enumerate(self._tracks)}
        self._sound = sound
        self._content = content
        known = together if together is not None else Cooccurrence.none(len(self._tracks))
        self._scorer = Scorer(index, counts, ranking, encoder, known, temperature, reranker, sessions)
        self._trained = len(self._tracks) if trained is None else trained
        self._layout = layout
        self._pleasing = Pleasing(ranking, index, self._artists, self._albums, heard)
        self._reasons = Reasons(self._tracks, sound, counts, heard, self._trained)

    @staticmethod
    def build(
        model: FittedModel,
        data: TrainingData,
        ranking: Ranking,
        *,
        seed: int,
        reranker: Reranker | None = None,
        normaliser_version: int | None = None,
    ) -> SessionRecommender:
        """The recommender of a fitted model over the tracks and train sessions of `data`."""
        items = _with_unplayed(model, data)
        wanted = data.train.wanted()
        together = Cooccurrence.build(wanted.offsets, wanted.items, len(data.track_ids))
        return SessionRecommender(
            name="segue",
            tracks=[TrackId(one) for one in data.track_ids],
            artists=data.artists,
            albums=data.albums,
            index=VectorIndex.build(items, seed),
            sound=data.sound,
            counts=data.counts,
            heard=np.bincount(np.concatenate([data.train.items, data.holdout.items]), minlength=len(data.track_ids))
            > 0,
            ranking=ranking,
            content=model.content,
            encoder=model.encoder,
            together=together,
            reranker=reranker,
            sessions=indexed(together, items, seed) if model.encoder is not None and ranking.reranked else None,
            temperature=model.temperature,
            normaliser_version=normaliser_version,
        )

    @property
    def tracks(self) -> Collection[TrackId]:
        """All tracks that can be recommended."""
        return self._place.keys()

    @property
    def vectors(self) -> Floats:
        """(n, dim) unit vectors of the tracks in the shared space, in the order in which they were built and added."""
        return self._scorer.index.table

    def with_tracks(
        self,
        new: Mapping[TrackId, Sequence[float]],
        artists: Mapping[TrackId, str] | None = None,
        albums: Mapping[TrackId, str] | None = None,
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
        scorer = self._scorer
        return SessionRecommender(
            name=self.name,
            tracks=[*self._tracks, *added],
            artists=[*self._artists, *((artists or {}).get(track, "") for track in added)],
            albums=[*self._albums, *((albums or {}).get(track, "") for track in added)],
            index=scorer.index.with_fresh(self._project(sound)),
            sound=np.concatenate([self._sound, sound]),
            counts=np.concatenate([scorer.counts, np.zeros(len(added), dtype=np.int64)]),
            heard=np.concatenate([self._heard, np.zeros(len(added), dtype=bool)]),
            ranking=self.ranking,
            content=self._content,
            encoder=scorer.encoder,
            together=scorer.together,
            reranker=scorer.reranker,
            sessions=scorer.sessions,
            temperature=scorer.temperature,
            normaliser_version=self.normaliser_version,
            trained=self._trained,
            layout=self._layout,
        )

    def with_layout(self, layout: Floats) -> SessionRecommender:
        """This recommender with the places (n, 2) of its tracks on a map, from 0 to 1."""
        laid_out = copy(self)
        laid_out.__dict__.pop("layout", None)
        laid_out._layout = layout
        return laid_out

    @cached_property
    def layout(self) -> Floats:
        """(n, 2) where the tracks lie on a map, from 0 to 1; those that came after the training, beside their like."""
        index = self._scorer.index
        if self._layout is None:
            return flattened(index.table)
        fresh = np.arange(len(self._layout), len(index))
        if not len(fresh):
            return self._layout
        landmarks = np.unique(np.linspace(0, len(self._layout) - 1, LANDMARKS).astype(np.int64))
        places = beside(index.rows(fresh), index.rows(landmarks), self._layout[landmarks])
        return np.concatenate([self._layout, places])

    def next_tracks(
        self,
        recent: Sequence[Signal],
        n: int,
        exclude: Collection[TrackId] = (),
        *,
        just_played: int | None = None,
    ) -> list[Recommendation]:
        """See `Recommender`; what was just played does not come back unless `ranking.allow_repeats`.

        `just_played` stands for the ranking's, where it is given.
        """
        heard = self._hear(recent)
        barred = self._barred(heard, exclude, just_played)
        if n < 1 or barred.all():
            return []
        if not len(heard.session):
            return self._start(heard, n, barred)
        pool = self._scorer.pool(heard, n, barred)
        chosen = self._pleasing.order(pool.places, pool.scores, heard, n)
        return [
            Recommendation(track=self._tracks[pool.places[c]], score=float(pool.scores[c]), because=because)
            for c, because in zip(chosen, self._reasons.because(pool, chosen, heard), strict=True)
        ]

    def considered(self, recent: Sequence[Signal]) -> tuple[list[TrackId], Floats]:
        """The candidates for what comes next, best first, and the traits (c, t) that a re-ranker orders them by."""
        heard = self._hear(recent)
        if not len(heard.session):
            return [], np.empty((0, len(NAMES)), dtype=np.float32)
        places, known = self._scorer.traits(heard, self.ranking.reranked, self._barred(heard, ()))
        return [self._tracks[place] for place in places], known

    def similar(self, track: TrackId, n: int) -> list[Scored]:
        """See `Recommender`: nearest in the shared space of sound and behaviour."""
        place = self._place.get(track)
        if place is None or n < 1:
            return []
        index = self._scorer.index
        vector = index.rows(np.array([place]))[0]
        found = index.nearest(vector, n + 1)
        found = found[found != place][:n]
        cosines = index.rows(found) @ vector
        return [Scored(track=self._tracks[p], score=float(c)) for p, c in zip(found, cosines, strict=True)]

    def journey(self, start: TrackId, end: TrackId, n: int, exclude: Collection[TrackId] = ()) -> list[Scored]:
        """Up to `n` tracks from `start` to `end` in even steps, none of `exclude` between; both must be known."""
        barred = np.zeros(len(self._tracks), dtype=bool)
        barred[[self._place[track] for track in exclude if track in self._place]] = True
        ends = self._place[start], self._place[end]
        steps = journey(self._scorer.index, *ends, n, barred, self._pleasing.artists)
        return [Scored(track=self._tracks[place], score=score) for place, score in steps]

    def vectors_of(self, tracks: Sequence[TrackId]) -> Floats:
        """(n, dim) the vectors of `tracks`, all of which must be known."""
        return self._scorer.index.rows(np.array([self._place[track] for track in tracks], dtype=np.int64))

    def save(self, folder: Path) -> None:
        """Write the whole recommender into `folder`: what `load` needs and nothing else."""
        scorer = self._scorer
        arrays: dict[str, NDArray[Any]] = {
            "items": scorer.index.table,
            "sound": self._sound,
            "counts": scorer.counts,
            "heard": self._heard,
        }
        if scorer.sessions is not None:
            arrays["sessions"] = scorer.sessions.table
        if self._layout is not None:
            arrays["layout"] = self._layout
        parts = {
            "content": self._content.weights if self._content is not None else {},
            "encoder": scorer.encoder.weights if scorer.encoder is not None else {},
            "together": scorer.together.arrays,
            "reranker": scorer.reranker.arrays if scorer.reranker is not None else {},
        }
        for part, held in parts.items():
            arrays |= {f"{part}-{name}": value for name, value in held.items()}
        example = self._example()
        values = {
            "tracks": {"ids": self._tracks, "artists": self._artists, "albums": self._albums},
            "model": {
                "name": self.name,
                "ranking": self.ranking.model_dump(),
                "temperature": scorer.temperature,
                "normaliser_version": self.normaliser_version,
                "trained": self._trained,
                "traits": NAMES,
            },
            "example": {"recent": example, "next": self._answers(example)},
        }
        bundle.write(folder, arrays, values)
        scorer.index.save(folder / ITEMS)
        if scorer.sessions is not None:
            scorer.sessions.save(folder / SESSIONS)
        bundle.seal(folder)

    @staticmethod
    def load(folder: Path) -> SessionRecommender:
        """The recommender that `save` wrote; raises `BundleError` when it is cut short, of another format, or wrong."""
        arrays, values = bundle.read(folder)
        try:
            model, tracks = values["model"], values["tracks"]
            if tuple(model["traits"]) != NAMES:
                raise BundleError(f"{folder}: made by another version, which knew other traits of tracks; train again")
            loaded = SessionRecommender(
                name=model["name"],
                tracks=tracks["ids"],
                artists=tracks["artists"],
                albums=tracks["albums"],
                index=VectorIndex.load(arrays["items"], folder / ITEMS),
                sound=arrays["sound"],
                counts=arrays["counts"],
                heard=arrays["heard"],
                ranking=Ranking.model_validate(model["ranking"]),
                content=Content(content) if (content := _part(arrays, "content")) else None,
                encoder=Encoder(encoder) if (encoder := _part(arrays, "encoder")) else None,
                together=Cooccurrence(_part(arrays, "together")),
                reranker=Reranker(trees) if (trees := _part(arrays, "reranker")) else None,
                sessions=VectorIndex.load(arrays["sessions"], folder / SESSIONS) if "sessions" in arrays else None,
                temperature=model["temperature"],
                normaliser_version=model["normaliser_version"],
                trained=model["trained"],
                layout=arrays.get("layout"),
            )
            expected, answered = values["example"]["next"], loaded._answers(values["example"]["recent"])
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise BundleError(f"{folder}: the bundle does not make a model: {error!r}") from error
        # Another machine's arithmetic may change the order of near ties, and no more than that.
        if len(expected) != len(answered) or len(set(expected) & set(answered)) * 2 < len(expected):
            raise BundleError(f"{folder}: the model answers its own example otherwise than when it was saved")
        return loaded

    def _example(self) -> list[list[Any]]:
        known = np.argsort(-self._scorer.counts, kind="stable")[:EXAMPLE_LENGTH]
        return [[self._tracks[place], 1.0] for place in known]

    def _answers(self, recent: Sequence[Sequence[Any]]) -> list[str]:
        asked = [Signal(TrackId(track), weight, 0) for track, weight in recent]
        return [str(one.track) for one in self.next_tracks(asked, EXAMPLE_ANSWERS)]

    def _project(self, sound: Floats) -> Floats:
        index = self._scorer.index
        if self._content is not None:
            return placed(self._content, sound, self._sound, index.rows, self._scorer.counts)
        dim = index.dim
        return unit(sound) if sound.shape[1] == dim else np.zeros((len(sound), dim), dtype=np.float32)

    def _hear(self, recent: Sequence[Signal]) -> Heard:
        encoder = self._scorer.encoder
        longest = encoder.max_length if encoder is not None else 0
        return hear(recent, self._place, self.ranking, longest, self._scorer.index.rows)

    def _barred(self, heard: Heard, exclude: Collection[TrackId], just_played: int | None = None) -> NDArray[np.bool_]:
        barred = np.zeros(len(self._tracks), dtype=bool)
        barred[[self._place[track] for track in exclude if track in self._place]] = True
        most = self.ranking.just_played if just_played is None else just_played
        window = min(most, (len(barred) - int(np.count_nonzero(barred))) // 2)
        if window and not self.ranking.allow_repeats:
            played = heard.played[~barred[heard.played]]
            barred[newest_of_each(played, np.ones(len(played), dtype=np.float32), window)[0]] = True
        return barred

    def _start(self, heard: Heard, n: int, barred: NDArray[np.bool_]) -> list[Recommendation]:
        places = self._scorer.start(heard, n, barred)
        chosen = places[self._pleasing.order(places, np.linspace(1, 0.5, len(places)), heard, n)]
        return [
            Recommendation(track=self._tracks[p], score=1.0 - rank / n, because=because)
            for rank, (p, because) in enumerate(zip(chosen, self._reasons.unasked(chosen, heard), strict=True))
        ]


def _with_unplayed(model: FittedModel, data: TrainingData) -> Floats:
    """(n_tracks, dim): the items of a model, those without plays where what sounds like them has them stand."""
    unplayed = np.flatnonzero(data.counts == 0)
    if model.content is None or not len(unplayed):
        return model.items
    items = model.items.copy()
    items[unplayed] = placed(model.content, data.sound[unplayed], data.sound, model.items.__getitem__, data.counts)
    return items


def _part(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(f"{name}-"): value for key, value in arrays.items() if key.startswith(f"{name}-")}
