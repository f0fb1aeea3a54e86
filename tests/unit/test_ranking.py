"""How an order of merit becomes an answer that pleases: known answers for the spread over artists."""

from __future__ import annotations

import numpy as np
import pytest

from training.ranking import spread


def order(artists: str, merits: list[float], n: int) -> str:
    return "".join(artists[place] for place in spread(["" if a == "-" else a for a in artists], np.array(merits), n))


def test_tracks_of_equal_merit_take_turns_by_artist():
    assert order("aaabbbccc", [1.0] * 9, 6) == "abcabc"


def test_what_hardly_fits_is_never_put_before_what_fits_well():
    assert order("aaab", [0.9, 0.8, 0.7, 0.001], 4) == "aaab"


def test_a_little_less_merit_is_enough_to_come_between():
    assert order("aab", [1.0, 0.9, 0.8], 3) == "aba"


def test_tracks_without_an_artist_keep_their_order():
    assert spread([""] * 4, np.array([0.4, 0.3, 0.2, 0.1]), 3) == [0, 1, 2]


@pytest.mark.parametrize("n", [0, 1, 5, 9])
def test_every_place_comes_once_and_no_more_than_there_are(n: int):
    places = spread(["a", "a", "b", "", ""], np.array([0.5, 0.4, 0.3, 0.0, 0.0]), n)
    assert len(places) == len(set(places)) == min(n, 5)
