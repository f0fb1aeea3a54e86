"""A registered model as `mlflow.pyfunc` answers with it, for whoever wants recommendations without our service.

In: the bundle's folder. Out: for each row of recent tracks, the next ones with their scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from infra.models import TrackId
from training.data.signals import Signal
from training.recommend.recommender import SessionRecommender

__all__ = ["DEFAULT_N", "RECENT", "RegisteredModel"]

RECENT = "recent"
"""The one column that is asked for: lists of track ids, oldest first, all of them heard to the end."""
DEFAULT_N = 20


class RegisteredModel:
    """The recommender behind MLflow's generic interface."""

    def __init__(self, recommender: SessionRecommender) -> None:
        self._recommender = recommender

    def predict(self, rows: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Columns `tracks` and `scores`, lists of length `params["n"]` or shorter, best first."""
        n = int((params or {}).get("n", DEFAULT_N))
        return pd.DataFrame([self._next(recent, n) for recent in rows[RECENT]], columns=["tracks", "scores"])

    def _next(self, recent: Sequence[str], n: int) -> tuple[list[str], list[float]]:
        heard = [Signal(TrackId(track), 1.0, at) for at, track in enumerate(recent)]
        found = self._recommender.next_tracks(heard, n)
        return [scored.track for scored in found], [scored.score for scored in found]


def _load_pyfunc(path: str) -> RegisteredModel:
    """What MLflow calls with the folder of a registered bundle."""
    return RegisteredModel(SessionRecommender.load(Path(path)))
