"""Events that could not be read or stored, on `plays.dead` until somebody has looked at them.

In: the topic `plays.dead`. Out: `Letter`s in the order in which they were put there; how far they have been sent again is kept by
Kafka as the offset of a group.
"""

from __future__ import annotations

from typing import NamedTuple

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, Message, TopicPartition

from infra.bus.delivery import REQUEST_ID, header, key_of
from infra.bus.topics import QUIET, Bus
from infra.errors import BusError

__all__ = ["REASON", "DeadLetters", "Letter"]

ANSWER_S = 10.0
REASON = "reason"
"""Header that says what was wrong."""


class Letter(NamedTuple):
    """An event that could not be read or stored."""

    offset: int
    """Its place on `plays.dead`."""
    user: str
    payload: bytes | None
    """As it came; None for the wish to be forgotten."""
    reason: str
    request_id: str
    """Of the HTTP request that it came by; empty when another program sent it."""
    at_ms: int
    """When it was put here, milliseconds since 1970; 0 when the broker does not say."""


class DeadLetters:
    """The letters that have not been sent again; to be closed."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._consumer = Consumer(
            {
                "bootstrap.servers": bus.bootstrap,
                "group.id": bus.prefix + "segue-dead",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                **QUIET,
            }
        )

    def waiting(self) -> list[Letter]:
        """All of them, oldest first, but those of listeners who were forgotten since; raises `BusError`."""
        place = TopicPartition(self._bus.dead, 0)
        try:
            first, end = self._consumer.get_watermark_offsets(place, timeout=ANSWER_S)
            done = self._consumer.committed([place], timeout=ANSWER_S)[0].offset
            next_offset = max(first, done)
            self._consumer.assign([TopicPartition(self._bus.dead, 0, next_offset)])
            letters: list[Letter] = []
            while next_offset < end:
                message = self._consumer.poll(ANSWER_S)
                if message is None:
                    raise BusError(f"Kafka at {self._bus.bootstrap} does not give {self._bus.dead}")
                if (error := message.error()) is not None:
                    raise BusError(f"Kafka at {self._bus.bootstrap} does not give {self._bus.dead}: {error.str()}")
                letter = _letter(message)
                next_offset = letter.offset + 1
                if letter.payload is None:
                    # The listener has been forgotten, and everything of theirs with them.
                    letters = [one for one in letters if one.user != letter.user]
                else:
                    letters.append(letter)
        except KafkaException as error:
            raise BusError(f"Kafka at {self._bus.bootstrap} does not give {self._bus.dead}: {error}") from error
        return letters

    def done(self, letter: Letter) -> None:
        """This letter and those before it wait no longer; raises `BusError`."""
        place = TopicPartition(self._bus.dead, 0, letter.offset + 1)
        try:
            self._consumer.commit(offsets=[place], asynchronous=False)
        except KafkaException as error:
            raise BusError(f"Kafka did not take the commit: {error.args[0].str()}") from error

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


def _letter(message: Message) -> Letter:
    kind, at_ms = message.timestamp()
    return Letter(
        offset=message.offset() or 0,
        user=key_of(message),
        payload=message.value(),
        reason=header(message, REASON),
        request_id=header(message, REQUEST_ID),
        at_ms=0 if kind == TIMESTAMP_NOT_AVAILABLE else at_ms,
    )
