"""One message of Kafka as our readers see it.

In: what the client library brings. Out: `Delivery`s; messages that only tell of an error are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import Message

from infra.errors import BusError

__all__ = ["REQUEST_ID", "Delivery", "delivered", "header", "key_of"]

REQUEST_ID = "request_id"
"""Header with the id of the HTTP request that an event came by."""


class Delivery(NamedTuple):
    """One message as it came: `value` is None for a listener who wants to be forgotten."""

    user: str
    value: bytes | None
    partition: int
    offset: int
    request_id: str = ""
    """Of the request that it came by; empty when another program sent it."""


def delivered(messages: Sequence[Message]) -> list[Delivery]:
    """The messages among what came; raises `BusError` when there will never be another."""
    good = []
    for message in messages:
        error = message.error()
        if error is None:
            place = message.partition() or 0, message.offset() or 0
            good.append(Delivery(key_of(message), message.value(), *place, header(message, REQUEST_ID)))
        elif error.fatal():
            raise BusError(f"Kafka stopped answering for good: {error.str()}")
    return good


def key_of(message: Message) -> str:
    """The listener a message is about, whatever bytes somebody put there."""
    key = message.key()
    return key.decode(errors="replace") if isinstance(key, bytes) else (key or "")


def header(message: Message, name: str) -> str:
    """A header as text; empty when there is none."""
    found = dict(message.headers() or []).get(name)
    return found.decode(errors="replace") if isinstance(found, bytes) else (found or "")
