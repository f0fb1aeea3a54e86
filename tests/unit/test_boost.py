"""Trees that are really grown, on sessions whose order is known: tracks on a circle, each mostly followed by the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from infra.models import TrackId
from tests.unit.checkerboard import flat, library
from training.data.dataset import TrainingData
from training.data.signals import Signal
from training.data.vectors import Floats
from training.judge.evaluate import Pair, evaluate, pairs
from training.learn import boost, course
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.ranking import Ranking
from training.recommend.recommender import SessionRecommender

TRACKS = 40
CONFIG = ModelConfig(dim=16, epochs=2, ranking=Ranking().by_merit_alone())


def walks(number: int, seed: int) -> list[list[int]]:
    """Sessions of six tracks, five of six steps to the next on the circle, the others anywhere."""
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random((number, 6)) < 5 / 6, 1, rng.integers(TRACKS, size=(number, 6)))
    return (np.cumsum(steps, axis=1) % TRACKS).tolist()


def asked(data: TrainingData, number: int, seed: int) -> list[Pair]:
    return pairs(data.track_ids, flat(walks(number, seed)))


def as_before(questions: boost.Questions) -> float:
    return boost.reciprocal_rank(questions, -np.arange(len(questions.right), dtype=np.float64))


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Few answers are enough, for few and small trees."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "FEWEST_LATER", 20)
        patch.setattr(boost, "FEWEST_ANSWERS", 100)
        patch.setattr(boost, "TREES", 8)
        patch.setattr(boost, "LEAST_IN_LEAF", 20)
        yield


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return library(TRACKS, walks(150, seed=1))


@pytest.fixture(scope="module")
def many() -> TrainingData:
    """Enough for `learn` to set some aside for the trees."""
    return library(TRACKS, walks(260, seed=1))


@pytest.fixture(scope="module")
def learned(many: TrainingData) -> SessionRecommender:
    return course.learn(CONFIG, many)


@pytest.fixture(scope="module")
def plain(data: TrainingData) -> SessionRecommender:
    return SessionRecommender.build(fit(CONFIG, data), data, CONFIG.ranking, seed=CONFIG.seed)


def test_the_arrays_answer_as_the_library_that_grew_the_trees():
    rng = np.random.default_rng(4)
    traits = rng.normal(size=(3_000, 6)).astype(np.float32)
    right = traits[:, 0] + traits[:, 1] * traits[:, 2] + rng.normal(size=3_000) > 1
    booster = HistGradientBoostingClassifier(max_iter=10, max_depth=8, early_stopping=False, random_state=4)
    booster.fit(traits[:2_000], right[:2_000])
    apart = booster.decision_function(traits) - boost._as_arrays(booster)(traits)
    np.testing.assert_allclose(apart, apart[0], atol=1e-5)
    assert np.ptp(booster.decision_function(traits)) > 1


def test_trees_put_answers_they_have_not_seen_in_a_better_order(plain: SessionRecommender, data: TrainingData):
    trees = boost.boost(plain, asked(data, 60, seed=2), CONFIG.seed)
    assert trees is not None
    unseen = boost.ask(plain, asked(data, 40, seed=3), lambda _name, _done, _of: None)
    assert boost.reciprocal_rank(unseen, trees(unseen.traits)) > as_before(unseen) + 0.1


class Unknowing(SessionRecommender):
    """Another one's candidates, with traits that say nothing: so much noise and no more."""

    def __init__(self, of: SessionRecommender, noise: float) -> None:
        self._of, self._noise, self._rng = of, noise, np.random.default_rng(5)

    def considered(self, recent: Sequence[Signal]) -> tuple[list[TrackId], Floats]:
        tracks, known = self._of.considered(recent)
        return tracks, (self._noise * self._rng.normal(size=known.shape)).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 1.0], ids=["all the same", "noise"])
def test_no_trees_are_kept_where_traits_say_nothing(plain: SessionRecommender, data: TrainingData, noise: float):
    assert boost.boost(Unknowing(plain, noise), asked(data, 60, seed=2), CONFIG.seed) is None


def test_too_few_answers_grow_no_trees(plain: SessionRecommender, data: TrainingData):
    assert boost.boost(plain, asked(data, 19, seed=2), CONFIG.seed) is None


def test_with_trees_what_comes_next_stands_further_ahead(many: TrainingData, learned: SessionRecommender):
    untreed = CONFIG.model_copy(update={"ranking": CONFIG.ranking.model_copy(update={"reranked": 0})})
    with_trees, without = (
        evaluate(one, asked(many, 40, seed=3)).reciprocal_rank for one in (learned, course.learn(untreed, many))
    )
    assert with_trees > without + 0.1


def test_the_same_seed_gives_the_same_bundle_trees_included(
    many: TrainingData, learned: SessionRecommender, tmp_path: Path
):
    one, other = files(learned, tmp_path / "one"), files(course.learn(CONFIG, many), tmp_path / "other")
    assert "reranker-threshold.npy" in one
    assert one == other


def files(recommender: SessionRecommender, folder: Path) -> dict[str, bytes]:
    """Those of its bundle, by name."""
    recommender.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}
