"""How far the topic of plays reaches, and how far the durable reader has got.

In: questions to the broker. Out: offsets by partition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from confluent_kafka import OFFSET_END, Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.bus.topics import QUIET, Bus
from infra.errors import BusError

__all__ = ["Ends"]

ANSWER_S, PATIENCE_S = 1.0, 5.0
"""How long an answer may take while somebody waits for it, and otherwise."""


class Ends:
    """A connection that is only asked for offsets."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        # A consumer that reads nothing: the group is never joined.
        self._asked = Consumer({"bootstrap.servers": bus.bootstrap, "group.id": bus.prefix + "segue-ends", **QUIET})
        self._partitions: tuple[int, ...] = ()
        self._admin = AdminClient({"bootstrap.servers": bus.bootstrap, **QUIET})

    def of(self, partitions: Collection[int]) -> dict[int, int]:
        """The offset after the last message of each partition, in one question; raises `BusError`."""
        wanted = [TopicPartition(self._bus.plays, p, OFFSET_END) for p in partitions]
        try:
            found = self._asked.offsets_for_times(wanted, timeout=ANSWER_S)
        except KafkaException as error:
            raise self._away(error) from error
        except RuntimeError as error:
            # Closed by the reading thread while another one asks.
            raise BusError("the reader has been closed") from error
        for one in found:
            if one.error is not None or one.offset < 0:
                raise BusError(f"Kafka at {self._bus.bootstrap} does not say where {self._bus.plays} ends: {one.error}")
        return {one.partition: one.offset for one in found}

    def firsts(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset of the first message that is still kept of each partition; raises `BusError`."""
        try:
            return {
                p: self._asked.get_watermark_offsets(TopicPartition(self._bus.plays, p), timeout=ANSWER_S)[0]
                for p in partitions
            }
        except KafkaException as error:
            raise self._away(error) from error

    def stored(self) -> dict[int, int]:
        """The offset of each partition up to which plays are in MongoDB, negative where none is; raises `BusError`."""
        bus = self._bus
        try:
            if not self._partitions:
                self._partitions = self._found()
            group = ConsumerGroupTopicPartitions(
                bus.durable_group, [TopicPartition(bus.plays, p) for p in self._partitions]
            )
            found = self._admin.list_consumer_group_offsets([group])[bus.durable_group].result(timeout=PATIENCE_S)
        except (KafkaException, TimeoutError) as error:
            raise BusError(f"Kafka at {bus.bootstrap} does not say how far the plays are stored: {error}") from error
        return {tp.partition: tp.offset for tp in found.topic_partitions}

    def close(self) -> None:
        """Let go of the connection."""
        self._asked.close()

    def _found(self) -> tuple[int, ...]:
        topic = self._admin.list_topics(self._bus.plays, timeout=PATIENCE_S).topics[self._bus.plays]
        if topic.error is not None or not topic.partitions:
            raise BusError(f"Kafka at {self._bus.bootstrap} has no topic {self._bus.plays!r} yet")
        return tuple(topic.partitions)

    def _away(self, error: KafkaException) -> BusError:
        return BusError(f"Kafka at {self._bus.bootstrap} does not answer: {error.args[0].str()}")
