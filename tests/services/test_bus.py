"""Plays over the embedded Kafka: acknowledged, in order, to every reader."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from infra.bus import Bus, Delivery, GroupReader, PlayProducer, TailReader, cluster_reachable, ensure_topics
from infra.errors import BusError
from infra.events import decode
from infra.models import UserId
from infra.services import Services
from infra.settings import Settings
from tests.data.records import play


@pytest.fixture
def producer(bus: Bus) -> Iterator[PlayProducer]:
    opened = PlayProducer(bus, timeout_s=10)
    yield opened
    opened.close()


def read(reader: GroupReader | TailReader, wanted: int) -> Sequence[Delivery]:
    """Poll until `wanted` messages came."""
    got: list[Delivery] = []
    deadline = time.monotonic() + 20
    while len(got) < wanted and time.monotonic() < deadline:
        got += reader.poll(timeout_s=0.2)
    return got


def test_making_the_topics_twice_is_no_error(bus: Bus):
    ensure_topics(bus)
    assert cluster_reachable(bus.bootstrap) == 1


def test_a_topic_of_another_make_is_refused_with_the_way_out(services: Services, settings: Settings):
    named = Bus(services.ensure("kafka").kafka, settings.kafka_prefix)
    admin = AdminClient({"bootstrap.servers": named.bootstrap})
    admin.create_topics([NewTopic(named.plays, num_partitions=1)])[named.plays].result()
    with pytest.raises(BusError, match=r"1 partitions and 8 are needed.*SEGUE_KAFKA_PREFIX"):
        ensure_topics(named)


def test_a_listeners_events_come_in_order_and_the_wish_to_be_forgotten_among_them(bus: Bus, producer: PlayProducer):
    events = [play(f"Track {n}") for n in range(50)]
    asyncio.run(producer.publish(events))
    asyncio.run(producer.forget(UserId("me")))
    reader = GroupReader(bus)
    got = read(reader, 51)
    reader.close()
    assert [decode(d.value) for d in got[:50] if d.value] == events
    assert (got[50].user, got[50].value) == ("me", None)


def test_the_group_goes_on_where_it_committed(bus: Bus, producer: PlayProducer):
    asyncio.run(producer.publish([play("One"), play("Two")]))
    first = GroupReader(bus)
    assert len(read(first, 2)) == 2
    first.commit()
    first.close()
    asyncio.run(producer.publish([play("Three")]))
    second = GroupReader(bus)
    got = read(second, 1)
    second.close()
    assert [decode(d.value).track for d in got if d.value] == [play("Three").track]


def test_a_tail_reader_begins_where_the_durable_reader_stands(bus: Bus, producer: PlayProducer):
    asyncio.run(producer.publish([play("Stored")]))
    durable = GroupReader(bus)
    read(durable, 1)
    durable.commit()
    durable.close()
    asyncio.run(producer.publish([play("New")]))
    tail = TailReader(bus)
    partition = tail.partition("me")
    end = tail.ends()[partition]
    assert tail.position(partition) < end
    got = read(tail, 1)
    tail.done(got)
    assert tail.position(partition) == end
    tail.close()
    assert [decode(d.value).track for d in got if d.value] == [play("New").track]


def test_what_kafka_no_longer_keeps_is_not_waited_for(bus: Bus, producer: PlayProducer):
    asyncio.run(producer.publish([play("Long ago")]))
    before = TailReader(bus)
    partition, ends = before.partition("me"), before.ends()
    before.close()
    admin = AdminClient({"bootstrap.servers": bus.bootstrap})
    gone = TopicPartition(bus.plays, partition, ends[partition])
    admin.delete_records([gone])[gone].result()
    tail = TailReader(bus)
    assert tail.position(partition) == tail.ends()[partition] == ends[partition] > 0
    assert tail.lag(tail.ends()) == (0, 0)
    tail.close()


def test_kafka_away_is_said_so():
    away = Bus("127.0.0.1:1")
    producer = PlayProducer(away, timeout_s=0.3)
    with pytest.raises(BusError):
        asyncio.run(producer.publish([play("One")]))
    producer.close()
    with pytest.raises(BusError, match=r"127\.0\.0\.1:1"):
        cluster_reachable(away.bootstrap, timeout_s=0.3)
