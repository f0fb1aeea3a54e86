"""What answers are like: figures whose values can be told by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.checkerboard import library, liked, track
from training.judge.variety import Answers, Variety


def told(
    *answers: tuple[int, ...], d: int = 8, heard: tuple[int, ...] = (), vectors: np.ndarray | None = None
) -> Variety:
    """Of a library of ten tracks by ten artists, of which 0 was played three times and 1 skipped once."""
    of = Answers(library(10, [[0, 0, 0, 1]], weights=[[1.0, 1.0, 1.0, -1.0]], d=d), vectors)
    for answer in answers:
        of.take(liked(*heard), [track(place) for place in answer])
    return of.variety()


def test_coverage_counts_every_track_once():
    assert told((0, 1), (1, 2)).coverage == pytest.approx(3 / 10)


def test_entropy_of_the_artists_of_one_answer_in_bits():
    assert told((0, 1, 2)).artist_entropy == pytest.approx(np.log2(3))
    assert told((0,), (1,)).artist_entropy == 0


def test_novelty_is_less_for_what_is_played_more():
    assert told((0,)).novelty == pytest.approx(-np.log2(4 / 13))
    assert told((5,)).novelty == pytest.approx(-np.log2(1 / 13))
    assert told((0, 5)).novelty == pytest.approx(-np.log2(4 / 13) / 2 - np.log2(1 / 13) / 2)


def test_distance_is_that_of_the_pairs_in_an_answer():
    vectors = np.eye(10, dtype=np.float32)
    vectors[1] = 5 * vectors[0]
    assert told((0, 1), vectors=vectors).intra_list_distance == pytest.approx(0, abs=1e-6)
    assert told((0, 2), vectors=vectors).intra_list_distance == pytest.approx(1)
    assert told((0, 1, 2), vectors=vectors).intra_list_distance == pytest.approx(2 / 3)


def test_distance_is_of_the_sound_unless_said_and_unknown_without_any():
    assert told((0, 2)).intra_list_distance < told((0, 1)).intra_list_distance
    assert told((0, 1), d=0).intra_list_distance is None


def test_repeats_are_what_was_heard_before():
    assert told((0, 1, 2, 3), (4, 5, 6, 7), heard=(1, 2)).repeat_rate == pytest.approx(2 / 8)


def test_a_skipped_track_has_been_played():
    assert told((0, 1, 2, 3)).never_played == pytest.approx(2 / 4)


def test_without_data_only_repeats_are_known():
    answers = Answers(None)
    answers.take(liked(1), [track(1), track(2)])
    found = answers.variety()
    assert found.repeat_rate == pytest.approx(1 / 2)
    assert found.artist_entropy is found.intra_list_distance is found.never_played is None


def test_no_answers_are_no_fault():
    assert told().coverage == 0
