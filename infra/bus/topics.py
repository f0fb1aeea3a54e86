"""Which Kafka, and which topics.

In: bootstrap servers and a prefix. Out: names of topics and groups, the topics themselves, and a listener's partition.
"""

from __future__ import annotations

import time
import zlib
from concurrent.futures import Future
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.errors import BusError

__all__ = ["PARTITIONS", "QUIET", "Bus", "cluster_reachable", "ensure_topics", "partition_of"]

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
    wanted = [NewTopic(bus.plays, num_partitions=PARTITIONS), NewTopic(bus.dead, num_partitions=1)]
    try:
        there = admin.list_topics(timeout=timeout_s).topics
        missing = [topic for topic in wanted if topic.topic not in there]
        made = admin.create_topics(missing, operation_timeout=timeout_s) if missing else {}
        for future in made.values():
            _made(future, timeout_s)
        count = _partitions(admin, bus.plays, timeout_s)
    except (KafkaException, TimeoutError) as error:
        raise BusError(f"Kafka at {bus.bootstrap} did not make the topics: {error}") from error
    if count != PARTITIONS:
        raise BusError(
            f"the topic {bus.plays!r} at {bus.bootstrap} has {count} partitions and {PARTITIONS} are needed: "
            "make it anew, or set SEGUE_KAFKA_PREFIX for topics of our own"
        )


def _made(future: Future[None], timeout_s: float) -> None:
    try:
        future.result(timeout=timeout_s)
    except KafkaException as error:
        # Somebody else has made it in the same moment.
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _partitions(admin: AdminClient, topic: str, timeout_s: float) -> int:
    """How many a topic has that was made a moment ago: Kafka tells of it a little later. Raises `TimeoutError`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = admin.list_topics(timeout=timeout_s).topics.get(topic)
        if found is not None and found.partitions:
            return len(found.partitions)
        time.sleep(0.05)
    raise TimeoutError(f"{topic} does not appear")
