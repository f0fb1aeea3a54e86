"""A session that goes on and on: it never runs dry, never repeats while there is something else, never sticks to an artist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from infra.models import TrackId
from serving.listening.steering import Steering, radio, steered
from tests.unit.checkerboard import liked, track, two_sounds
from training.data.signals import Signal
from training.recommend.baselines import SoundNeighbours
from training.recommend.endless import endless, spread
from training.recommend.recommender import SessionRecommender

PLAYED = 300
MINUTES_4 = 240_000


def library(n: int, artists: int) -> tuple[SessionRecommender, dict[TrackId, str]]:
    names = {track(i): f"artist {i % artists}" for i in range(n)}
    vectors = dict(zip(names, two_sounds(n).tolist(), strict=True))
    return SoundNeighbours(vectors, names, dict.fromkeys(names, "")), names


def session(
    recommender: SessionRecommender, artists: dict[TrackId, str], *, barred: Sequence[TrackId] = ()
) -> list[TrackId]:
    """What is played when the first answer is played each time, every third one skipped."""
    played: list[TrackId] = []
    heard: list[Signal] = []
    for number in range(PLAYED):
        answer = endless(recommender, heard, 20, barred=barred, without=played, artists=artists)
        assert answer, f"dry after {number}"
        assert len({one.track for one in answer}) == len(answer)
        played.append(answer[0].track)
        weight = -0.8 if number % 3 == 2 else 1.0
        heard = [*heard, Signal(played[-1], weight, number * MINUTES_4)][-200:]
    return played


def test_a_long_session_in_a_large_library_never_repeats_nor_sticks_to_an_artist():
    recommender, artists = library(1_200, 40)
    played = session(recommender, artists)
    assert len(set(played)) == PLAYED
    assert all(artists[a] != artists[b] for a, b in pairwise(played))
    assert len({artists[one] for one in played[:40]}) >= 10


@pytest.mark.parametrize("artists", [4, 19])
def test_a_long_session_in_a_small_library_goes_on_and_what_comes_back_is_the_oldest(artists: int):
    recommender, names = library(19, artists)
    played = session(recommender, names)
    # The last new one may wait until it follows another artist.
    assert len(set(played[:22])) == 19
    for place, one in enumerate(played):
        assert one not in played[max(place - 9, 0) : place]
    assert all(names[a] != names[b] for a, b in pairwise(played))


def test_what_is_barred_never_comes_back_however_small_the_library():
    recommender, artists = library(6, 6)
    assert track(3) not in session(recommender, artists, barred=[track(3)])
    assert endless(recommender, [], 5, barred=list(artists), without=[], artists=artists) == []


def test_a_library_of_one_track_plays_it_again():
    recommender, artists = library(1, 1)
    assert set(session(recommender, artists)) == {track(0)}


def test_what_is_unplayed_comes_before_what_comes_back():
    recommender, artists = library(19, 19)
    without = [track(i) for i in range(12)]
    answer = [one.track for one in endless(recommender, liked(0, 1), 12, barred=(), without=without, artists=artists)]
    assert set(answer[:7]) == {track(i) for i in range(12, 19)}
    assert set(answer[7:]) == {track(i) for i in range(5)}


def by_letter(text: str) -> str:
    return text[0] if text[0] != "_" else ""


@pytest.mark.parametrize(
    ("given", "after", "expected"),
    [
        ("a1 a2 b1 c1", "", "a1 b1 a2 c1"),
        ("a1 b1 c1", "a", "b1 a1 c1"),
        ("b1 c1 a1 a2 a3", "", "a1 b1 a2 c1 a3"),
        ("a1 a2 a3", "a", "a1 a2 a3"),
        ("_1 _2 a1", "", "_1 _2 a1"),
    ],
)
def test_artists_take_turns(given: str, after: str, expected: str):
    assert spread(given.split(), by_letter, 10, after=after) == expected.split()


@pytest.mark.parametrize(("towards", "wanted"), [(2, 0), (3, 1)])
@pytest.mark.parametrize("steer", ["towards", "away", "seeds"])
def test_a_session_goes_where_it_is_steered(towards: int, wanted: int, steer: str):
    recommender, artists = library(60, 60)
    signals: dict[str, Callable[[], Steering]] = {
        "towards": lambda: Steering(towards=(track(towards),)),
        "away": lambda: Steering(away=tuple(track(i) for i in range(5 - towards, 11, 2))),
        "seeds": lambda: Steering(seeds=(track(towards), track(towards + 2))),
    }
    asked = signals[steer]()
    recent = steered(liked(0, 1), asked, 10)
    answer = endless(recommender, recent, 10, barred=(), without=asked.kept_back, artists=artists)
    assert not {one.track for one in answer} & {*asked.seeds, *asked.towards, *asked.away}
    sounds = [int(one.track[1:]) % 2 for one in answer]
    assert sounds.count(wanted) >= 7


def test_a_radio_keeps_what_pushes_and_forgets_what_pulls():
    recent = [Signal(track(0), 1.0, 1), Signal(track(1), -1.0, 2)]
    assert [(s.track, s.weight, s.heard) for s in radio([track(5)], recent, 9)] == [
        (track(0), 0.0, True),
        (track(1), -1.0, True),
        (track(5), 1.0, False),
    ]
