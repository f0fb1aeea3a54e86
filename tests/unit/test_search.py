from __future__ import annotations

import numpy as np
import pytest

from infra.errors import TrainingError
from tests.unit.checkerboard import library
from training.learn.model import ModelConfig
from training.learn.search import FEWEST_SESSIONS, Trial, best_of, set_aside


def test_trials_are_judged_by_the_newest_train_sessions_and_never_by_the_held_out_ones():
    sessions = [[s % 20, (s + 2) % 20, (s + 4) % 20] for s in range(40)]
    data = library(20, sessions, holdout=[[1, 3, 5]])
    judged = set_aside(data)
    assert (judged.train.number, judged.holdout.number) == (36, 4)
    assert judged.holdout.items.tolist() == [item for s in sessions[36:] for item in s]
    assert judged.train.items.tolist() == [item for s in sessions[:36] for item in s]
    assert judged.counts.sum() == 36 * 3
    assert data.train.number == 40


def test_sessions_in_which_nothing_follows_are_no_questions():
    pairs, singles = [[0, 2]] * FEWEST_SESSIONS, [[4]] * 30
    judged = set_aside(library(6, [*pairs, *singles]))
    assert (np.diff(judged.holdout.wanted().offsets) > 1).sum() == FEWEST_SESSIONS * 0.1


def test_too_few_sessions_to_choose_by_are_named():
    with pytest.raises(TrainingError, match=r"19 sessions of two tracks or more are too few .* leave --tune out"):
        set_aside(library(6, [[0, 2]] * 19))


def trial(number: int, judged: float | None, state: str = "finished", reason: str = "") -> Trial:
    given = {"number": number, "parameters": {"lr": number / 1000}, "state": state, "judged": judged, "reason": reason}
    return Trial.model_validate(given)


def test_the_best_is_the_highest_and_of_equals_the_first():
    found = best_of([trial(1, 0.3), trial(2, 0.5), trial(3, 0.5), trial(4, 0.9, "failed", "died")])
    assert found.best.number == 2
    assert found.applied(ModelConfig(dim=64)) == ModelConfig(dim=64, lr=0.002)


def test_when_every_trial_failed_the_reasons_are_told():
    with pytest.raises(TrainingError, match="no trial came to an end: out of memory; no number"):
        best_of([trial(1, None, "failed", "out of memory"), trial(2, 0.1, "failed", "no number")])
