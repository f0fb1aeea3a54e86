"""What stood near the recent tracks in sessions, each number on sessions small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.unit.checkerboard import flat
from training.data.cooccurrence import Cooccurrence
from training.recommend.evidence import Evidence, evidence

TRACKS = 10


def of(sessions: Sequence[Sequence[int]], heard: Sequence[int]) -> Evidence:
    kept = flat(sessions)
    together = Cooccurrence.build(kept.offsets, kept.items, TRACKS)
    return evidence(together, np.array(heard), np.ones(len(heard), dtype=np.float32))


def about(found: Evidence, name: str) -> dict[int, float]:
    return dict(zip(found.candidates.tolist(), getattr(found, name).tolist(), strict=True))


def test_a_run_is_what_came_directly_before_in_the_same_order():
    run = about(of([[1, 2, 3, 4], [2, 3, 5], [9, 3, 6], [1, 2, 7, 3, 8]], [1, 2, 3]), "run")
    assert [run[track] for track in (4, 5, 6, 8)] == [3, 2, 1, 1]
    assert run[7] == 0


def test_a_run_does_not_reach_into_the_session_before():
    assert about(of([[1, 2], [3, 4]], [1, 2, 3]), "run")[4] == 1


def test_longer_runs_weigh_more_and_what_came_next_shares_one():
    after = about(of([[1, 2, 4], [3, 2, 5], [3, 2, 5]], [1, 2]), "after_run")
    assert after[4] == pytest.approx(4 / 6)
    assert after[5] == pytest.approx(2 / 6)
    assert after[1] == after[3] == 0


def test_the_most_alike_session_says_where_and_when_a_track_stood_in_it():
    found = of([[1, 2, 3, 8], [9, 8, 3], [0, 0]], [1, 2, 3])
    assert about(found, "alike_gap")[8] == 1
    assert about(found, "alike_when")[8] == 0
    assert about(found, "alike_back")[8] == 0
    assert about(found, "alike_when")[9] == pytest.approx(1 / 3)
    assert about(found, "alike_gap")[9] == -2


def test_of_sessions_alike_the_newest_counts():
    assert about(of([[1, 5], [1, 4, 5], [0, 0]], [1]), "alike_gap")[5] == 2


def test_what_followed_directly_in_a_session_like_this_one_is_told_from_what_did_so_elsewhere():
    overlap = about(of([[1, 2, 3, 4], [3, 5]], [1, 2, 3]), "overlap_after")
    assert overlap[4] > overlap[5] > 0
    assert overlap[1] == 0


def test_the_soonest_step_behind_the_newest_counts():
    soonest = about(of([[3, 0, 4], [3, 4], [5, 3, 0]], [3]), "soonest")
    assert soonest == {0: 1.0, 4: 1.0, 5: 0.0}
    assert about(of([[3, 0, 4]], [3]), "soonest")[4] == 0.5


def test_fresh_sessions_outweigh_many_old_ones():
    fresh = about(of([[1, 2]] * 5 + [[0, 9]] * 50 + [[1, 3]], [1]), "fresh")
    assert fresh[3] > 5 * fresh[2]


def test_nothing_near_is_said_of_what_never_stood_anywhere():
    found = of([[1, 2]], [7])
    assert not len(found.candidates)
    assert all(not len(values) for name, values in found._asdict().items() if name != "seeds")


def test_more_may_have_been_heard_than_all_sessions_hold():
    assert about(of([[1, 2]], [5, 6, 7, 8, 9, 0, 1]), "run") == {2: 1.0}
