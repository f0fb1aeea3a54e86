"""The normaliser: scaler, weights and PCA, kept as plain lists."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from etl.sound.features import FAMILIES, FEATURE_NAMES
from etl.sound.normalise import WEIGHTS, Normaliser

N = len(FEATURE_NAMES)


@pytest.fixture
def values() -> NDArray[np.float64]:
    """Sixty tracks that vary in five directions, each value in its own unit."""
    random = np.random.default_rng(1)
    mixed = random.normal(size=(60, 5)) @ random.normal(size=(5, N)) + random.normal(size=(60, N)) / 10
    return mixed * np.geomspace(0.01, 400, N) + np.linspace(-300, 2000, N)


def test_vectors_have_unit_length_and_keep_95_percent_of_the_variance(values: NDArray[np.float64]):
    normaliser = Normaliser.fit(values)
    vectors = normaliser.transform(values)
    assert vectors.shape == (60, normaliser.width)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert normaliser.width == 5
    weighted = np.clip((values - values.mean(0)) / values.std(0), -3, 3) * WEIGHTS
    kept = weighted @ np.asarray(normaliser.components).T
    assert kept.var(axis=0).sum() >= 0.95 * weighted.var(axis=0).sum()


def test_a_family_weighs_the_same_however_many_values_it_has():
    edges = np.cumsum([0, *(len(f.names) for f in FAMILIES)])
    for (start, stop), family in zip(pairwise(edges), FAMILIES, strict=True):
        assert np.linalg.norm(WEIGHTS[start:stop]) == pytest.approx(family.weight)


def test_vectors_do_not_depend_on_the_units(values: NDArray[np.float64]):
    other = values * np.geomspace(1e-3, 1e3, N) - 7
    near = Normaliser.fit(values).transform(values) @ Normaliser.fit(values).transform(values).T
    again = Normaliser.fit(other).transform(other) @ Normaliser.fit(other).transform(other).T
    np.testing.assert_allclose(again, near, atol=1e-5)


def test_one_wild_value_does_not_rule_a_distance(values: NDArray[np.float64]):
    normaliser = Normaliser.fit(values)
    wild, wilder = values[:1].copy(), values[:1].copy()
    wild[0, 200], wilder[0, 200] = 1e9, 1e15
    np.testing.assert_array_equal(normaliser.transform(wild), normaliser.transform(wilder))
    assert normaliser.transform(wild)[0] @ normaliser.transform(values[:1])[0] > 0.9


def test_the_state_is_plain_and_gives_the_same_vectors(values: NDArray[np.float64]):
    normaliser = Normaliser.fit(values)
    again = Normaliser.from_state(json.loads(json.dumps(normaliser.to_state())))
    assert again == normaliser
    np.testing.assert_array_equal(again.transform(values), normaliser.transform(values))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_tracks_is_enough(values: NDArray[np.float64], n: int):
    vectors = Normaliser.fit(values[:n]).transform(values)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_copies_of_one_track_are_enough(values: NDArray[np.float64]):
    same = np.repeat(values[:1], 5, axis=0)
    vectors = Normaliser.fit(same).transform(same)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_nothing_to_fit_on_and_nothing_to_transform(values: NDArray[np.float64]):
    with pytest.raises(ValueError, match="no tracks"):
        Normaliser.fit([])
    normaliser = Normaliser.fit(values)
    assert normaliser.transform([]).shape == (0, normaliser.width)
