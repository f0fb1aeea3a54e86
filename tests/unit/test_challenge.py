from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from infra.models import Because, Recommendation, Scored, TrackId
from tests.unit.checkerboard import library, track
from training.data.signals import Signal
from training.judge.challenge import Champion, Questions, challenge
from training.judge.evaluate import Pair

SESSIONS, EACH = 60, 5
DATA = library(40)


class Answering:
    """Knows the right answer to a share of the sessions' questions, and gives it at one rank."""

    name = "answering"
    normaliser_version = 1

    def __init__(self, share: float, rank: int = 1, *, seed: int = 1, normaliser: int = 1) -> None:
        self.tracks = DATA.track_ids
        self.normaliser_version = normaliser
        self._known = np.random.default_rng(seed).random(SESSIONS) < share
        self._rank = rank

    def next_tracks(
        self,
        recent: Sequence[Signal],
        n: int,
        exclude: Collection[TrackId] = (),  # noqa: ARG002 - never asked to
    ) -> list[Recommendation]:
        wrong = [track(30 + i % 10) for i in range(n)]
        if self._known[recent[0].at_ms]:
            wrong[self._rank - 1] = track(1)
        return [Recommendation(track=one, score=1.0, because=Because(kind="popular")) for one in wrong]

    def similar(self, track: TrackId, n: int) -> list[Scored]:  # noqa: ARG002 - never asked to
        return []


def asked() -> Questions:
    pairs = [Pair([Signal(track(0), 1.0, session)], track(1)) for session in range(SESSIONS) for _ in range(EACH)]
    return Questions(pairs, np.repeat(np.arange(SESSIONS), EACH))


def decided(new: Answering, old: Answering) -> tuple[bool, str]:
    verdict = challenge(new, Champion("3", 0, old, ""), DATA, asked())
    return verdict.takes_over, verdict.why


def test_a_model_that_is_as_good_takes_over():
    took, why = decided(Answering(0.5), Answering(0.5))
    assert took
    assert "no worse, as far as 300 questions can tell" in why


def test_a_better_model_takes_over():
    took, why = decided(Answering(0.8), Answering(0.4))
    assert took
    assert "better by more than chance" in why


def test_a_worse_model_does_not():
    took, why = decided(Answering(0.4), Answering(0.8))
    assert not took
    assert "worse by more than chance" in why


def test_a_difference_within_chance_does_not_stop_a_model():
    new, old = Answering(0.5, seed=1), Answering(0.5, seed=2)
    mine, its = new._known.mean(), old._known.mean()
    worse, better = (new, old) if mine < its else (old, new)
    assert worse._known.mean() < better._known.mean()
    assert decided(worse, better)[0]


def test_as_many_found_but_ranked_worse_is_worse():
    took, why = decided(Answering(0.5, rank=10), Answering(0.5, rank=1))
    assert not took
    assert "ranked worse by more than chance" in why


def test_questions_of_one_session_count_as_one_witness():
    """Each session five times over makes nobody surer than the sessions alone would."""
    verdict = challenge(Answering(0.45, seed=3), Champion("3", 0, Answering(0.5, seed=4), ""), DATA, asked())
    once = Questions(asked().pairs[::EACH], np.arange(SESSIONS))
    alone = challenge(Answering(0.45, seed=3), Champion("3", 0, Answering(0.5, seed=4), ""), DATA, once)
    assert verdict.why.split(" points")[0] == alone.why.split(" points")[0]


def test_a_champion_of_another_normaliser_or_one_that_cannot_answer_gives_way():
    assert decided(Answering(0.1, normaliser=2), Answering(0.9))[0]
    verdict = challenge(Answering(0.1), Champion("3", 0, None, "it is cut short"), DATA, asked())
    assert (verdict.takes_over, verdict.why) == (True, "version 3 cannot be used: it is cut short")


def test_the_first_needs_no_rival_and_without_questions_the_wider_one_wins():
    assert challenge(Answering(0.1), None, DATA, asked()).why == "it is the first"
    nothing = Questions([], np.empty(0, dtype=np.int64))
    narrow = Answering(0.9)
    narrow.tracks = DATA.track_ids[:5]
    assert not challenge(narrow, Champion("3", 0, Answering(0.1), ""), DATA, nothing).takes_over
    assert challenge(Answering(0.1), Champion("3", 0, narrow, ""), DATA, nothing).takes_over


def test_a_champion_that_knows_a_forgotten_listener_goes_whatever_it_answers():
    champion = Champion("3", 0, Answering(0.9), "", knows_forgotten=True)
    verdict = challenge(Answering(0.2), champion, DATA, asked())
    assert verdict.takes_over
    assert verdict.why == "version 3 learned from a listener who was forgotten since"
