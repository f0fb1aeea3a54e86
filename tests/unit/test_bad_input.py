"""Libraries and histories that nobody would ask for: a model of some sense or an error that names the track and the fix."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from etl.sound.features import FEATURE_NAMES
from etl.sound.normalise import Normaliser
from infra.errors import BundleError, TrainingError
from infra.models import Recommendation, TrackId
from tests.unit.checkerboard import checkerboard, flat, library, liked, track
from tests.unit.test_dataset import sessions, tracks
from training.data.dataset import Segments, TrainingData, load
from training.data.signals import Signal
from training.judge.evaluate import Pair, evaluate, pairs
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.recommender import Recommender, SessionRecommender

CONFIG = ModelConfig(dim=8, epochs=1)
FAR_AHEAD = 2**62
NAN, INF = math.nan, math.inf
WIDTH = len(FEATURE_NAMES)


def trained(data: TrainingData, config: ModelConfig = CONFIG) -> SessionRecommender:
    figures: list[float] = []
    fitted = fit(config, data, lambda _epoch, told: figures.extend(told.values()))
    assert np.isfinite(figures).all()
    assert np.isfinite(fitted.items).all()
    return SessionRecommender.build(fitted, data, config.ranking, seed=1)


def asked(
    of: Recommender, recent: Sequence[Signal], n: int = 5, exclude: Collection[TrackId] = ()
) -> list[Recommendation]:
    """The answer, which is of numbers and of known tracks that are not excluded, each once."""
    answer = of.next_tracks(recent, n, exclude)
    found = [one.track for one in answer]
    assert len(found) == len(set(found)) <= max(n, 0)
    assert not set(found) & set(exclude)
    assert all(math.isfinite(one.score) for one in answer)
    assert all(set(one.because.tracks) <= {s.track for s in recent} for one in answer)
    return answer


LIBRARIES: dict[str, TrainingData] = {
    "one track": library(1),
    "one track, played": library(1, [[0]]),
    "one track, 1,000 times": library(1, [[0] * 1_000]),
    "one track without sound": library(1, [[0, 0]], d=0),
    "no sound and no plays": library(5, d=0),
    "no plays": library(5),
    "one part each": library(5, parts=1),
    "one session": library(6, [[0, 1, 2]]),
    "one session of one": library(6, [[3]]),
    "sessions of one": library(6, [[i % 6] for i in range(40)]),
    "empty sessions": library(6, [[], [], []]),
    "a track 1,000 times in a row": library(6, [[0] * 1_000, [1, 2]]),
    "two tracks in turn, 1,000 times": library(6, [[0, 1] * 1_000]),
    "the same session 100 times": library(6, [[0, 1, 2]] * 100),
    "only skips": library(6, [[0, 1, 2], [3, 4]], weights=[[-1.0] * 3, [-1.0] * 2]),
    "a skip first": library(6, [[0, 1, 2]], weights=[[-1.0, 1.0, 1.0]]),
    "weights of 0": library(6, [[0, 1, 2], [3, 4]], weights=[[0.0] * 3, [0.0] * 2]),
    "the least of weights": library(6, [[0, 1, 2]], weights=[[1e-30] * 3]),
    "all plays held out": library(6, holdout=[[0, 1, 2], [3, 4]]),
    "held-out sessions of one": library(6, [[0, 1]], holdout=[[0], [1]]),
    "held-out skips": replace(library(6, [[0, 1]]), holdout=flat([[0, 1], [2, 3]], [[1.0, -1.0], [0.0, 1.0]])),
    "one sound": replace(library(6, [[0, 1, 2]]), sound=np.tile(library(1).sound, (6, 1))),
    "sounds of zeros": replace(library(6, [[0, 1, 2]]), sound=np.zeros((6, 8), dtype=np.float32)),
    "one track with a sound": replace(
        library(6, [[0, 1, 2]]),
        sound=np.pad(library(1).sound, ((0, 5), (0, 0))),
        segments=Segments(np.array([0, 3, 3, 3, 3, 3, 3]), library(1).segments.vectors),
    ),
    "parts of zeros": replace(
        library(6, [[0, 1]]), segments=Segments(np.arange(7) * 2, np.zeros((12, 8), dtype=np.float32))
    ),
    "one artist and album": replace(checkerboard(12, 10), artists=["x"] * 12, albums=["y"] * 12),
}


@pytest.fixture(scope="module", params=LIBRARIES)
def poor(request: pytest.FixtureRequest) -> tuple[TrainingData, SessionRecommender]:
    """A library of which little can be learned, and what was."""
    data = LIBRARIES[request.param]
    return data, trained(data)


class TestPoorLibraries:
    def test_every_track_can_be_recommended(self, poor: tuple[TrainingData, SessionRecommender]):
        data, recommender = poor
        everything = [one.track for one in asked(recommender, [], 10_000)]
        assert sorted(everything) == sorted(data.track_ids)

    def test_what_is_left_is_recommended_whatever_was_heard(self, poor: tuple[TrainingData, SessionRecommender]):
        data, recommender = poor
        ids = [track(i) for i in range(len(data.track_ids))]
        for recent in (liked(0), liked(*range(len(ids))), [Signal(one, -1.0, 0) for one in ids]):
            assert asked(recommender, recent)
            assert not asked(recommender, recent, exclude=ids)
            assert [one.track for one in asked(recommender, recent, exclude=ids[1:])] in ([ids[0]], [])

    def test_similar_tracks_are_numbers_too(self, poor: tuple[TrainingData, SessionRecommender]):
        data, recommender = poor
        found = recommender.similar(track(0), 100)
        assert len({one.track for one in found} | {track(0)}) == len(data.track_ids) == len(found) + 1
        assert all(math.isfinite(one.score) for one in found)

    def test_the_bundle_answers_the_same(self, poor: tuple[TrainingData, SessionRecommender], tmp_path: Path):
        _, recommender = poor
        recommender.save(tmp_path)
        assert SessionRecommender.load(tmp_path).next_tracks(liked(0), 5) == recommender.next_tracks(liked(0), 5)

    def test_a_new_track_is_taken(self, poor: tuple[TrainingData, SessionRecommender]):
        data, recommender = poor
        wider = recommender.with_tracks({TrackId("new"): [1.0] * data.sound.shape[1]})
        assert "new" in {one.track for one in asked(wider, [], 10_000)}

    def test_it_can_be_scored(self, poor: tuple[TrainingData, SessionRecommender]):
        data, recommender = poor
        for held in (pairs(data.track_ids, data.train), [Pair([], TrackId("unknown")), Pair(liked(0), track(0))]):
            if held:
                figures = evaluate(recommender, held[:50], data=data).figures()
                assert all(math.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("seed", range(8))
def test_sessions_drawn_at_random_make_a_model_of_numbers(seed: int):
    """Any mixture of lengths, repeats, skips, zeros and missing sounds, small enough to reach the corners."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    drawn = [rng.integers(0, n, rng.integers(0, 9)).tolist() for _ in range(rng.integers(0, 30))]
    weights = [rng.choice([-1.0, -0.3, 0.0, 1e-6, 0.5, 1.0], len(session)).tolist() for session in drawn]
    data = library(n, drawn, weights=weights, d=int(rng.choice([0, 8])), parts=int(rng.integers(0, 3)))
    data.sound[rng.random(n) < 0.3] = 0.0
    recommender = trained(data)
    for _ in range(20):
        heard = [
            Signal(track(int(place)), float(weight), 0)
            for place, weight in zip(rng.integers(0, n + 2, 6), rng.uniform(-1, 1, 6), strict=True)
        ]
        excluded = {track(int(place)) for place in rng.integers(0, n, rng.integers(0, n + 1))}
        asked(recommender, heard, int(rng.integers(0, n + 3)), excluded)


