from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.events import PlayEvent
from training.data.signals import disliked, signals, weight

START = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = 200_000


def play(track: str, kind: Any, at_s: float, position_ms: int = 0, **more: Any) -> PlayEvent:
    return PlayEvent(
        event_id=uuid.uuid4(),
        user="me",
        track=track,
        kind=kind,
        position_ms=position_ms,
        duration_ms=LENGTH,
        at=START + timedelta(seconds=at_s),
        **more,
    )


def test_weight_of_a_skip_grows_with_its_position():
    assert weight("skipped", 5_000, LENGTH) == pytest.approx(-1, abs=0.05)
    assert weight("skipped", 180_000, LENGTH) == pytest.approx(0.5)
    at = [weight("skipped", p, LENGTH) for p in range(0, LENGTH, 10_000)]
    assert all(a <= b for a, b in itertools.pairwise(at))


@pytest.mark.parametrize("kind", ["started", "progress", "finished", "skipped", "liked", "disliked"])
@pytest.mark.parametrize(("position", "duration"), [(0, 0), (5_000, 0), (10**8, 1_000), (0, 1), (-5, 1_000)])
def test_weight_stays_between_minus_one_and_one(kind: str, position: int, duration: int):
    assert -1 <= weight(kind, position, duration) <= 1


def test_leaving_early_says_less_than_skipping_and_less_than_finishing():
    assert weight("skipped", 20_000, LENGTH) < weight("progress", 20_000, LENGTH) < 0
    assert weight("progress", LENGTH, LENGTH) < weight("finished", LENGTH, LENGTH) == 1


def test_one_listening_is_one_signal_with_its_final_state():
    plays = [
        play("a", "finished", 200, LENGTH),
        play("a", "started", 0),
        play("a", "progress", 30, 30_000),
        play("b", "started", 200),
        play("b", "skipped", 205, 5_000),
    ]
    found = signals(plays)
    assert [(s.track, s.weight > 0) for s in found] == [("a", True), ("b", False)]
    assert found[0].weight == 1
    assert found[0].at_ms == int((START + timedelta(seconds=200)).timestamp() * 1000)


def test_hearing_a_track_again_is_a_listening_of_its_own():
    plays = [
        play("a", "started", 0),
        play("a", "skipped", 5, 5_000),
        play("a", "started", 9),
        play("a", "finished", 99),
    ]
    assert [s.weight for s in signals(plays)] == [pytest.approx(-0.958, abs=0.01), 1]


def test_what_plays_now_is_wanted_and_what_was_left_before_it_is_not():
    plays = [play("a", "started", 0), play("a", "progress", 10, 10_000), play("b", "started", 20)]
    assert [(s.track, s.weight > 0) for s in signals(plays)] == [("a", False), ("b", True)]


@pytest.mark.parametrize(("kind", "expected"), [("liked", 1.0), ("disliked", -1.0)])
def test_opinion_overrides_the_newest_listening_and_makes_it_the_newest(kind: str, expected: float):
    plays = [
        play("a", "skipped", 1, 60_000),
        play("b", "finished", 2, LENGTH),
        play("a", kind, 3),
    ]
    assert [(s.track, s.weight) for s in signals(plays)] == [("b", 1.0), ("a", expected)]


def test_opinion_on_a_track_that_was_not_played_is_a_signal():
    assert [(s.track, s.weight) for s in signals([play("a", "liked", 0)])] == [("a", 1.0)]


def test_a_listening_knows_when_it_was_begun_and_that_it_was_heard():
    (found,) = signals([play("a", "started", 0), play("a", "finished", 200, LENGTH)])
    assert found.begun_ms == int(START.timestamp() * 1000)
    assert found.heard


def test_a_like_of_what_was_not_played_was_not_heard():
    found = signals([play("a", "liked", 0), play("b", "started", 1), play("b", "liked", 2)])
    assert [(s.track, s.heard) for s in found] == [("a", False), ("b", True)]


def test_private_plays_are_left_out_unless_asked_for():
    plays = [play("a", "finished", 0, private=True), play("b", "finished", 1)]
    assert [s.track for s in signals(plays)] == ["b"]
    assert [s.track for s in signals(plays, include_private=True)] == ["a", "b"]


def test_no_plays_no_signals():
    assert signals([]) == []
    assert disliked([]) == frozenset()


def test_a_later_like_lifts_a_dislike():
    plays = [play("a", "liked", 5), play("a", "disliked", 1), play("b", "liked", 1), play("b", "disliked", 2)]
    assert disliked(plays) == {"b"}
