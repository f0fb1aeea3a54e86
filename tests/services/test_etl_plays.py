"""The durable reader against the embedded Kafka and MongoDB."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import Producer

from etl.plays import run
from infra.bus import Bus, DeadLetters, Delivery, Letter, PlayProducer
from infra.events import PlayEvent, Said, Withdrawal, encode
from infra.models import UserId
from infra.services import Services
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.records import play

WAIT_S = 60


@contextlib.contextmanager
def reading(store: Store, bus: Bus) -> Iterator[None]:
    """The reader at work in a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(store, bus, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(WAIT_S)
    assert not thread.is_alive()


@pytest.fixture
def producer(bus: Bus) -> Iterator[PlayProducer]:
    opened = PlayProducer(bus, timeout_s=20)
    yield opened
    opened.close()


def publish(producer: PlayProducer, events: Sequence[PlayEvent]) -> None:
    asyncio.run(producer.publish(events))


def soon(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.05)


def history(store: Store, user: str = "me") -> list[str]:
    return [str(e.event_id) for e in store.plays.history(UserId(user), 1000)[0]]


def letters(bus: Bus) -> list[Letter]:
    """What waits on `plays.dead`."""
    with contextlib.closing(DeadLetters(bus)) as dead:
        return dead.waiting()


def segue(*arguments: str) -> str:
    """What a command prints."""
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments], check=True, capture_output=True, text=True
    ).stdout


def raw(bus: Bus, *values: bytes) -> None:
    sender = Producer({"bootstrap.servers": bus.bootstrap})
    for value in values:
        sender.produce(bus.plays, key="me", value=value, partition=0)
    assert sender.flush(WAIT_S) == 0


def test_each_event_once_however_often_it_is_sent_and_read(store: Store, bus: Bus, producer: PlayProducer):
    events = [play(f"t{i}", user=f"user {i % 3}", minute=i) for i in range(60)]
    publish(producer, events)
    publish(producer, events[:20])
    with reading(store, bus):
        soon(lambda: sum(len(history(store, f"user {i}")) for i in range(3)) == 60)
    later = play("last", user="user 0", minute=99)
    publish(producer, [*events[:10], later])
    with reading(store, bus):
        soon(lambda: history(store, "user 0")[0] == str(later.event_id))
    stored = [p.event_id for p in store.plays.scan()]
    assert len(stored) == len(set(stored)) == 61


def test_what_is_taken_back_counts_once_and_in_its_place_however_often_it_is_read(
    store: Store, bus: Bus, producer: PlayProducer
):
    heard, liked, again = play("t"), play("t", kind="liked", minute=1), play("t", kind="liked", minute=3)
    said: list[Said] = [
        heard,
        liked,
        heard.model_copy(update={"private": True}),
        Withdrawal(withdraws="opinion", user=heard.user, track=heard.track),
        again,
    ]
    for number in range(2):
        last = play("last", minute=5 + number)
        asyncio.run(producer.publish([*said, last]))
        with reading(store, bus):
            soon(lambda last=last: str(last.event_id) in history(store))
        assert {p.event_id: p.private for p in store.plays.scan() if p.track == heard.track} == {
            str(heard.event_id): True,
            str(again.event_id): False,
        }
    assert letters(bus) == []


def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_rest_goes_on(
    store: Store, bus: Bus, producer: PlayProducer
):
    good = play("good")
    bad = [b"{", b"\xff\xfe", good.model_dump_json().replace('"finished"', '"danced"').encode()]
    raw(bus, *bad)
    publish(producer, [good])
    with reading(store, bus):
        soon(lambda: history(store) == [str(good.event_id)])
        soon(lambda: len(letters(bus)) == 3)
    found = letters(bus)
    assert [(letter.user, letter.payload) for letter in found] == [("me", one) for one in bad]
    assert "kind" in found[2].reason


def test_dead_letters_are_shown_and_sent_again(
    settings: Settings, store: Store, bus: Bus, producer: PlayProducer, monkeypatch: pytest.MonkeyPatch
):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    good = play("good")
    producer.bury(Delivery("me", encode(good), 0, 0, "request-1"), "MongoDB was too small for it")
    producer.flush()
    raw(bus, b"\x1b[31m")
    with reading(store, bus):
        soon(lambda: len(letters(bus)) == 2)
        told = json.loads(segue("plays", "dead", "--json"))["letters"]
        assert [(t["user"], t["reason"], t["request_id"]) for t in told[:1]] == [
            ("me", "MongoDB was too small for it", "request-1")
        ]
        assert "\x1b" not in segue("plays", "dead")
        assert json.loads(segue("plays", "dead", "--replay", "--json"))["sent_again"] == 2
        soon(lambda: history(store) == [str(good.event_id)])
        soon(lambda: [letter.payload for letter in letters(bus)] == [b"\x1b[31m"])


def test_an_event_that_is_too_large_to_be_kept_whole_stops_nothing(store: Store, bus: Bus, producer: PlayProducer):
    large = b'{"v": "' + b"x" * 999_000
    raw(bus, large)
    good = play("good")
    publish(producer, [good])
    with reading(store, bus):
        soon(lambda: history(store) == [str(good.event_id)])
    (letter,) = letters(bus)
    assert letter.payload
    assert large.startswith(letter.payload)
    assert "cut off after 900000 of 999007 bytes" in letter.reason


def test_dead_letters_of_a_listener_who_is_forgotten_are_forgotten_too(store: Store, bus: Bus, producer: PlayProducer):
    producer.bury(Delivery("me", encode(play("mine")), 0, 0), "too early")
    producer.bury(Delivery("other", encode(play("theirs", user="other")), 0, 0), "too early")
    producer.flush()
    asyncio.run(producer.forget(UserId("me")))
    with reading(store, bus):
        soon(lambda: [letter.user for letter in letters(bus)] == ["other"])


def test_a_wish_to_be_forgotten_is_met_between_the_plays_around_it(store: Store, bus: Bus, producer: PlayProducer):
    publish(producer, [play(f"before {i}", minute=i) for i in range(5)])
    publish(producer, [play("stays", user="other")])
    asyncio.run(producer.forget(UserId("me")))
    after = play("after", minute=10)
    publish(producer, [after])
    with reading(store, bus):
        soon(lambda: history(store) == [str(after.event_id)] and len(history(store, "other")) == 1)


def test_nothing_is_lost_while_mongodb_is_away(settings: Settings, store: Store, bus: Bus, producer: PlayProducer):
    event = play("kept")
    publish(producer, [event])
    with Store("mongodb://127.0.0.1:9", settings.mongo_database, timeout_s=0.2) as away, reading(away, bus):
        time.sleep(3)
    assert history(store) == []
    with reading(store, bus):
        soon(lambda: history(store) == [str(event.event_id)])


def test_as_a_process_it_ends_at_sigterm(services: Services, settings: Settings, store: Store, producer: PlayProducer):
    services.ensure("mongo", "kafka")
    environment = child_environment(
        SEGUE_HOME=str(settings.home),
        SEGUE_MONGO_DATABASE=settings.mongo_database,
        SEGUE_KAFKA_PREFIX=settings.kafka_prefix,
    )
    process = subprocess.Popen([sys.executable, "-m", "etl.plays"], env=environment)
    try:
        event = play("through the process")
        publish(producer, [event])
        soon(lambda: history(store) == [str(event.event_id)])
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    finally:
        process.kill()
        process.wait()
