from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from infra.bus import PARTITIONS, Delivery, Lag, partition_of
from infra.clock import to_ms
from infra.errors import BusError, StoreError
from infra.events import OPINIONS, PlayEvent, Withdrawal, encode
from infra.models import TrackId, UserId
from serving.recent.ends import SharedEnds
from serving.recent.listener import OF_ITS_OWN, Listener, TrackNumbers
from serving.recent.listeners import Listeners
from serving.recent.live import Live
from serving.recent.taste import taste_of
from tests.data.records import START, play, track_id

ME = UserId("me")
NOW_MS = to_ms(START)


class Topic:
    """A topic in memory: what is put on it is acknowledged at once and delivered when a test lets it."""

    def __init__(self) -> None:
        self.ends: dict[int, int] = {}
        self.waiting: queue.Queue[Delivery] = queue.Queue()
        self.flowing = threading.Event()
        self.flowing.set()
        self.away = False

    def put(self, user: str, value: bytes | None) -> None:
        partition = partition_of(user)
        offset = self.ends.get(partition, 0)
        self.ends[partition] = offset + 1
        self.waiting.put(Delivery(user, value, partition, offset))

    def play(self, event: PlayEvent) -> PlayEvent:
        self.put(event.user, encode(event))
        return event


class Reader:
    """Reads a `Topic` the way the reader of Kafka does."""

    def __init__(self, topic: Topic) -> None:
        if topic.away:
            raise BusError("away")
        self._topic = topic
        self._positions: dict[int, int] = {}

    def poll(self) -> list[Delivery]:
        try:
            delivery = self._topic.waiting.get(timeout=0.01)
        except queue.Empty:
            return []
        self._topic.flowing.wait(5)
        return [delivery]

    def done(self, deliveries: Sequence[Delivery]) -> None:
        for d in deliveries:
            self._positions[d.partition] = d.offset + 1

    def partition(self, user: str) -> int:
        return partition_of(user)

    def ends(self) -> dict[int, int]:
        if self._topic.away:
            raise BusError("away")
        return {partition: self._topic.ends.get(partition, 0) for partition in range(PARTITIONS)}

    def position(self, partition: int) -> int:
        return self._positions.get(partition, 0)

    def lag(self, _ends: Mapping[int, int]) -> Lag:
        return Lag(self._topic.waiting.qsize(), 0)

    def close(self) -> None:
        pass


class Stored:
    """What MongoDB holds, newest first."""

    def __init__(self) -> None:
        self.events: list[PlayEvent] = []
        self.away = False

    def history(self, user: UserId, limit: int) -> tuple[list[PlayEvent], None]:
        if self.away:
            raise StoreError("away")
        mine = [e for e in self.events if e.user == user]
        return sorted(mine, key=lambda e: e.at, reverse=True)[:limit], None

    def opinions(self, user: UserId, limit: int) -> list[PlayEvent]:
        return [e for e in self.history(user, len(self.events))[0] if e.kind in OPINIONS][:limit]


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def stored() -> Stored:
    return Stored()


@pytest.fixture
def live(topic: Topic, stored: Stored) -> Iterator[Live]:
    three = 3 * (OF_ITS_OWN + 200)
    opened = Live(lambda: Reader(topic), stored, events=10, listeners=Listeners(10, most_bytes=three))
    opened.start()
    until(lambda: opened.reading)
    yield opened
    opened.close()


def until(true: Callable[[], bool]) -> None:
    for _ in range(300):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come true within 3 s")


def ids(live: Live, user: UserId = ME) -> list[str]:
    return [str(e.event_id) for e in asyncio.run(live.recent(user)).events()]


def barred(live: Live) -> frozenset[TrackId]:
    return taste_of(asyncio.run(live.recent(ME)), NOW_MS).barred


def test_what_was_acknowledged_is_in_the_next_answer(live: Live, topic: Topic):
    for minute in range(5):
        event = topic.play(play("one", minute=minute))
        assert asyncio.run(live.recent(ME)).as_of == event.event_id


def test_an_answer_waits_for_an_event_that_is_on_its_way(live: Live, topic: Topic):
    topic.flowing.clear()
    event = topic.play(play("one"))
    threading.Timer(0.2, topic.flowing.set).start()
    assert asyncio.run(live.recent(ME)).as_of == event.event_id


