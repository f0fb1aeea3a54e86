from __future__ import annotations

import numpy as np
import pytest

from training.data.vectors import unit
from training.recommend.encoder import Content
from training.recommend.standins import ROWS_AT_ONCE, lent, placed

VECTORS = unit(np.array([[1, 0], [0, 1], [0.9, 0.1], [0.1, 0.9], [0, 0]], dtype=np.float32))
PLAYED = np.array([True, True, False, False, False])


def test_an_unplayed_track_is_lent_what_its_neighbours_have():
    shares = lent(np.array([0.8, 0.2, 0.0, 0.0, 0.0]), VECTORS, PLAYED)
    np.testing.assert_allclose(shares, [0, 0, 0.8, 0.2, 0], atol=0.01)


def test_nothing_is_lent_where_no_track_or_every_track_was_played():
    together = np.array([0.8, 0.2, 0.0, 0.0, 0.0])
    assert not lent(together, VECTORS, np.zeros(5, dtype=bool)).any()
    assert not lent(together, VECTORS, np.ones(5, dtype=bool)).any()


@pytest.fixture
def content() -> Content:
    """Sound (2,) as it is, in the first two of four dimensions."""
    weights = {
        "straight.weight": np.eye(4, 2),
        "up.weight": np.zeros((1, 2)),
        "up.bias": np.ones(1),
        "down.weight": np.full((4, 1), 0.01),
    }
    return Content({name: value.astype(np.float32) for name, value in weights.items()})


SOUNDS = np.array([[1, 0], [0, 1], [1, 0.1]], dtype=np.float32)
ITEMS = unit(np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, -9]], dtype=np.float32))
COUNTS = np.array([3, 3, 0])


def test_an_unplayed_track_stands_where_what_sounds_like_it_was_played(content: Content):
    sound = np.array([[0.9, 0.1], [0.1, 0.9], [0, 0]], dtype=np.float32)
    one, other, silent = placed(content, sound, SOUNDS, ITEMS.__getitem__, COUNTS)
    assert one @ ITEMS[0] > unit(content(sound[:1]))[0] @ ITEMS[0] > 0.6
    assert one[2] > 0.1 > abs(one[3])
    assert other[3] > 0.1 > abs(other[2])
    np.testing.assert_allclose([one @ one, other @ other], 1, atol=1e-5)
    assert not silent.any()


def test_without_plays_sound_alone_places_a_track(content: Content):
    sound = np.array([[0.9, 0.1], [0, 0]], dtype=np.float32)
    one, silent = placed(content, sound, SOUNDS, ITEMS.__getitem__, np.zeros(3, dtype=np.int64))
    np.testing.assert_allclose(one, unit(content(sound))[0])
    assert not silent.any()


def test_many_are_placed_as_one_is(content: Content):
    sound = np.random.default_rng(3).normal(size=(2 * ROWS_AT_ONCE + 1, 2)).astype(np.float32)
    many = placed(content, sound, SOUNDS, ITEMS.__getitem__, COUNTS)
    for row in (0, ROWS_AT_ONCE, len(sound) - 1):
        (one,) = placed(content, sound[[row]], SOUNDS, ITEMS.__getitem__, COUNTS)
        np.testing.assert_allclose(one, many[row], atol=1e-5)
