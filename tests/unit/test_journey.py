"""Ways through the space of vectors, and kinds of music among what somebody likes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from infra.models import TrackId
from tests.unit.checkerboard import track, two_sounds
from training.recommend.baselines import SoundNeighbours
from training.recommend.leanings import leanings
from training.recommend.recommender import SessionRecommender

DEGREES = 90


def arc(artists: int) -> SessionRecommender:
    """Ninety-one tracks along a quarter of a circle, a degree apart, each hardly off it."""
    angles = np.radians(np.arange(DEGREES + 1))
    vectors = np.stack([np.cos(angles), np.sin(angles), 0.01 * np.sin(9 * angles)], axis=1)
    names = {track(i): f"artist {i % artists}" for i in range(DEGREES + 1)}
    return SoundNeighbours(dict(zip(names, vectors.tolist(), strict=True)), names, dict.fromkeys(names, ""))


def degrees(
    recommender: SessionRecommender, start: int, end: int, n: int, exclude: tuple[TrackId, ...] = ()
) -> list[int]:
    found = recommender.journey(track(start), track(end), n, exclude)
    assert all(0 <= one.score <= 1 for one in found)
    return [int(one.track[1:]) for one in found]


@pytest.mark.parametrize(("start", "end"), [(0, 90), (90, 0), (10, 40)])
def test_steps_are_even_and_the_ends_exact(start: int, end: int):
    steps = degrees(arc(91), start, end, 11)
    assert (steps[0], steps[-1], len(steps)) == (start, end, 11)
    assert all(abs(b - a - (end - start) / 10) <= 1 for a, b in pairwise(steps))
    assert all(one.score > 0.7 for one in arc(91).journey(track(start), track(end), 11))


@pytest.mark.parametrize("artists", [2, 3, 7])
def test_no_artist_follows_themselves_on_the_way(artists: int):
    steps = degrees(arc(artists), 0, 89, 12)
    assert all(a % artists != b % artists for a, b in pairwise(steps))
    assert len(set(steps)) == 12


def test_what_is_barred_is_not_on_the_way_but_may_be_its_end():
    steps = degrees(arc(91), 0, 90, 10, tuple(track(i) for i in (0, 90, *range(5, 50))))
    assert (steps[0], steps[-1]) == (0, 90)
    assert not set(steps) & set(range(5, 50))


def test_a_library_smaller_than_the_way_is_on_it_whole():
    recommender = SoundNeighbours(dict(zip(map(track, range(5)), two_sounds(5).tolist(), strict=True)), {}, {})
    assert sorted(degrees(recommender, 0, 1, 50)) == [0, 1, 2, 3, 4]
    assert degrees(recommender, 0, 1, 2) == [0, 1]


def test_twins_and_opposites_have_a_way_too():
    vectors = {track(0): [1.0, 0.0], track(1): [1.0, 0.0], track(2): [-1.0, 0.0], track(3): [0.0, 1.0]}
    recommender = SoundNeighbours({k: tuple(v) for k, v in vectors.items()}, {}, {})
    assert len(degrees(recommender, 0, 1, 4)) == 4
    assert len(degrees(recommender, 0, 2, 4)) == 4


def test_two_kinds_of_music_are_told_apart_each_led_by_a_track_of_its_own():
    vectors = two_sounds(40)
    merits = np.where(np.arange(40) % 2 == 0, 2.0, 1.0) + np.arange(40) / 1000
    even, odd = leanings(vectors, merits, 2)
    assert set((even % 2).tolist()) == {0}
    assert set((odd % 2).tolist()) == {1}
    assert len(even) + len(odd) == 40
    assert even[0] == 38
    assert (np.diff(merits[even[1:]]) <= 0).all()


def test_one_kind_is_not_made_four():
    same = np.tile(two_sounds(1), (12, 1))
    assert [len(group) for group in leanings(same, np.ones(12), 4)] == [12]
    assert leanings(same[:0], np.ones(0), 4) == []
