"""Reading plays: the durable reader's group, committed after its write, and live readers, each of which sees everything.

In: the topic `plays`. Out: `Delivery`s in order within a partition, and how far behind the two kinds of readers are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.bus.delivery import Delivery, delivered
from infra.bus.ends import Ends
from infra.bus.topics import QUIET, Bus, partition_of
from infra.errors import BusError

__all__ = ["GroupReader", "Lag", "TailReader"]


class Lag(NamedTuple):
    """Messages that are acknowledged and not read yet, all partitions together."""

    live: int
    """By this live reader."""
    durable: int
    """By the durable reader: not known to be in MongoDB."""


class GroupReader:
    """The durable reader's consumer: at least once, committed by hand after the write."""

    def __init__(self, bus: Bus) -> None:
        self._fatal = ""
        self._consumer = Consumer(
            {
                "bootstrap.servers": bus.bootstrap,
                "group.id": bus.durable_group,
                # The shortest that Kafka takes: a reader that is started again after a kill waits until Kafka has given up
                # on the one that was killed. (Known by name it need not wait; but then a restart of the broker can
                # leave it fenced for ever by itself.)
                "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 1_500,
                "error_cb": self._note,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                **QUIET,
            }
        )
        self._consumer.subscribe([bus.plays])

    def poll(self, most: int = 500, timeout_s: float = 0.5) -> list[Delivery]:
        """Up to `most` messages; an empty list after `timeout_s` without any. Raises `BusError` when none will ever come."""
        came = delivered(self._consumer.consume(most, timeout_s))
        if self._fatal:
            raise BusError(f"Kafka stopped answering for good: {self._fatal}")
        return came

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

    def _note(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error.str()


class TailReader:
    """A live reader's consumer: every partition, from where the durable reader has got to, so that nothing is missed
    between what MongoDB already holds and what comes next.
    """

    def __init__(self, bus: Bus) -> None:
        """Assign all partitions; raises `BusError` when the broker does not say where to start."""
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
        self._ends = Ends(bus)
        try:
            stored = self._ends.stored()
            # What Kafka no longer keeps will never come.
            self._first = self._ends.firsts(stored)
            self._positions = {p: max(offset, self._first[p]) for p, offset in stored.items()}
            self._consumer.assign([TopicPartition(bus.plays, p, offset) for p, offset in self._positions.items()])
        except BusError:
            self.close()
            raise

    def poll(self, most: int = 1000, timeout_s: float = 0.05) -> list[Delivery]:
        """Up to `most` messages; an empty list after `timeout_s` without any."""
        # `consume` alone would wait out `timeout_s` for a full batch; the first message must not.
        first = self._consumer.poll(timeout_s)
        return [] if first is None else delivered([first, *self._consumer.consume(most - 1, 0)])

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """These have been taken into account: `caught_up` may count on them."""
        for d in deliveries:
            self._positions[d.partition] = d.offset + 1

    def partition(self, user: str) -> int:
        """The partition that has this listener's events."""
        return partition_of(user, len(self._positions))

    def ends(self) -> dict[int, int]:
        """The offsets that must be reached for everything acknowledged by now; one question, raises `BusError`."""
        return self._ends.of(self._positions)

    def position(self, partition: int) -> int:
        """The offset up to which a partition has been taken into account."""
        return self._positions[partition]

    def lag(self, ends: Mapping[int, int]) -> Lag:
        """How far both readers are behind `ends`; raises `BusError`."""
        stored = self._ends.stored()
        return Lag(
            live=sum(max(end - self._positions[p], 0) for p, end in ends.items()),
            durable=sum(max(end - max(stored.get(p, 0), self._first[p]), 0) for p, end in ends.items()),
        )

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
        self._ends.close()
