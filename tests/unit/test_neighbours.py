from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unit.checkerboard import flat, library
from training.learn.model import ItemTable
from training.learn.neighbours import MOST, neighbours, windowed

SESSIONS = [[0, 1, 2], [0, 1], [3, 1, 3]]


def test_near_counts_are_one_over_the_steps_between_and_symmetric():
    counts = windowed(flat(SESSIONS), 5).toarray()
    np.testing.assert_array_equal(counts, counts.T)
    assert counts[0, 1] == 2
    assert counts[0, 2] == 0.5
    assert counts[3, 1] == 2
    assert not counts[4].any()


def test_sessions_do_not_run_into_each_other():
    assert windowed(flat([[0, 1], [2, 3]]), 4)[1, 2] == 0


def test_what_was_skipped_is_no_neighbour():
    assert windowed(flat([[0, 1, 2]], [[1.0, -1.0, 1.0]]), 3).toarray()[1].tolist() == [0, 0, 0]


def test_the_nearest_come_first_and_share_one():
    plays = np.array([2, 3, 1, 2, 0])
    around = neighbours(windowed(flat(SESSIONS), 5), plays)
    assert around.places[0, :2].tolist() == [1, 2]
    np.testing.assert_allclose(around.shares.sum(axis=1), [1, 1, 1, 1, 0], rtol=1e-6)
    assert (np.diff(around.shares, axis=1) <= 0).all()


def test_nobody_is_a_neighbour_of_itself():
    around = neighbours(windowed(flat(SESSIONS), 5), np.array([2, 3, 1, 2, 0]))
    lent = around.places[around.shares > 0]
    borrower = np.nonzero(around.shares)[0]
    assert len(lent)
    assert (lent != borrower).all()


def test_what_stands_near_everything_is_less_of_a_neighbour():
    sessions = flat([[0, 1], [0, 2]])
    assert neighbours(windowed(sessions, 3), np.array([2, 1, 50])).places[0, 0] == 1
    assert neighbours(windowed(sessions, 3), np.array([2, 50, 1])).places[0, 0] == 2


def test_only_so_many_neighbours_are_kept():
    around = neighbours(windowed(flat([[0, i] for i in range(1, 30)]), 30), np.ones(30, dtype=np.int64))
    assert around.places.shape == (30, MOST)
    assert (around.shares[0] > 0).all()


@pytest.mark.parametrize("plays", [1, 1_000])
def test_a_track_borrows_the_less_the_more_it_was_played(plays: int):
    data = library(2, [[0, 1]] + [[0]] * (plays - 1), d=0)
    around = neighbours(windowed(data.train, 2), data.counts)
    table = ItemTable(data, np.eye(2, dtype=np.float32), around, None, 0.5).eval()
    vector = table(torch.arange(2))[0].detach().numpy()
    assert vector[1] / vector[0] == pytest.approx(1 / (1 + np.exp(0.3 * np.log1p(plays))), rel=1e-5)


def test_borrowing_changes_from_step_to_step_in_training_only():
    torch.manual_seed(0)
    data = library(20, [[i, (i + 1) % 20, (i + 2) % 20] for i in range(20)], d=0)
    around = neighbours(windowed(data.train, 20), data.counts)
    table = ItemTable(data, np.eye(20, dtype=np.float32), around, None, 0.0)
    every = torch.arange(20)
    assert not torch.equal(table(every), table(every))
    table.eval()
    assert torch.equal(table(every), table(every))


def test_many_tracks_have_the_neighbours_that_few_would_have(monkeypatch: pytest.MonkeyPatch):
    sessions = flat([[i, (i * 7 + 1) % 50, (i * 3 + 2) % 50] for i in range(50)])
    counts, plays = windowed(sessions, 50), np.bincount(sessions.items, minlength=50)
    whole = neighbours(counts, plays)
    monkeypatch.setattr("training.learn.neighbours.ROWS_AT_ONCE", 7)
    for one, other in zip(neighbours(counts, plays), whole, strict=True):
        np.testing.assert_array_equal(one, other)
