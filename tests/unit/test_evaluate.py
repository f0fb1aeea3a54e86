from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import TrainingError
from infra.models import Because, Recommendation, Scored, TrackId
from tests.unit.checkerboard import flat, library, liked, track
from training.data.signals import Signal
from training.judge.evaluate import Pair, evaluate, pairs
from training.learn.model import ModelConfig
from training.public import public


class Fixed:
    """Always the same answer."""

    name = "fixed"

    def __init__(self, *places: int) -> None:
        self.places = places

    def next_tracks(
        self,
        recent: Sequence[Signal],  # noqa: ARG002 - whatever was heard
        n: int,
        exclude: Collection[TrackId] = (),
    ) -> list[Recommendation]:
        kept = [track(p) for p in self.places if track(p) not in exclude][:n]
        return [Recommendation(track=one, score=1.0, because=Because(kind="popular")) for one in kept]

    def similar(self, track: TrackId, n: int) -> list[Scored]:  # noqa: ARG002 - always the same
        return []


def test_known_ranks_give_known_figures():
    data = library(10, [[0, 1]])
    asked = [Pair(liked(5), track(0)), Pair(liked(5), track(1)), Pair(liked(5), track(9)), Pair(liked(5), track(8))]
    found = evaluate(Fixed(0, 1, 2, 9), asked, n=3, data=data)
    assert found.precision == pytest.approx(2 / 4)
    assert found.reciprocal_rank == pytest.approx((1 + 1 / 2) / 4)
    assert found.figures()["p@3"] == pytest.approx(50)
    assert found.variety.coverage == pytest.approx(3 / 10)
    assert {"artist_entropy", "coverage", "novelty", "intra_list_distance", "repeat_rate", "never_played"} <= set(
        found.figures()
    )


def test_without_pairs_there_is_nothing_to_score():
    with pytest.raises(TrainingError):
        evaluate(Fixed(0), [])


def test_progress_is_told_to_the_end():
    told: list[tuple[str, int, int]] = []
    evaluate(Fixed(0), [Pair([], track(0))] * 3, progress=lambda *one: told.append(one))
    assert told[-1] == ("fixed", 3, 3)


def test_pairs_are_prefixes_and_skips_are_no_targets():
    found = pairs([track(i) for i in range(4)], flat([[0, 1, 2], [3]], [[1.0, -1.0, 1.0], [1.0]]))
    assert [([s.track for s in p.recent], p.target) for p in found] == [([track(0), track(1)], track(2))]


def test_public_sessions_are_learned_and_scored_through_the_saved_bundle(tmp_path: Path):
    rng = np.random.default_rng(0)
    sessions = [rng.choice(np.arange(s % 2, 60, 2), 6, replace=False).tolist() for s in range(120)]
    pq.write_table(pa.table({"session_id": range(len(sessions)), "tracks": sessions}), tmp_path / "train.parquet")
    asked = {"context": [s[:3] for s in sessions[:40]], "target": [s[3] for s in sessions[:40]]}
    asked["context"].append([999])
    asked["target"].append(12345)
    pq.write_table(pa.table(asked), tmp_path / "test.parquet")
    config = ModelConfig(dim=16, epochs=2)
    found = public(tmp_path / "train.parquet", tmp_path / "test.parquet", config)
    assert found["pairs"] == 41
    assert found["p@20"] > 40, "half of the 60 tracks are right, a third of all is given"
    assert set(found["on_a_sample"]) == {"segue", "popular", "cooccurrence", "session_knn"}
