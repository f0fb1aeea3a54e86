"""How merits become an answer that pleases: known answers for artists, albums, likeness, unplayed tracks and rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from training.recommend.pleasing import NOBODY, Candidates, choose, rested
from training.recommend.ranking import Ranking

PLAIN = Ranking().by_merit_alone().model_copy(update={"allow_repeats": False})


def candidates(merits: Sequence[float], **known: np.ndarray) -> Candidates:
    """Nobody's tracks, unlike all others, all played, with no tastes to serve, but for what is `known`."""
    n = len(merits)
    nobody = np.full(n, NOBODY)
    return Candidates(
        merits=np.array(merits),
        artists=known.get("artists", nobody),
        albums=known.get("albums", nobody),
        vectors=known.get("vectors", np.eye(n, dtype=np.float32)),
        unplayed=known.get("unplayed", np.zeros(n, dtype=bool)),
        to_seeds=known.get("to_seeds", np.zeros((n, 0), dtype=np.float32)),
        demand=known.get("demand", np.zeros(0)),
    )


def chosen(merits: list[float], n: int, *, artists: str = "", albums: str = "", **ranking: float) -> list[int]:
    """Artists and albums are letters, "-" is nobody's."""
    artist_of, album_of = (
        np.array([NOBODY if one == "-" else ord(one) for one in names or "-" * len(merits)])
        for names in (artists, albums)
    )
    return choose(candidates(merits, artists=artist_of, albums=album_of), n, PLAIN.model_copy(update=ranking))


def by_artist(artists: str, merits: list[float], n: int) -> str:
    return "".join(artists[place] for place in chosen(merits, n, artists=artists, artist_share=0.5))


def test_by_merit_alone_the_order_is_that_of_the_merits():
    assert chosen([0.1, 0.4, 0.2, 0.4], 4, artists="aaaa", albums="xxxx") == [1, 3, 2, 0]


def test_tracks_of_equal_merit_take_turns_by_artist():
    assert by_artist("aaabbbccc", [1.0] * 9, 6) == "abcabc"


def test_what_hardly_fits_is_never_put_before_what_fits_well():
    assert by_artist("aaab", [0.9, 0.8, 0.7, 0.001], 4) == "aaab"


def test_a_little_less_merit_is_enough_to_come_between():
    assert by_artist("aab", [1.0, 0.9, 0.8], 3) == "aba"


def test_an_artist_with_its_share_gives_way_to_much_worse():
    answer = by_artist("aaaaaaaaaabbbbbccccc", [1.0] * 10 + [0.2] * 10, 10)
    assert answer.count("a") == 5


def test_an_album_with_its_share_gives_way_and_its_artist_need_not():
    answer = chosen([1.0] * 6 + [0.5] * 6, 6, artists="a" * 12, albums="xxxxxxyyyzzz", album_share=0.34)
    assert sorted("xxxxxxyyyzzz"[place] for place in answer) == ["x", "x", "x", "y", "y", "y"]


def test_tracks_without_an_artist_or_album_keep_their_order():
    assert chosen([0.4, 0.3, 0.2, 0.1], 3, artist_share=0.25, album_share=0.25) == [0, 1, 2]


def test_one_artist_alone_still_fills_the_answer():
    assert len(chosen([1.0] * 9, 9, artists="a" * 9, albums="x" * 9, artist_share=0.25, album_share=0.15)) == 9


def test_a_double_comes_after_something_else():
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    among = candidates([1.0, 0.9, 0.8], vectors=vectors)
    assert choose(among, 3, PLAIN) == [0, 1, 2]
    assert choose(among, 3, PLAIN.model_copy(update={"diversity": 0.3})) == [0, 2, 1]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.1, 2), (0.3, 6), (1.0, 20)])
def test_never_played_tracks_have_their_share_when_they_fit(share: float, expected: int):
    among = candidates(np.linspace(1, 0.5, 60).tolist(), unplayed=np.arange(60) >= 30)
    answer = choose(among, 20, PLAIN.model_copy(update={"never_played": share}))
    assert sum(place >= 30 for place in answer) == expected
    assert len(set(answer)) == 20


def test_never_played_tracks_that_do_not_fit_stay_out():
    among = candidates(np.geomspace(1, 0.001, 200).tolist(), unplayed=np.arange(200) >= 150)
    assert choose(among, 20, PLAIN.model_copy(update={"never_played": 0.5})) == list(range(20))


@pytest.mark.parametrize(("demand", "lesser"), [((1.0, 1.0), 5), ((1.0, 0.04), 1), ((1.0, 0.0), 0)])
def test_a_taste_that_is_wanted_less_has_its_turns_and_no_more(demand: tuple[float, float], lesser: int):
    merits = [1.0] * 30 + [0.001] * 30
    to_seeds = np.repeat(np.eye(2, dtype=np.float32), 30, axis=0)
    among = candidates(merits, to_seeds=to_seeds, demand=np.array(demand))
    answer = choose(among, 20, PLAIN.model_copy(update={"tastes": 0.25}))
    assert sum(place >= 30 for place in answer) == lesser


@pytest.mark.parametrize("n", [0, 1, 5, 9])
@pytest.mark.parametrize("ranking", [PLAIN, Ranking(), Ranking(never_played=1.0), Ranking(tastes=1.0)])
def test_every_place_comes_once_and_no_more_than_there_are(n: int, ranking: Ranking):
    owners = np.array([1, 1, 2, NOBODY, NOBODY])
    unplayed = np.array([True, False, False, False, True])
    two = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [1, 1]], dtype=np.float32)
    among = candidates(
        [0.5, 0.4, 0.3, 0.0, 0.0], artists=owners, albums=owners, unplayed=unplayed, to_seeds=two, demand=np.ones(2)
    )
    places = choose(among, n, ranking)
    assert len(places) == len(set(places)) == min(n, 5)


def test_what_was_heard_is_worth_less_the_newer_and_the_oftener():
    played = np.array([3, 1, *[9] * 100, 2, 3])
    never, once_long_ago, once_now, twice = rested(np.array([0, 1, 2, 3]), played, 0.5)
    assert never == 1 > once_long_ago > once_now > twice > 0
    assert (rested(np.array([0, 1, 2, 3]), played, 0.0) == 1).all()
