"""The normaliser: scaler and PCA, kept as plain lists."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from etl.features import FEATURE_NAMES, MFCC_VALUES
from etl.normalise import Normaliser


@pytest.fixture
def values() -> NDArray[np.float64]:
    """Sixty tracks whose MFCCs vary in five directions, in natural units."""
    random = np.random.default_rng(1)
    mixed = random.normal(size=(60, 5)) @ random.normal(size=(5, MFCC_VALUES)) * 50
    rest = random.normal(size=(60, len(FEATURE_NAMES) - MFCC_VALUES)) * [400, 100, 0.02, 0.01] + [2000, 500, 0.1, 0.05]
    return np.hstack([mixed + random.normal(size=mixed.shape), rest])


def test_vectors_have_unit_length_and_keep_95_percent_of_the_variance(values: NDArray[np.float64]):
    normaliser = Normaliser.fit(values)
    vectors = normaliser.transform(values)
    assert vectors.shape == (60, normaliser.width)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert normaliser.width == 5 + 4
    standard = ((values - values.mean(0)) / values.std(0))[:, :MFCC_VALUES]
    kept = standard @ np.asarray(normaliser.components).T
    assert kept.var(axis=0).sum() >= 0.95 * standard.var(axis=0).sum()


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