def test_an_answer_does_not_wait_for_ever(live: Live, topic: Topic):
    topic.flowing.clear()
    topic.play(play("one"))
    began = time.monotonic()
    assert asyncio.run(live.recent(ME)).as_of is None
    assert time.monotonic() - began < 2
    topic.flowing.set()


def test_a_play_that_becomes_private_stays_where_it_is(live: Live, topic: Topic, stored: Stored):
    old, new = play("one"), play("two", minute=1)
    stored.events = [old]
    topic.play(new)
    assert ids(live) == [str(old.event_id), str(new.event_id)]
    topic.play(old.model_copy(update={"private": True}))
    topic.play(old)
    found = asyncio.run(live.recent(ME))
    assert [(e.event_id, e.private) for e in found.events()] == [(old.event_id, True), (new.event_id, False)]
    changes = found.changes
    topic.play(old.model_copy(update={"private": True}))
    assert asyncio.run(live.recent(ME)).changes == changes


def test_a_play_that_is_sent_again_from_before_it_became_private_stays_private(
    live: Live, topic: Topic, stored: Stored
):
    sent = play("one")
    stored.events = [sent.model_copy(update={"private": True})]
    topic.play(sent)
    assert [(e.event_id, e.private) for e in asyncio.run(live.recent(ME)).events()] == [(sent.event_id, True)]


@pytest.mark.parametrize("known", [True, False])
def test_private_copies_of_plays_from_long_ago_push_nothing_out(live: Live, topic: Topic, stored: Stored, known: bool):
    stored.events = [play(f"{n}", minute=n) for n in range(30)]
    newest = [str(e.event_id) for e in stored.events[-10:]]
    if known:
        assert ids(live) == newest
    for event in stored.events[:9]:
        topic.play(event.model_copy(update={"private": True}))
    assert ids(live) == newest


@pytest.mark.parametrize("known", [True, False])
def test_an_opinion_that_is_taken_back_was_never_there(live: Live, topic: Topic, stored: Stored, known: bool):
    stored.events = [play("one", kind="disliked"), *(play("two", minute=1 + n) for n in range(20))]
    topic.play(play("three", kind="disliked", minute=30))
    if known:
        assert barred(live) == {track_id("one"), track_id("three")}
    for name in ("one", "three"):
        topic.put(ME, encode(Withdrawal(withdraws="opinion", user=ME, track=track_id(name))))
    assert barred(live) == frozenset()
    again = topic.play(play("one", kind="disliked", minute=40))
    assert barred(live) == {again.track}


def test_stored_and_live_events_are_one_list_with_each_event_once(live: Live, topic: Topic, stored: Stored):
    old, both, new = (play("one", minute=n) for n in range(3))
    stored.events = [old, both]
    topic.play(both)
    topic.play(new)
    topic.play(new)
    assert ids(live) == [str(e.event_id) for e in (old, both, new)]


def test_events_come_back_as_they_were(live: Live, topic: Topic):
    event = topic.play(play("one", kind="skipped", position_ms=1234, private=True))
    [found] = asyncio.run(live.recent(ME)).events()
    assert found == event


def test_a_message_without_a_value_forgets_the_listener(live: Live, topic: Topic, stored: Stored):
    stored.events = [topic.play(play("one")), play("two")]
    assert len(ids(live)) == 2
    topic.put(ME, None)
    assert ids(live) == []
    after = topic.play(play("three"))
    assert ids(live) == [str(after.event_id)]


def test_the_number_of_events_and_of_listeners_is_bounded(live: Live, topic: Topic):
    newest = [topic.play(play("one", minute=n)) for n in range(25)][-10:]
    assert ids(live) == [str(e.event_id) for e in newest]
    for user in ("a", "b", "c", "d"):
        topic.play(play("one", user=user))
        ids(live, UserId(user))
    assert len(live) == 3
    assert ids(live) == []


def test_likes_and_dislikes_are_known_when_newer_events_have_pushed_them_out(live: Live, topic: Topic, stored: Stored):
    stored.events = [play("stored", kind="disliked"), *(play("one", minute=m) for m in range(1, 20))]
    assert barred(live) == {track_id("stored")}
    for minute, (track, kind) in enumerate([("lately", "disliked"), ("lifted", "disliked"), ("lifted", "liked")]):
        topic.play(play(track, kind=kind, minute=20 + minute))
    for minute in range(30, 50):
        topic.play(play("one", minute=minute))
    assert len(ids(live)) == 10
    assert barred(live) == {track_id("stored"), track_id("lately")}
    topic.play(play("stored", kind="liked", minute=60))
    assert barred(live) == {track_id("lately")}


