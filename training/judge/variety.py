"""What answers are like beside being right: how varied, how new, how often the same.

In: answers as they are given, each with what was heard before it. Out: `Variety`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from infra.models import TrackId
from training.data.dataset import TrainingData
from training.data.signals import Signal
from training.data.vectors import Floats, unit

__all__ = ["Answers", "Variety"]


class Variety(BaseModel):
    """Figures of many answers; None where the data do not tell."""

    model_config = ConfigDict(frozen=True)

    coverage: float
    """Share of all tracks that were recommended at least once."""
    novelty: float
    """Mean of -log2 of a recommended track's share of all plays in training, in bits."""
    artist_entropy: float | None
    """Mean entropy of the artists in one answer, in bits."""
    intra_list_distance: float | None
    """Mean of 1 - cosine over all pairs of tracks in one answer."""
    repeat_rate: float
    """Share of recommended tracks that are among those heard before, as far back as was asked with."""
    never_played: float | None
    """Share of recommended tracks that nobody has played in training."""


class Answers:
    """Takes answers one by one; `vectors` (n, d) are those that distances are taken of, by default the sound's."""

    def __init__(self, data: TrainingData | None, vectors: Floats | None = None) -> None:
        self._place = {track: place for place, track in enumerate(data.track_ids)} if data is not None else {}
        self._artists = data.artists if data is not None and any(data.artists) else None
        self._counts = data.counts if data is not None else None
        self._played = np.bincount(data.train.items, minlength=len(self._place)) > 0 if data is not None else None
        given = vectors if vectors is not None or data is None else data.sound
        self._vectors = unit(given) if given is not None and given.shape[1] else None
        self._given: Counter[str] = Counter()
        self._entropies: list[float] = []
        self._distances: list[float] = []
        self._repeats = 0

    def take(self, recent: Sequence[Signal], answer: Sequence[TrackId], *, measure_distance: bool = True) -> None:
        """An answer after `recent`. Distances cost more than all else: they may be left out of some."""
        self._given.update(answer)
        heard = {signal.track for signal in recent}
        self._repeats += sum(track in heard for track in answer)
        places = [self._place[track] for track in answer if track in self._place]
        if self._artists is not None:
            self._entropies.append(_entropy(Counter(self._artists[place] for place in places)))
        if self._vectors is not None and measure_distance and len(places) > 1:
            total = self._vectors[places].sum(axis=0)
            known = float((self._vectors[places] ** 2).sum())
            self._distances.append(1 - (float(total @ total) - known) / (len(places) * (len(places) - 1)))

    def variety(self) -> Variety:
        """Of all answers taken."""
        number = max(self._given.total(), 1)
        places = np.array([self._place.get(track, -1) for track in self._given], dtype=np.int64)
        times = np.array(list(self._given.values()), dtype=np.int64)[places >= 0]
        places = places[places >= 0]
        return Variety(
            coverage=len(self._given) / max(len(self._place) or len(self._given), 1),
            novelty=self._novelty(places, times),
            artist_entropy=_mean(self._entropies),
            intra_list_distance=_mean(self._distances),
            repeat_rate=self._repeats / number,
            never_played=None if self._played is None else float(times[~self._played[places]].sum() / number),
        )

    def _novelty(self, places: np.ndarray, times: np.ndarray) -> float:
        if self._counts is None or not len(places):
            return 0.0
        shares = (self._counts[places] + 1) / (self._counts.sum() + len(self._counts))
        return float(-(times * np.log2(shares)).sum() / times.sum())


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _entropy(counts: Mapping[str, int]) -> float:
    total = sum(counts.values())
    return -sum(c / total * math.log2(c / total) for c in counts.values()) if total else 0.0