@pytest.fixture(scope="module")
def model() -> SessionRecommender:
    return trained(checkerboard(24, 40))


@pytest.fixture(scope="module")
def large() -> SessionRecommender:
    """With trees: more tracks than are ranked whole."""
    return trained(library(2_500, [[0, 2, 4], [1, 3, 5]]))


@pytest.fixture(scope="module")
def normaliser() -> Normaliser:
    return Normaliser.fit(np.random.default_rng(0).normal(size=(12, WIDTH)))


class TestHistories:
    """What a listener's clients may send, to a model that has learned something."""

    @pytest.mark.parametrize(
        "recent",
        [
            [Signal(track(0), NAN, 0), *liked(2)],
            [Signal(track(0), NAN, 0), Signal(track(1), -1.0, 0), *liked(2)],
            [Signal(track(0), INF, 0), Signal(track(1), -INF, 0)],
            [Signal(track(0), 1e-45, 0)],
            [Signal(track(0), -1e-45, 0), *liked(2)],
            [Signal(track(0), 1e30, 0)],
            [Signal(track(0), 1.0, FAR_AHEAD), Signal(track(1), 1.0, -FAR_AHEAD)],
            liked(0, 2) * 500,
            [Signal(TrackId("unknown"), 1.0, at) for at in range(1_000)],
            [*liked(*range(24)), *(Signal(track(i), -1.0, 99) for i in range(24))],
        ],
        ids=[
            "nan",
            "nan and skip",
            "inf",
            "tiny",
            "tiny skip",
            "huge",
            "clocks",
            "duplicates",
            "unknown",
            "all skipped",
        ],
    )
    def test_odd_signals_have_an_answer(self, model: SessionRecommender, recent: list[Signal]):
        assert len(asked(model, recent, 5)) == 5

    def test_the_time_on_a_signal_is_no_reason(self, model: SessionRecommender):
        ahead = [Signal(s.track, s.weight, FAR_AHEAD) for s in liked(0, 2)]
        assert model.next_tracks(ahead, 5) == model.next_tracks(liked(0, 2), 5)

    def test_a_signal_of_weight_0_neither_pulls_nor_pushes(self, model: SessionRecommender):
        beside = model.next_tracks([Signal(track(5), 0.0, 0), *liked(0, 2)], 20, exclude=[track(5)])
        assert beside == model.next_tracks(liked(0, 2), 20, exclude=[track(5)])

    @pytest.mark.parametrize("n", [0, -1, -(10**12)])
    def test_fewer_than_one_is_none(self, model: SessionRecommender, large: SessionRecommender, n: int):
        for one in (model, large):
            assert one.next_tracks(liked(0), n) == []
            assert one.next_tracks([], n) == []
            assert one.similar(track(0), n) == []

    @pytest.mark.parametrize("n", [2_500, 10**6, 10**12])
    def test_more_than_there_are_is_all_there_are(self, large: SessionRecommender, n: int):
        assert len(asked(large, liked(0), n)) == 2_499
        assert len(large.similar(track(0), n)) == 2_499

    def test_all_but_one_excluded_leaves_one(self, large: SessionRecommender):
        left = track(2_000)
        answer = asked(large, liked(0), 20, exclude=set(large.tracks) - {left})
        assert [one.track for one in answer] == [left]

    def test_everything_excluded_leaves_nothing(self, large: SessionRecommender):
        for recent in ([], liked(0), [Signal(track(1), -1.0, 0)]):
            assert large.next_tracks(recent, 20, exclude=large.tracks) == []

    @pytest.mark.parametrize("wrong", [NAN, INF, -INF])
    def test_a_new_track_of_no_number_is_named(self, model: SessionRecommender, wrong: float):
        with pytest.raises(TrainingError, match=r"track new: .*ingest it again"):
            model.with_tracks({TrackId("new"): [*[0.0] * 7, wrong]})

    @pytest.mark.parametrize("length", [0, 7, 9])
    def test_a_new_track_of_another_length_is_named(self, model: SessionRecommender, length: int):
        with pytest.raises(BundleError, match=rf"track new: a sound vector of {length} values.*train again"):
            model.with_tracks({TrackId("new"): [0.5] * length})

    def test_scoring_without_a_pair_says_so(self, model: SessionRecommender):
        with pytest.raises(TrainingError, match="no held-out plays"):
            evaluate(model, [])


