"""Plays on Kafka: one producer that answers when the broker has, and two readers that do not wait for each other.

In: `PlayEvent`s under the key `user`. Out: `Delivery`s to the durable reader (a consumer group, committed after its write)
and to live readers (no group: each sees everything). A message without a value is the listener's wish to be forgotten.
"""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.errors import BusError
from infra.events import PlayEvent, encode
from infra.models import UserId

__all__ = [
    "Bus",
    "Delivery",
    "GroupReader",
    "PlayProducer",
    "TailReader",
    "cluster_reachable",
    "ensure_topics",
    "partition_of",
]

PARTITIONS = 8
QUIET = {"log_level": 2}


class Bus(NamedTuple):
    """Which Kafka, and what our topics and consumer group are called there."""

    bootstrap: str
    prefix: str = ""
    """Put before every name, so that several installations can share one cluster."""

    @property
    def plays(self) -> str:
        """The topic of play events."""
        return self.prefix + "plays"

    @property
    def dead(self) -> str:
        """The topic of events that could not be read, each with its reason."""
        return self.prefix + "plays.dead"

    @property
    def durable_group(self) -> str:
        """The consumer group that brings plays to MongoDB."""
        return self.prefix + "segue-durable"


class Delivery(NamedTuple):
    """One message as it came: `value` is None for a listener who wants to be forgotten."""

    user: str
    value: bytes | None
    partition: int
    offset: int


def partition_of(user: str, partitions: int = PARTITIONS) -> int:
    """The partition that holds a listener's events, so that they stay in order."""
    return zlib.crc32(user.encode()) % partitions


def cluster_reachable(bootstrap: str, timeout_s: float = 2.0) -> int:
    """How many brokers answer; raises `BusError` when none does."""
    try:
        return len(AdminClient({"bootstrap.servers": bootstrap, **QUIET}).list_topics(timeout=timeout_s).brokers)
    except KafkaException as error:
        raise BusError(f"Kafka at {bootstrap} does not answer: {error.args[0].str()}") from error


def ensure_topics(bus: Bus, timeout_s: float = 20.0) -> None:
    """Make the topics that are not there yet; raises `BusError`."""
    admin = AdminClient({"bootstrap.servers": bus.bootstrap, **QUIET})
    try:
        there = admin.list_topics(timeout=timeout_s).topics
        wanted = [NewTopic(bus.plays, num_partitions=PARTITIONS), NewTopic(bus.dead, num_partitions=1)]
        missing = [topic for topic in wanted if topic.topic not in there]
        made = admin.create_topics(missing, operation_timeout=timeout_s) if missing else {}
        for future in made.values():
            future.result(timeout=timeout_s)
        if bus.plays in there and (count := len(there[bus.plays].partitions)) != PARTITIONS:
            raise BusError(
                f"the topic {bus.plays!r} at {bus.bootstrap} has {count} partitions and {PARTITIONS} are needed: "
                "make it anew, or set SEGUE_KAFKA_PREFIX for topics of our own"
            )
    except (KafkaException, TimeoutError) as error:
        if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        raise BusError(f"Kafka at {bus.bootstrap} did not make the topics: {error}") from error


class PlayProducer:
    """Sends plays and answers when the broker has acknowledged them; one thread serves the callbacks."""

    def __init__(self, bus: Bus, *, timeout_s: float = 1.8) -> None:
        """`timeout_s` is how long an acknowledgement is waited for before `BusError`."""
        self._bus = bus
        self._timeout_s = timeout_s
        self._producer = Producer(
            {
                "bootstrap.servers": bus.bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "message.timeout.ms": int(timeout_s * 1000),
                **QUIET,
            }
        )
        self._lost: str | None = None
        self._open = True
        self._thread = threading.Thread(target=self._serve, name="play-producer", daemon=True)
        self._thread.start()

    async def publish(self, events: Sequence[PlayEvent]) -> None:
        """Send events; returns when all are acknowledged, raises `BusError` when one is not.

        After an error some may have arrived: sending the same events again is safe, they count once by their id.
        """
        await self._send([(self._bus.plays, event.user, encode(event)) for event in events])

    async def forget(self, user: UserId) -> None:
        """Tell every reader, in order with the listener's plays, to forget this listener."""
        await self._send([(self._bus.plays, user, None)])

    def bury(self, payload: bytes, reason: str) -> None:
        """Put an unreadable event on `plays.dead` with the reason; `flush` proves that it arrived. Raises `BusError`."""
        try:
            self._producer.produce(
                self._bus.dead, value=payload, headers={"reason": reason}, on_delivery=self._note_loss
            )
        except (BufferError, KafkaException) as error:
            raise BusError(f"Kafka at {self._bus.bootstrap} takes no more events: {error}") from error

    def flush(self) -> None:
        """Wait until everything sent has arrived; raises `BusError`."""
        left = self._producer.flush(self._timeout_s)
        # What timed out has left the queue too: only its callback tells.
        lost, self._lost = self._lost, None
        if left or lost:
            raise BusError(f"Kafka at {self._bus.bootstrap} did not acknowledge within {self._timeout_s} s: {lost}")

    def close(self) -> None:
        """Send what is left and stop the thread."""
        self._producer.flush(self._timeout_s)
        self._open = False
        self._thread.join()

    async def _send(self, messages: Sequence[tuple[str, str, bytes | None]]) -> None:
        loop = asyncio.get_running_loop()
        acknowledged = [loop.create_future() for _ in messages]
        for (topic, user, value), future in zip(messages, acknowledged, strict=True):

            def answer(error: KafkaError | None, _: Message, future: asyncio.Future[None] = future) -> None:
                loop.call_soon_threadsafe(_settle, future, error)

            try:
                self._producer.produce(topic, key=user, value=value, partition=partition_of(user), on_delivery=answer)
            except (BufferError, KafkaException) as error:
                raise BusError(f"Kafka at {self._bus.bootstrap} takes no more events: {error}") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.gather(*acknowledged)
        except TimeoutError as error:
            raise BusError(f"Kafka at {self._bus.bootstrap} did not acknowledge within {self._timeout_s} s") from error

    def _note_loss(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._lost = error.str()

    def _serve(self) -> None:
        while self._open:
            self._producer.poll(0.1)


def _settle(future: asyncio.Future[None], error: KafkaError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(BusError(f"Kafka did not acknowledge: {error.str()}"))


class GroupReader:
    """The durable reader's consumer: at least once, committed by hand after the write."""

    def __init__(self, bus: Bus) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bus.bootstrap,
                "group.id": bus.durable_group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                **QUIET,
            }
        )
        self._consumer.subscribe([bus.plays])

    def poll(self, most: int = 500, timeout_s: float = 0.5) -> list[Delivery]:
        """Up to `most` messages; an empty list after `timeout_s` without any."""
        return _deliveries(self._consumer.consume(most, timeout_s))

    def commit(self) -> None:
        """Everything polled so far is done with; raises `BusError`."""
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._NO_OFFSET:
                raise BusError(f"Kafka did not take the commit: {error.args[0].str()}") from error

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


