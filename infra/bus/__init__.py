"""Plays on Kafka: one producer that answers when the broker has, and readers that do not wait for each other.

In: `PlayEvent`s under the key `user`. Out: `Delivery`s to the durable reader and to live readers; dead letters, to be looked
through and sent again.
"""

from infra.bus.dead import DeadLetters, Letter
from infra.bus.delivery import Delivery
from infra.bus.producer import PlayProducer
from infra.bus.readers import GroupReader, Lag, TailReader
from infra.bus.topics import PARTITIONS, Bus, cluster_reachable, ensure_topics, partition_of

__all__ = [
    "PARTITIONS",
    "Bus",
    "DeadLetters",
    "Delivery",
    "GroupReader",
    "Lag",
    "Letter",
    "PlayProducer",
    "TailReader",
    "cluster_reachable",
    "ensure_topics",
    "partition_of",
]
