from __future__ import annotations

from datetime import UTC, datetime

from infra.clock import to_ms
from infra.events import PlayEvent
from infra.models import UserId
from serving.recent.listener import Listener, TrackNumbers
from serving.recent.taste import PRIVATE_PLAYED, Taste, taste_of
from tests.data.records import START, play, track_id

NOW_MS = to_ms(START)
IN_2100 = datetime(2100, 1, 1, tzinfo=UTC)


def taste(*events: PlayEvent) -> Taste:
    listener = Listener(TrackNumbers(), 500)
    for event in events:
        listener.take(event)
    return taste_of(listener.recent(UserId("me")), NOW_MS)


def test_plays_from_a_clock_far_ahead_say_nothing():
    ahead = [play("a", at=IN_2100), play("b", kind="disliked", at=IN_2100)]
    now = [play("c"), play("d", kind="skipped", minute=3, position_ms=5_000)]
    known = taste(*ahead, *now)
    assert (known.signals, known.barred) == (taste(*now).signals, frozenset())
    assert known.as_of == now[-1].event_id


def test_a_clock_that_is_some_hours_ahead_is_believed():
    assert [s.track for s in taste(play("a", minute=20 * 60)).signals] == [track_id("a")]


def test_what_was_played_in_private_does_not_come_back_at_once_and_says_nothing():
    plays = [play(f"{i}", private=True, minute=i) for i in range(PRIVATE_PLAYED + 5)]
    known = taste(*plays)
    assert known.signals == []
    assert known.barred == {track_id(f"{i}") for i in range(5, PRIVATE_PLAYED + 5)}
