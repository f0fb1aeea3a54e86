"""Whether a new model may take the champion's place: both asked the same held-out plays, the baselines beside them.

In: the challenger, the data it was trained on, and the champion from the registry. Out: a `Verdict` with all figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from infra.errors import BundleError
from infra.models import Frozen, TrackId
from training import registry
from training.baselines import CoOccurrence, Popular, SessionNeighbours, SoundNeighbours
from training.dataset import TrainingData
from training.evaluate import Metrics, Pair, evaluate, pairs
from training.recommender import Recommender, SessionRecommender

__all__ = ["Figures", "Verdict", "baselines", "challenge", "held_out"]

Figures = dict[str, float]

MOST_SESSIONS, MOST_PAIRS = 2_000, 5_000
"""Held-out sessions and questions from them; evenly spaced ones of more."""


class Verdict(Frozen):
    """Whether the challenger takes over, and why, in words."""

    takes_over: bool
    why: str
    challenger: Figures
    champion: Figures
    """Empty where there is no champion, or nothing was asked."""


class Champion(NamedTuple):
    """What serves now."""

    version: str
    recommender: SessionRecommender


def held_out(data: TrainingData) -> list[Pair]:
    """The questions that every model is asked: held-out sessions, in time order."""
    chosen = data.holdout.select(_spaced(data.holdout.number, MOST_SESSIONS))
    asked = pairs(data.track_ids, chosen)
    return [asked[i] for i in _spaced(len(asked), MOST_PAIRS)]


def baselines(data: TrainingData, asked: Sequence[Pair]) -> dict[str, Figures]:
    """Figures of every baseline on the same questions; empty when there is none."""
    if not asked:
        return {}
    sound = SoundNeighbours({TrackId(track): row for track, row in zip(data.track_ids, data.sound, strict=True)})
    beside: list[Recommender] = [Popular(data), CoOccurrence(data), SessionNeighbours(data), sound]
    return {one.name: evaluate(one, asked, data=data).figures() for one in beside}


def challenge(
    challenger: SessionRecommender, data: TrainingData, asked: Sequence[Pair], *, uri: str, models: Path
) -> Verdict:
    """Compare with the champion of the registry at `uri`, whose bundle is kept below `models`. Raises `ServiceError`."""
    measured = evaluate(challenger, asked, data=data) if asked else None
    figures = measured.figures() if measured else {}
    version = registry.champion(uri)
    if version is None:
        return Verdict(takes_over=True, why="it is the first", challenger=figures, champion={})
    try:
        champion = Champion(version, SessionRecommender.load(registry.fetch(uri, version, models)))
    except BundleError as error:
        why = f"version {version} cannot be used: {error}"
        return Verdict(takes_over=True, why=why, challenger=figures, champion={})
    before = evaluate(champion.recommender, asked, data=data) if asked else None
    takes_over, why = _decide(challenger, measured, champion, before)
    return Verdict(takes_over=takes_over, why=why, challenger=figures, champion=before.figures() if before else {})


def _decide(
    challenger: SessionRecommender, measured: Metrics | None, champion: Champion, before: Metrics | None
) -> tuple[bool, str]:
    made_for, now = champion.recommender.normaliser_version, challenger.normaliser_version
    if made_for != now:
        return True, f"version {champion.version} was made for normaliser {made_for}, the library has {now}"
    if measured is None or before is None:
        ours, theirs = len(challenger.tracks), len(champion.recommender.tracks)
        return ours >= theirs, f"no held-out plays yet; it covers {ours} tracks, version {champion.version} {theirs}"
    no_worse = _quality(measured) >= _quality(before)
    return no_worse, f"{_told(measured)}; version {champion.version}: {_told(before)}"


def _quality(metrics: Metrics) -> tuple[float, float]:
    return metrics.precision, metrics.reciprocal_rank


def _told(metrics: Metrics) -> str:
    return f"p@{metrics.n} {metrics.precision:.2%}, mrr@{metrics.n} {metrics.reciprocal_rank:.2%}"


def _spaced(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