def test_an_unreadable_event_stops_nothing(live: Live, topic: Topic):
    topic.put(ME, b"{not json")
    event = topic.play(play("one"))
    assert ids(live) == [str(event.event_id)]


def test_without_mongodb_the_live_events_answer_and_the_stored_ones_come_later(
    live: Live, topic: Topic, stored: Stored
):
    old = play("old")
    stored.events, stored.away = [old], True
    new = topic.play(play("new", minute=1))
    assert ids(live) == [str(new.event_id)]
    stored.away = False
    until(lambda: ids(live) == [str(old.event_id), str(new.event_id)])


def test_without_kafka_what_is_known_answers_quickly_and_reading_recovers(topic: Topic, stored: Stored):
    topic.away = True
    old = play("old")
    stored.events = [old]
    live = Live(lambda: Reader(topic), stored)
    live.start()
    try:
        began = time.monotonic()
        assert ids(live) == [str(old.event_id)]
        assert time.monotonic() - began < 0.5
        assert not live.reading
        topic.away = False
        until(lambda: live.reading)
        new = topic.play(play("new"))
        assert ids(live) == [str(old.event_id), str(new.event_id)]
    finally:
        live.close()


def test_a_listener_s_events_are_small():
    listener = Listener(TrackNumbers(), 500)
    for minute in range(600):
        listener.take(play(f"track {minute % 7}", minute=minute))
    assert len(listener) == 500
    assert len(listener._packed) <= 500 * 40


def test_many_listeners_are_kept_in_a_bounded_amount_of_memory():
    listeners = Listeners(500, most_bytes=1_000_000)
    for n in range(3000):
        listeners.take(play("one", user=f"listener {n}"))
    assert 1_000 < len(listeners) < 2_000
    assert listeners.recent(UserId("listener 2999")).as_of is not None
    assert not listeners.recent(UserId("listener 0")).packed


def test_tracks_that_nobody_names_any_more_are_struck_out():
    listeners = Listeners(2, most_named_bytes=50 * 161)
    for n in range(48):
        listeners.take(play(f"track {n}", user="other"))
    liked, *newest = [play("loved", kind="liked"), *(play(f"mine {n}", minute=n) for n in range(4))]
    for event in (liked, *newest):
        listeners.take(event)
    mine = listeners.recent(ME)
    assert mine.events() == newest[-2:]
    assert [opinion.track for opinion in mine.opinions()] == [liked.track]
    assert len(mine.numbers) < 10
    assert not listeners.recent(UserId("other")).packed


def test_a_listener_who_is_forgotten_takes_no_memory_for_what_was():
    listeners = Listeners(500, most_bytes=5_000)
    for round_ in range(20):
        for n in range(30):
            listeners.take(play("one", minute=round_ * 30 + n))
        listeners.begin_anew(ME)
        assert not listeners.recent(ME).events()
        assert listeners.loaded(ME)
    listeners.take(play("one", user="other"))
    assert len(listeners) == 2


class Slow:
    """A broker that takes its time; each answer is the number of its question."""

    def __init__(self) -> None:
        self.questions = 0
        self.free = threading.Event()

    def ends(self) -> dict[int, int]:
        self.questions += 1
        number = self.questions
        assert self.free.wait(5)
        return {0: number}


def test_those_who_wait_share_a_question_that_begins_after_they_came():
    async def ask() -> list[dict[int, int]]:
        first = asyncio.create_task(shared.of(slow))
        while not slow.questions:
            await asyncio.sleep(0.01)
        later = [asyncio.create_task(shared.of(slow)) for _ in range(3)]
        await asyncio.sleep(0.05)
        slow.free.set()
        return await asyncio.gather(first, *later)

    slow, shared = Slow(), SharedEnds()
    assert asyncio.run(ask()) == [{0: 1}, {0: 2}, {0: 2}, {0: 2}]
    assert slow.questions == 2
    shared.close()


def test_who_gives_up_does_not_take_the_answer_from_the_others():
    async def ask() -> dict[int, int]:
        first = asyncio.create_task(shared.of(slow))
        second = asyncio.create_task(shared.of(slow))
        while not slow.questions:
            await asyncio.sleep(0.01)
        first.cancel()
        slow.free.set()
        return await second

    slow, shared = Slow(), SharedEnds()
    assert asyncio.run(ask()) == {0: 1}
    shared.close()
