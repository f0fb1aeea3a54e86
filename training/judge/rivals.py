"""The methods that a model is measured beside, in training as in the public test.

In: what the model was trained on, and how it ranks. Out: recommenders of the same interface, for the same evaluation.
"""

from __future__ import annotations

from infra.models import TrackId
from training.data.dataset import TrainingData
from training.recommend.baselines import CoOccurrence, Popular, SessionNeighbours, SoundNeighbours
from training.recommend.ranking import Ranking
from training.recommend.recommender import Recommender

__all__ = ["rivals"]


def rivals(data: TrainingData, ranking: Ranking) -> list[Recommender]:
    """Popularity, co-occurrence, session neighbours, and, where any track has its sound, sound alone."""
    known = [kind(data, allow_repeats=ranking.allow_repeats) for kind in (Popular, CoOccurrence, SessionNeighbours)]
    if not data.sound.shape[1]:
        return [*known]
    vectors = {TrackId(track): row for track, row in zip(data.track_ids, data.sound, strict=True)}
    return [*known, SoundNeighbours(vectors, ranking=ranking)]