class TestFit:
    """What stops before the first step, and how it says so."""

    def test_no_tracks(self):
        with pytest.raises(TrainingError, match="segue ingest"):
            fit(CONFIG, library(0))

    @pytest.mark.parametrize("wrong", [NAN, INF, -INF])
    def test_a_sound_of_no_number(self, wrong: float):
        data = library(5, [[0, 1, 2]])
        data.sound[3, 2] = wrong
        with pytest.raises(TrainingError, match=r"track t003: .*ingest it again"):
            fit(CONFIG, data)

    @pytest.mark.parametrize("wrong", [NAN, INF, -INF])
    def test_a_part_of_no_number(self, wrong: float):
        data = library(5, [[0, 1, 2]])
        data.segments.vectors[3 * 3 + 1, 2] = wrong
        with pytest.raises(TrainingError, match=r"track t003: .*ingest it again"):
            fit(CONFIG, data)


class TestLoad:
    """What Spark may have written."""

    @staticmethod
    def row(name: str, **changes: Any) -> dict[str, Any]:
        return {"id": name, "artist": "", "album": "", "vector": [0.6, 0.8], "segments": None} | changes

    @pytest.mark.parametrize("wrong", [NAN, INF, -INF])
    def test_a_vector_of_no_number_leaves_its_track_out(
        self, tmp_path: Path, wrong: float, caplog: pytest.LogCaptureFixture
    ):
        rows = [self.row("good"), self.row("broken", vector=[1.0, wrong])]
        assert load(tracks(tmp_path, rows), sessions(tmp_path, []), None).track_ids == ["good"]
        assert "track broken is left out" in caplog.text

    @pytest.mark.parametrize("wrong", [NAN, INF, -INF])
    def test_without_a_track_of_numbers_there_is_nothing_to_learn(
        self, tmp_path: Path, normaliser: Normaliser, wrong: float, caplog: pytest.LogCaptureFixture
    ):
        parts = [[0.0] * WIDTH, [0.0] * (WIDTH - 1) + [wrong]]
        with pytest.raises(TrainingError, match="there are no tracks to learn from"):
            load(tracks(tmp_path, [self.row("broken", segments=parts)]), sessions(tmp_path, []), normaliser)
        assert "track broken is left out" in caplog.text

    def test_vectors_of_different_length(self, tmp_path: Path):
        rows = [self.row("good"), self.row("longer", vector=[0.6, 0.8, 0.0])]
        with pytest.raises(TrainingError, match=r"track longer: .*normalise"):
            load(tracks(tmp_path, rows), sessions(tmp_path, []), None)

    @pytest.mark.parametrize("lengths", [(WIDTH, WIDTH - 1), (WIDTH + 1, WIDTH + 1)])
    def test_parts_of_another_length_leave_their_track_out(
        self, tmp_path: Path, normaliser: Normaliser, lengths: tuple[int, int], caplog: pytest.LogCaptureFixture
    ):
        rows = [self.row("good", segments=[[0.0] * WIDTH]), self.row("odd", segments=[[0.0] * n for n in lengths])]
        assert load(tracks(tmp_path, rows), sessions(tmp_path, []), normaliser).track_ids == ["good"]
        assert "track odd is left out" in caplog.text

    def test_weights_of_no_number_and_beyond_the_scale(self, tmp_path: Path):
        rows = [self.row(name) for name in "abcd"]
        written = sessions(tmp_path, [(["a", "b", "c", "d"], [NAN, INF, 7.0, -7.0], FAR_AHEAD, "train")])
        data = load(tracks(tmp_path, rows), written, None)
        assert data.train.items.tolist() == [2, 3]
        assert data.train.weights.tolist() == [1.0, -1.0]

    def test_sessions_of_unknown_tracks_alone(self, tmp_path: Path):
        written = sessions(tmp_path, [(["gone", "away"], [1.0, 1.0], 10, split) for split in ("train", "holdout")])
        data = load(tracks(tmp_path, [self.row("a"), self.row("b")]), written, None)
        assert data.train.items.tolist() == data.holdout.items.tolist() == []
        assert {one.track for one in asked(trained(data), liked(0), 5)} == {"a", "b"}
