from __future__ import annotations

from training.due import LONGEST_PAUSE_MS, MINUTE_MS, RESUMED, SHARE, Attempt, Trained, due

NOW = 10_000 * MINUTE_MS
WANTED = 50


def decide(
    new: int,
    *,
    owed: bool = False,
    last: Trained | None = None,
    attempt: Attempt | None = None,
    now_ms: int = NOW,
    wanted: int = WANTED,
    answered: bool = False,
) -> bool:
    return due(wanted=wanted, new=new, owed=owed, last=last, attempt=attempt, now_ms=now_ms, answered=answered)


def tried(state: str, *, tries: int = 1, took_ms: int = 0) -> Attempt:
    ended_ms = 0 if state == "running" else NOW + took_ms
    begun = {"since": "3", "state": state, "tries": tries, "at_ms": NOW, "ended_ms": ended_ms}
    return Attempt.model_validate(begun)


def pause(state: str, tries: int, *, owed: bool = False) -> int:
    """Minutes until the same is begun again."""
    attempt = tried(state, tries=tries)
    return next(m for m in range(1_000) if decide(0, owed=owed, attempt=attempt, now_ms=NOW + m * MINUTE_MS))


def test_enough_new_plays_are_enough():
    assert not decide(WANTED - 1)
    assert decide(WANTED)


def test_switched_off_nothing_is_due():
    assert not decide(0, wanted=0)


def test_a_training_rests_until_it_took_its_share_of_the_time():
    last = Trained(ended_ms=NOW, took_ms=MINUTE_MS)
    assert not decide(WANTED, last=last, now_ms=NOW + (SHARE - 1) * MINUTE_MS - 1)
    assert decide(WANTED, last=last, now_ms=NOW + (SHARE - 1) * MINUTE_MS)


def test_a_forgotten_listener_waits_for_neither_plays_nor_rest():
    assert decide(0, owed=True, last=Trained(ended_ms=NOW, took_ms=MINUTE_MS))


def test_what_is_owed_still_after_a_training_that_answered_it_rests():
    last = Trained(ended_ms=NOW, took_ms=MINUTE_MS)
    assert not decide(0, owed=True, answered=True, last=last, now_ms=NOW + (SHARE - 1) * MINUTE_MS - 1)
    assert decide(0, owed=True, answered=True, last=last, now_ms=NOW + (SHARE - 1) * MINUTE_MS)


def test_a_failed_attempt_waits_for_as_many_plays_again_and_rests_too():
    attempt = tried("failed", took_ms=MINUTE_MS)
    assert not decide(WANTED - 1, attempt=attempt, now_ms=NOW * 2)
    assert not decide(WANTED, attempt=attempt, now_ms=NOW + SHARE * MINUTE_MS - 1)
    assert decide(WANTED, attempt=attempt, now_ms=NOW + SHARE * MINUTE_MS)


def test_a_failed_attempt_that_is_owed_is_repeated_after_pauses_that_grow():
    pauses = [pause("failed", tries, owed=True) for tries in (1, 2, 3)]
    assert pauses == sorted(set(pauses))


def test_a_killed_training_goes_on_at_once_then_after_pauses_that_grow():
    pauses = [pause("running", tries) for tries in range(1, RESUMED + 1)]
    assert pauses[0] == 0
    assert pauses == sorted(set(pauses))


def test_one_that_ended_with_its_service_goes_on_at_once():
    assert pause("running", 0) == 0


def test_a_part_that_is_away_is_waited_for_however_often():
    assert 0 < pause("away", 1) < pause("away", 2)
    assert pause("away", 50) == LONGEST_PAUSE_MS // MINUTE_MS


def test_one_that_is_always_killed_has_failed():
    attempt = tried("running", tries=RESUMED + 1)
    assert not decide(WANTED - 1, attempt=attempt, now_ms=NOW * 2)
    assert decide(WANTED, attempt=attempt, now_ms=NOW * 2)
