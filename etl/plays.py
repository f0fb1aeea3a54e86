"""The durable reader: plays from Kafka to MongoDB, each once (`python -m etl.plays`).

In: the topic `plays`, as a consumer group. Out: documents in MongoDB, and unreadable events on `plays.dead` with the reason.
An offset is committed after its event is written; while MongoDB is away nothing is committed and nothing is lost.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tenacity import RetryError, Retrying, before_sleep_log, retry_if_exception_type, wait_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from infra.bus import Bus, Delivery, GroupReader, PlayProducer, ensure_topics
from infra.errors import BadEvent, BusError, ServiceError
from infra.events import PlayEvent, Withdrawal, decode
from infra.logs import log_to_stderr
from infra.models import UserId
from infra.services import discover
from infra.settings import Settings
from infra.store import Store

__all__ = ["main", "run"]

log = logging.getLogger("segue.plays")

LONGEST_PAUSE_S = 5.0
"""Between two tries while a service is away."""


def run(store: Store, bus: Bus, stop: threading.Event) -> None:
    """Bring plays to MongoDB until `stop` is set; raises `BusError` when Kafka is gone for good."""
    reader, producer = GroupReader(bus), PlayProducer(bus)
    try:
        while not stop.is_set():
            if deliveries := reader.poll():
                _Batch(store, producer, stop).write(deliveries)
                _commit(reader)
    except RetryError:
        log.warning("stopped while a service was away; what is not written yet will be read again")
    finally:
        producer.close()
        reader.close()


def main() -> None:
    """Run against the services of this installation until SIGTERM or SIGINT."""
    settings = Settings.load()
    log_to_stderr(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        _patiently(stop, lambda: _serve(settings, stop))
    except RetryError:
        log.warning("stopped before the services answered")


def _serve(settings: Settings, stop: threading.Event) -> None:
    addresses = discover(settings)
    if not (addresses.kafka and addresses.mongo):
        raise ServiceError("Kafka or MongoDB does not answer yet")
    bus = Bus(addresses.kafka, settings.kafka_prefix)
    ensure_topics(bus)
    with Store(addresses.mongo, settings.mongo_database, timeout_s=2.0).prepare() as store:
        log.info("plays go from Kafka at %s to MongoDB at %s", addresses.kafka, addresses.mongo)
        run(store, bus, stop)


def _patiently(stop: threading.Event, call: Callable[[], object]) -> None:
    """Call until no service is away; raises `RetryError` when `stop` is set first."""
    Retrying(
        retry=retry_if_exception_type(ServiceError),
        wait=wait_exponential(multiplier=0.2, max=LONGEST_PAUSE_S),
        stop=stop_when_event_set(stop),
        sleep=sleep_using_event(stop),
        before_sleep=before_sleep_log(log, logging.WARNING),
    )(call)


def _commit(reader: GroupReader) -> None:
    try:
        reader.commit()
    except BusError as error:
        # The events are written: should they come again, they count once by their ids.
        log.warning("%s", error)


class _Readable(NamedTuple):
    delivery: Delivery
    event: PlayEvent


class _Batch:
    """Deliveries on their way: plays that follow each other are written together, what takes them back in between."""

    def __init__(self, store: Store, producer: PlayProducer, stop: threading.Event) -> None:
        self._store, self._producer, self._stop = store, producer, stop
        self._waiting: list[_Readable] = []

    def write(self, deliveries: Sequence[Delivery]) -> None:
        """Everything is in MongoDB or on `plays.dead` afterwards; raises `RetryError` when stopped before."""
        for delivery in deliveries:
            if delivery.value is None:
                self._append()
                self._forget(delivery)
            else:
                self._read(delivery, delivery.value)
        self._append()

    def _read(self, delivery: Delivery, payload: bytes) -> None:
        try:
            message = decode(payload)
        except BadEvent as error:
            self._bury(delivery, str(error))
            return
        if isinstance(message, PlayEvent):
            self._waiting.append(_Readable(delivery, message))
        else:
            self._append()
            self._withdraw(delivery, message)

    def _withdraw(self, delivery: Delivery, message: Withdrawal) -> None:
        _patiently(self._stop, lambda: self._store.plays.withdraw(message.user, message.track))
        log.debug("took back an opinion", extra=_of(delivery))

    def _forget(self, delivery: Delivery) -> None:
        _patiently(self._stop, lambda: self._store.plays.forget(UserId(delivery.user)))
        # What could not be used of this listener is not to be sent again either.
        self._patient_bury(delivery, "forgotten")
        log.info("forgot a listener", extra=_of(delivery))

    def _append(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            self._put([readable.event for readable in waiting])
            for readable in waiting:
                log.debug("stored %s", readable.event.event_id, extra=_of(readable.delivery))
        except RetryError:
            raise
        except Exception:  # noqa: BLE001 - the border of one message: which one it was is found below
            for readable in waiting:
                self._append_alone(readable)

    def _append_alone(self, readable: _Readable) -> None:
        try:
            self._put([readable.event])
        except RetryError:
            raise
        except Exception as error:  # noqa: BLE001 - the border of one message: it goes to `plays.dead`, the rest goes on
            self._bury(readable.delivery, f"cannot be stored: {type(error).__name__}: {error}")

    def _put(self, events: Sequence[PlayEvent]) -> None:
        if events:
            _patiently(self._stop, lambda: self._store.plays.append(events))

    def _bury(self, delivery: Delivery, reason: str) -> None:
        log.warning("an event went to plays.dead: %s", reason, extra=_of(delivery))
        self._patient_bury(delivery, reason)

    def _patient_bury(self, delivery: Delivery, reason: str) -> None:
        def bury() -> None:
            self._producer.bury(delivery, reason)
            self._producer.flush()

        _patiently(self._stop, bury)


def _of(delivery: Delivery) -> dict[str, str]:
    """The request that an event came by, for its line in the log."""
    return {"request_id": delivery.request_id} if delivery.request_id else {}


if __name__ == "__main__":
    main()
