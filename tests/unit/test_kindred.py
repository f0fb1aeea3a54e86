"""Sessions like the one that goes on: near it in the shared space, and what stood in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.unit.checkerboard import flat
from training.data.cooccurrence import Cooccurrence
from training.data.vectors import Floats, unit
from training.recommend.kindred import Kindred, indexed, kindred

VECTORS: Floats = np.array([[1, 0], [1, 0.2], [1, -0.2], [0, 1], [0.2, 1], [-1, 0]], dtype=np.float32)
EAST = np.array([1, 0], dtype=np.float32)
EVERY = np.arange(len(VECTORS))


def of(sessions: Sequence[Sequence[int]], newest: int = 10) -> Kindred:
    kept = flat(sessions)
    together = Cooccurrence.build(kept.offsets, kept.items, len(VECTORS))
    return kindred(EAST, indexed(together, unit(VECTORS), 7, newest), together)


def test_tracks_of_nearer_sessions_count_more_without_sharing_a_track():
    share, _, best = of([[0, 2], [3, 4], [0, 4]]).of(EVERY)
    assert share[2] > share[4] > share[3]
    assert best[2] > best[4] > best[3]
    assert share.sum() == pytest.approx(1)


def test_the_same_in_a_newer_session_is_fresher():
    share, fresh, _ = of([[0, 1], [0, 2]]).of(EVERY)
    assert share[1] == pytest.approx(share[2], rel=1e-5)
    assert fresh[2] > fresh[1]


def test_what_stands_in_none_of_them_has_no_share():
    share, fresh, best = of([[0, 1]]).of(np.array([1, 5, 3]))
    assert (share[1:] == 0).all()
    assert (fresh[1:] == 0).all()
    assert (best[1:] == -1).all()


def test_sessions_of_which_nothing_is_left_are_passed_over():
    found = of([[], [0, 1], []])
    assert found.candidates.tolist() == [0, 1]
    assert np.isfinite(found.share).all()


def test_only_the_newest_are_looked_among():
    assert of([[5], [0], [1, 2]], newest=2).candidates.tolist() == [0, 1, 2]


@pytest.mark.parametrize("sessions", [[], [[]]])
def test_without_sessions_there_are_none(sessions: list[list[int]]):
    assert not len(of(sessions).candidates)
    share, fresh, best = of(sessions).of(EVERY)
    assert not share.any()
    assert not fresh.any()
    assert (best == -1).all()


def test_without_a_query_there_are_none():
    assert not len(kindred(None, None, Cooccurrence.none(3)).candidates)