class TailReader:
    """A live reader's consumer: every partition, from where the durable reader has got to, so that nothing is missed
    between what MongoDB already holds and what comes next.
    """

    def __init__(self, bus: Bus) -> None:
        """Assign all partitions; raises `BusError` when the broker does not say where to start."""
        self._bus = bus
        self._consumer = Consumer(
            {
                "bootstrap.servers": bus.bootstrap,
                "group.id": bus.prefix + "segue-live",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                **QUIET,
            }
        )
        # Asked through a connection of its own: on the reading one the question would wait behind the open fetch.
        self._ends = Consumer({"bootstrap.servers": bus.bootstrap, "group.id": bus.prefix + "segue-live", **QUIET})
        starts = _durable_offsets(bus)
        self._positions = dict.fromkeys(starts, 0)
        self._consumer.assign(
            [TopicPartition(bus.plays, p, offset if offset >= 0 else OFFSET_BEGINNING) for p, offset in starts.items()]
        )
        for p, offset in starts.items():
            self._positions[p] = max(offset, 0)

    def poll(self, most: int = 1000, timeout_s: float = 0.05) -> list[Delivery]:
        """Up to `most` messages; an empty list after `timeout_s` without any."""
        # `consume` alone would wait out `timeout_s` for a full batch; the first message must not.
        first = self._consumer.poll(timeout_s)
        return [] if first is None else _deliveries([first, *self._consumer.consume(most - 1, 0)])

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """These have been taken into account: `caught_up` may count on them."""
        for d in deliveries:
            self._positions[d.partition] = d.offset + 1

    def end_offset(self, user: str) -> tuple[int, int]:
        """`(partition, offset)` that must be reached for everything acknowledged of this listener; raises `BusError`."""
        partition = partition_of(user, len(self._positions))
        return partition, self._end(partition)

    def position(self, partition: int) -> int:
        """The offset up to which a partition has been taken into account."""
        return self._positions[partition]

    def lag(self) -> int:
        """How many messages there are beyond the positions, all partitions together; raises `BusError`."""
        return sum(max(self._end(partition) - done, 0) for partition, done in list(self._positions.items()))

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
        self._ends.close()

    def _end(self, partition: int) -> int:
        try:
            _, end = self._ends.get_watermark_offsets(TopicPartition(self._bus.plays, partition), timeout=1.0)
        except KafkaException as error:
            raise BusError(f"Kafka at {self._bus.bootstrap} does not answer: {error.args[0].str()}") from error
        except RuntimeError as error:
            # Closed by the reading thread while another one asks.
            raise BusError("the reader has been closed") from error
        return end


def _durable_offsets(bus: Bus) -> dict[int, int]:
    admin = AdminClient({"bootstrap.servers": bus.bootstrap, **QUIET})
    try:
        topic = admin.list_topics(bus.plays, timeout=10).topics[bus.plays]
        asked = [TopicPartition(bus.plays, p) for p in topic.partitions]
        if topic.error is not None or not asked:
            raise BusError(f"Kafka at {bus.bootstrap} has no topic {bus.plays!r} yet")
        group = ConsumerGroupTopicPartitions(bus.durable_group, asked)
        answer = admin.list_consumer_group_offsets([group])[bus.durable_group].result(timeout=10)
    except (KafkaException, TimeoutError) as error:
        raise BusError(f"Kafka at {bus.bootstrap} does not say how far the plays are stored: {error}") from error
    return {tp.partition: tp.offset for tp in answer.topic_partitions}


def _deliveries(messages: Sequence[Message]) -> list[Delivery]:
    good = []
    for message in messages:
        error = message.error()
        if error is None:
            key = message.key()
            user = key.decode(errors="replace") if isinstance(key, bytes) else (key or "")
            value = message.value()
            good.append(Delivery(user, value, message.partition() or 0, message.offset() or 0))
        elif error.fatal():
            raise BusError(f"Kafka stopped answering for good: {error.str()}")
    return good
