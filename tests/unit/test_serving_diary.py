"""A history that is read once: what came since is added, and whatever else changed is noticed."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from infra.errors import StoreError
from infra.events import PlayEvent
from infra.models import UserId
from infra.store import StoredPlay
from serving.listening.diary import MOST_ANSWERS, Diaries, Diary
from tests.data.records import play, track_id
from training.data.signals import signals

ME = UserId("me")


class Plays:
    """Stored events of listeners, and what was asked of them."""

    def __init__(self) -> None:
        self.stored: list[tuple[int, PlayEvent]] = []
        self.changes = 0
        self.asked: list[int] = []
        self.given = 0
        self.gate = threading.Event()
        self.gate.set()
        self._clock = itertools.count(1_000_000, 20_000)

    def put(self, *events: PlayEvent) -> None:
        moment = next(self._clock)
        self.stored += [(moment, event) for event in events]

    def written_since(self, user: UserId, moment_ms: int) -> Iterator[tuple[int, StoredPlay]]:
        self.gate.wait(5)
        self.asked.append(moment_ms)
        for moment, e in self.stored:
            if e.user == user and moment >= moment_ms:
                self.given += 1
                told = (str(e.event_id), e.user, e.track, e.kind, e.position_ms, e.duration_ms, e.at_ms, e.private)
                yield moment, StoredPlay(*told)

    def amendments(self, user: UserId) -> int:
        return self.changes if user == ME else 0

    def has(self, event: UUID) -> bool:
        return any(e.event_id == event for _, e in self.stored)


@pytest.fixture
def plays() -> Plays:
    return Plays()


@pytest.fixture
def diaries(plays: Plays) -> Iterator[Diaries]:
    opened = Diaries(plays, most_events=30, patience_s=2)
    yield opened
    opened.close()


def diary(diaries: Diaries, user: UserId = ME) -> Diary:
    return asyncio.run(diaries.of(user))


def told(found: Diary) -> list[tuple[str, str, int, bool]]:
    return [(one.track, one.kind, one.furthest_ms, one.private) for one in found.listenings]


def test_events_become_listenings(diaries: Diaries, plays: Plays):
    events = [
        play("a", kind="started", position_ms=0),
        play("a", kind="progress", minute=1, position_ms=60_000),
        play("a", kind="skipped", minute=2, position_ms=40_000),
        play("b", kind="started", minute=3, position_ms=0, private=True),
        play("b", kind="finished", minute=6),
        play("a", kind="liked", minute=7, position_ms=0),
        play("c", kind="liked", minute=8, position_ms=0),
        play("a", kind="started", minute=9, position_ms=0),
    ]
    plays.put(*events)
    found = diary(diaries)
    assert told(found) == [
        (track_id("a"), "skipped", 60_000, False),
        (track_id("b"), "started", 0, True),
        (track_id("b"), "finished", 180_000, False),
        (track_id("c"), "liked", 0, False),
        (track_id("a"), "started", 0, False),
    ]
    assert [one.says for one in found.listenings][:4] == [1.0, 0.0, 1.0, 1.0]
    assert found.listenings[0].events == [e.event_id for e in (*events[:3], events[5])]


@pytest.mark.parametrize(
    ("events", "listened_s"),
    [
        ([("started", 0, 0), ("finished", 3, 180)], 180),
        ([("finished", 3, 180)], 180),
        ([("started", 0, 0), ("skipped", 0.1, 170)], 6),
        ([("started", 0, 0), ("progress", 0.5, 30), ("finished", 60, 180)], 180),
        ([("started", 0, 0), ("progress", 2, 120), ("progress", 3, 20), ("finished", 6, 180)], 300),
        ([("started", 0, 90), ("finished", 1.5, 180)], 90),
        ([("started", 0, 0), ("liked", 1, 60), ("finished", 3, 180), ("liked", 9, 0)], 180),
    ],
    ids=["whole", "told of at its end", "sought past", "paused", "gone back", "from the middle", "liked"],
)
def test_what_was_sought_past_was_not_listened_to(
    diaries: Diaries, plays: Plays, events: list[tuple[str, float, int]], listened_s: int
):
    made = [play("a", kind=kind, minute=minute, position_ms=at_s * 1000) for kind, minute, at_s in events]
    plays.put(*made)
    (found,) = diary(diaries).listenings
    assert found.listened_ms == listened_s * 1000
    alone = len(made) == 1
    assert found.started_ms == made[0].at_ms - (made[0].position_ms if alone else 0)


def test_what_was_private_and_what_was_not_say_no_more_than_is_learned_from_them(diaries: Diaries, plays: Plays):
    events = [
        play("a", private=True),
        play("b"),
        play("a", kind="liked", minute=5, position_ms=0),
        play("b", kind="disliked", minute=6, position_ms=0, private=True),
    ]
    plays.put(*events)
    found = [one for one in diary(diaries).listenings if not one.private]
    learned = [(one.track, one.weight, one.heard) for one in signals(events)]
    assert (
        [(one.track, one.says, one.heard) for one in found]
        == learned
        == [
            (track_id("b"), 1.0, True),
            (track_id("a"), 1.0, False),
        ]
    )
    secret = [one for one in diary(diaries).listenings if one.private]
    assert [(one.track, one.says, one.heard) for one in secret] == [
        (track_id("a"), 0.0, True),
        (track_id("b"), 0.0, False),
    ]


def test_an_opinion_said_long_afterwards_does_not_change_when_it_was_heard(diaries: Diaries, plays: Plays):
    heard = play("a")
    plays.put(heard, play("a", kind="liked", minute=50_000, position_ms=0))
    (found,) = diary(diaries).listenings
    assert (found.at_ms, found.began_ms, found.says) == (heard.at_ms, heard.at_ms - heard.position_ms, 1.0)


def test_what_is_asked_while_others_ask_is_answered():
    found = Diary([])

    def crowded() -> str:
        for n in range(2 * MOST_ANSWERS):
            found.once(n, lambda: "another")
        return "mine"

    assert found.once("me", crowded) == "mine"
    assert found.once("me", lambda: "again") == "mine"


def test_only_what_came_since_is_read_again(diaries: Diaries, plays: Plays):
    plays.put(*(play(f"{n}", minute=n) for n in range(20)))
    plays.put(play("20", minute=20))
    first = diary(diaries)
    assert diary(diaries) is first
    plays.put(play("new", minute=50))
    given = plays.given
    assert [one.track for one in diary(diaries).listenings][-1] == track_id("new")
    assert plays.given - given == 2
    assert plays.asked.count(0) == 1


def test_an_older_play_that_comes_late_stands_in_its_place(diaries: Diaries, plays: Plays):
    plays.put(play("a", minute=1), play("c", minute=9))
    diary(diaries)
    plays.put(play("b", minute=5))
    assert [one.track for one in diary(diaries).listenings] == [track_id(name) for name in "abc"]


def test_what_became_private_or_was_taken_back_is_noticed(diaries: Diaries, plays: Plays):
    event, liked = play("a"), play("b", kind="liked", minute=4, position_ms=0)
    plays.put(event, liked, play("c", minute=9))
    diary(diaries)
    plays.stored[0] = (plays.stored[0][0], event.model_copy(update={"private": True}))
    del plays.stored[1]
    plays.changes += 1
    assert told(diary(diaries)) == [
        (track_id("a"), "finished", 180_000, True),
        (track_id("c"), "finished", 180_000, False),
    ]


def test_a_listener_who_was_forgotten_elsewhere_has_no_past(diaries: Diaries, plays: Plays):
    plays.put(play("a"))
    assert diary(diaries).listenings
    plays.stored.clear()
    assert not diary(diaries).listenings
    plays.put(play("b", minute=-9))
    assert [one.track for one in diary(diaries).listenings] == [track_id("b")]


def test_a_play_from_a_clock_far_ahead_is_passed_over(diaries: Diaries, plays: Plays):
    plays.put(play("ahead", at=datetime(2150, 1, 1, tzinfo=UTC)))
    diary(diaries)
    plays.put(play("a"))
    assert [one.track for one in diary(diaries).listenings] == [track_id("a")]


def test_who_was_not_asked_of_for_longest_is_let_go(diaries: Diaries, plays: Plays):
    users = [UserId(f"user {n}") for n in range(4)]
    plays.put(*(play(f"{n}", user=user, minute=n) for user in users for n in range(10)))
    found = [diary(diaries, user) for user in users]
    assert diary(diaries, users[3]) is found[3]
    assert diary(diaries, users[0]) is not found[0]


def test_many_who_ask_at_once_share_a_reading_and_a_store_that_hangs_is_told_of(diaries: Diaries, plays: Plays):
    plays.put(play("a"))
    plays.gate.clear()

    async def ask() -> list[Diary | BaseException]:
        return await asyncio.gather(*(diaries.of(ME) for _ in range(20)), return_exceptions=True)

    began = time.monotonic()
    assert {type(one) for one in asyncio.run(ask())} == {StoreError}
    assert time.monotonic() - began < 4
    plays.gate.set()
    assert len(diary(diaries).listenings) == 1
    assert len(plays.asked) <= 3
