"""From cosines to merits: known answers for agreement, for what skips leave, and for the time of the day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.recommend.ranking import Ranking, agreement, near_hour, remembered_skips, repulsion

HOUR_MS = 3_600_000


def left(cosines: list[float], strengths: list[float], exponent: float = 1.0) -> float:
    of = np.array([cosines], dtype=np.float32)
    return float(repulsion(of, np.array(strengths, dtype=np.float32), exponent)[0])


def test_near_one_seed_beats_halfway_to_two():
    found, by_seed = agreement(np.array([[1.0, 0.0], [0.5, 0.5]], dtype=np.float32), np.ones(2, dtype=np.float32))
    assert found[0] > found[1]
    assert by_seed[0].argmax() == 0


def test_a_skip_at_once_takes_more_than_a_later_one():
    assert left([0.9], [0.96]) < left([0.9], [0.3]) < 1


def test_a_skip_takes_more_from_what_is_nearer():
    assert left([0.9], [1.0]) < left([0.5], [1.0]) < left([-0.5], [1.0])


def test_three_skips_take_more_than_one():
    assert left([0.7] * 3, [1.0] * 3) < left([0.7], [1.0])


def test_a_skip_among_finished_tracks_takes_less_than_a_skip_alone():
    assert left([0.8, 0.8, 0.8], [1.0, -1.0, -1.0]) > 2 * left([0.8], [1.0])


@pytest.mark.parametrize("of", [repulsion, remembered_skips])
def test_nothing_is_taken_without_skips_and_never_all_of_it(of: Callable[..., np.ndarray]):
    cosines = np.linspace(-1, 1, 10, dtype=np.float32)[:, None]
    assert (of(cosines[:, :0], np.empty(0, dtype=np.float32), 2.0) == 1).all()
    assert (of(cosines, np.array([-1.0], dtype=np.float32), 2.0) == 1).all()
    many = of(np.repeat(cosines, 200, axis=1), np.ones(200, dtype=np.float32), 2.0)
    assert (many > 0).all()
    assert (many < 1).all()


def test_an_exponent_of_zero_switches_skips_off():
    assert left([1.0], [1.0], 0.0) == 1


def test_hours_are_near_across_midnight_and_days():
    now = 23 * HOUR_MS
    near = near_hour(np.array([now, now + 26 * HOUR_MS, now - 24 * 9 * HOUR_MS, 11 * HOUR_MS]), now)
    assert near[0] == near[2] == pytest.approx(1)
    assert near[1] == pytest.approx(near_hour(np.array([21 * HOUR_MS]), now)[0])
    assert near[3] < 0.01


def test_by_merit_alone_allows_repeats_and_pleases_nobody():
    plain = Ranking(agreement=0.4).by_merit_alone()
    assert plain.allow_repeats
    assert plain.only_merit
    assert plain.model_copy(update={"allow_repeats": False}).only_merit
    assert Ranking(allow_repeats=True).only_merit
    assert not Ranking().only_merit
    assert plain.agreement == 0.4
    assert (plain.artist_share, plain.album_share) == (1, 1)
    assert plain.diversity == plain.tastes == plain.never_played == plain.weariness == 0
