from __future__ import annotations

from training.due import MINUTE_MS, RESUMED, Attempt, due

NOW = 10_000 * MINUTE_MS


def decide(plays: int, *, learned: int = 100, attempt: Attempt | None = None, now_ms: int = NOW) -> bool:
    return due(wanted=50, plays=plays, learned=learned, attempt=attempt, now_ms=now_ms)


def tried(state: str, *, plays: int = 150, tries: int = 1) -> Attempt:
    return Attempt.model_validate({"plays": plays, "since": "3", "state": state, "tries": tries, "at_ms": NOW})


def test_enough_new_plays_are_enough():
    assert not decide(149)
    assert decide(150)


def test_plays_that_a_forgotten_listener_took_along_count_too():
    assert decide(50)


def test_a_failed_attempt_waits_for_as_many_plays_again():
    assert not decide(199, attempt=tried("failed"))
    assert decide(200, attempt=tried("failed"))


def test_a_killed_training_goes_on_at_once_then_after_pauses_that_grow():
    assert decide(151, attempt=tried("running"))
    pauses = []
    for tries in range(2, RESUMED + 1):
        attempt = tried("running", tries=tries)
        assert not decide(151, attempt=attempt)
        pauses.append(next(m for m in range(1, 1000) if decide(151, attempt=attempt, now_ms=NOW + m * MINUTE_MS)))
    assert pauses == sorted(set(pauses))


def test_one_that_is_always_killed_has_failed():
    attempt = tried("running", tries=RESUMED + 1)
    assert not decide(199, attempt=attempt, now_ms=NOW * 2)
    assert decide(200, attempt=attempt)
