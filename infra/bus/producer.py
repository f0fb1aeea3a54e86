"""Sending plays: answered when the broker has.

In: plays, what takes them back, and wishes to be forgotten, from requests; what could not be read, from the durable reader.
Out: messages under the key `user`, with the id of the request they came by; one without a value is the wish to be forgotten.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.bus.dead import REASON, Letter
from infra.bus.delivery import REQUEST_ID, Delivery
from infra.bus.topics import QUIET, Bus, partition_of
from infra.errors import BusError
from infra.events import Said, encode
from infra.models import UserId

__all__ = ["PlayProducer"]

MOST_BURIED, MOST_REASON = 900_000, 1_000
"""Bytes of an event, and characters about it, that are kept of what could not be used; no event is nearly that long."""

Headers = dict[str, str | bytes | None]
OnDelivery = Callable[[KafkaError | None, Message], None]


class PlayProducer:
    """Sends plays and answers when the broker has acknowledged them; one thread serves the callbacks."""

    def __init__(self, bus: Bus, *, timeout_s: float = 1.5) -> None:
        """`timeout_s` is how long an acknowledgement is waited for before `BusError`: who posts is told within 2 s."""
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

    async def publish(self, events: Sequence[Said], request_id: str = "") -> None:
        """Send events; returns when all are acknowledged, raises `BusError` when one is not.

        After an error some may have arrived: sending the same events again is safe, they count once by their id.
        `request_id` goes with them, to the logs of whoever reads them.
        """
        await self._send([(event.user, encode(event)) for event in events], request_id)

    async def forget(self, user: UserId, request_id: str = "") -> None:
        """Tell every reader, in order with the listener's plays, to forget this listener."""
        await self._send([(user, None)], request_id)

    def bury(self, delivery: Delivery, reason: str) -> None:
        """Put an unreadable event on `plays.dead` with the reason; `flush` proves that it arrived. Raises `BusError`."""
        value = delivery.value
        if value is not None and len(value) > MOST_BURIED:
            # With the reason it would be larger than a message may be, and nothing would ever get past it.
            value, reason = value[:MOST_BURIED], f"cut off after {MOST_BURIED} of {len(value)} bytes: {reason}"
        headers: Headers = {REASON: reason[:MOST_REASON], REQUEST_ID: delivery.request_id[:MOST_REASON]}
        self._produce(self._bus.dead, delivery.user, value, headers, self._note_loss)

    def resend(self, letter: Letter) -> None:
        """Put a dead letter among the plays again; `flush` proves that it arrived. Raises `BusError`."""
        headers: Headers = {REQUEST_ID: letter.request_id}
        self._produce(self._bus.plays, letter.user, letter.payload, headers, self._note_loss)

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

    async def _send(self, messages: Sequence[tuple[str, bytes | None]], request_id: str) -> None:
        loop = asyncio.get_running_loop()
        acknowledged = [loop.create_future() for _ in messages]
        for (user, value), future in zip(messages, acknowledged, strict=True):

            def answer(error: KafkaError | None, _: Message, future: asyncio.Future[None] = future) -> None:
                loop.call_soon_threadsafe(_settle, future, error)

            self._produce(self._bus.plays, user, value, {REQUEST_ID: request_id}, answer)
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.gather(*acknowledged)
        except TimeoutError as error:
            raise BusError(f"Kafka at {self._bus.bootstrap} did not acknowledge within {self._timeout_s} s") from error

    def _produce(self, topic: str, user: str, value: bytes | None, headers: Headers, answer: OnDelivery) -> None:
        partition = partition_of(user) if topic == self._bus.plays else 0
        try:
            self._producer.produce(
                topic, key=user, value=value, partition=partition, headers=headers, on_delivery=answer
            )
        except (BufferError, KafkaException) as error:
            raise BusError(f"Kafka at {self._bus.bootstrap} takes no more events: {error}") from error

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
