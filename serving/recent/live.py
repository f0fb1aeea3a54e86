"""What every listener did lately, as known this very moment.

In: events from Kafka as they come (one thread), and at a listener's first request what MongoDB holds.
Out: a listener's `Recent`, in which everything acknowledged before the question is taken into account.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from infra.bus import Delivery, Lag
from infra.errors import BadEvent, BusError, StoreError
from infra.events import PlayEvent, decode
from infra.models import UserId
from serving.recent.ends import SharedEnds
from serving.recent.listener import MOST_OPINIONS, Recent
from serving.recent.listeners import Listeners

__all__ = ["Live", "LiveReader", "Stored"]

log = logging.getLogger("segue.live")

WAIT_S = 1.0
"""How long an answer waits for events that are acknowledged and not read yet."""
DISTRUST_S = 1.0
"""How long Kafka, or MongoDB, is not asked again after it did not answer."""
MOST_EVENTS = 500
"""Newest events that are known of a listener."""
LOADERS = 4
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
"""Between attempts to open a reader."""


class Stored(Protocol):
    """What is needed of `infra.store.PlayStore`; both raise `StoreError`."""

    def history(self, user: UserId, limit: int) -> tuple[Sequence[PlayEvent], str | None]:
        """The newest events of a listener, newest first."""
        ...

    def opinions(self, user: UserId, limit: int) -> Sequence[PlayEvent]:
        """The newest likes and dislikes of a listener, newest first, however long ago they were."""
        ...


class LiveReader(Protocol):
    """What is needed of `infra.bus.TailReader`."""

    def poll(self) -> list[Delivery]:
        """Messages that came; an empty list after a short while without any."""
        ...

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """These have been taken into account."""
        ...

    def partition(self, user: str) -> int:
        """The partition that has a listener's events."""
        ...

    def ends(self) -> dict[int, int]:
        """The offsets that must be reached for everything acknowledged by now; raises `BusError`."""
        ...

    def position(self, partition: int) -> int:
        """The offset up to which a partition has been taken into account."""
        ...

    def lag(self, ends: Mapping[int, int]) -> Lag:
        """How many messages before `ends` have not been read yet; raises `BusError`."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


class Live:
    """Recent events of the listeners heard or asked of last; those not heard of for longest are let go.

    A listener who was let go is loaded again from MongoDB, where by then everything of them has long arrived.
    """

    def __init__(
        self,
        open_reader: Callable[[], LiveReader],
        stored: Stored,
        *,
        events: int = MOST_EVENTS,
        listeners: Listeners | None = None,
    ) -> None:
        """`open_reader` may raise `BusError`, `stored` `StoreError`: both are tried again."""
        self._open_reader, self._stored = open_reader, stored
        self._most_events = events
        self._listeners = Listeners(events) if listeners is None else listeners
        self._lock = threading.Lock()
        self._reader: LiveReader | None = None
        self._distrusted_until = self._stored_distrusted_until = 0.0
        # Threads of its own: a MongoDB that hangs must not take those that ask Kafka.
        self._ends = SharedEnds()
        self._loaders = ThreadPoolExecutor(LOADERS, "load-history")
        self._moved: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-reader", daemon=True)
        self.events_in = 0
        """Events read since the start."""
        self.lag = Lag(0, 0)
        """How far behind this reader and the durable one were when that was last measured."""

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading; what is known stays."""
        self._stopped.set()
        self._thread.join()
        self._loaders.shutdown(wait=False, cancel_futures=True)
        self._ends.close()

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def reading(self) -> bool:
        """Whether events come in as far as is known."""
        return self._reader is not None and time.monotonic() >= self._distrusted_until

    async def recent(self, user: UserId) -> Recent:
        """What `user` did lately, all that was acknowledged before this call included.

        With Kafka or MongoDB away: what is known without them, within a bounded time.
        """
        await self._caught_up(user)
        with self._lock:
            loaded = self._listeners.loaded(user)
        if not loaded:
            await self._loaded(user)
        with self._lock:
            return self._listeners.recent(user)

    def measure(self) -> None:
        """Ask Kafka for the lag; for a thread that has time."""
        reader = self._reader
        if reader is None:
            return
        try:
            ends = reader.ends()
        except BusError as error:
            self._distrusted_until = time.monotonic() + DISTRUST_S
            log.warning("the lag is not known: %s", error)
            return
        try:
            self.lag = reader.lag(ends)
        except BusError as error:
            # Plays can be read all the same.
            log.warning("how many plays wait to be stored is not known: %s", error)

    async def _caught_up(self, user: UserId) -> None:
        reader = self._reader
        if reader is None or time.monotonic() < self._distrusted_until:
            return
        try:
            async with asyncio.timeout(WAIT_S):
                partition = reader.partition(user)
                end = (await self._ends.of(reader))[partition]
                while reader.position(partition) < end and reader is self._reader:
                    await self._next_move(reader, partition, end)
        except (BusError, TimeoutError) as error:
            # One request a second pays for finding out that Kafka is away, not every one.
            self._distrusted_until = time.monotonic() + DISTRUST_S
            log.warning("answering without the newest events: %s", error or "they did not come in time")

    async def _next_move(self, reader: LiveReader, partition: int, end: int) -> None:
        loop = asyncio.get_running_loop()
        moved: asyncio.Future[None] = loop.create_future()
        with self._lock:
            # Looked at again under the lock: the reader tells of its moves under the same one.
            if reader.position(partition) >= end:
                return
            self._moved.append((loop, moved))
        await moved

    def _follow(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                self._reader = self._open_reader()
                pause_s = FIRST_PAUSE_S
                self._read(self._reader)
            except BusError as error:
                log.warning("no events from Kafka, trying again in %.1f s: %s", pause_s, error)
            finally:
                reader, self._reader = self._reader, None
                if reader is not None:
                    reader.close()
            self._stopped.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _read(self, reader: LiveReader) -> None:
        while not self._stopped.is_set():
            deliveries = reader.poll()
            if not deliveries:
                continue
            with self._lock:
                for delivery in deliveries:
                    self._take(delivery)
                reader.done(deliveries)
                moved, self._moved = self._moved, []
            for loop, future in moved:
                # Who waited may have gone, and their event loop with them.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(_tell, future)

    def _take(self, delivery: Delivery) -> None:
        self.events_in += 1
        user = UserId(delivery.user)
        if delivery.value is None:
            self._listeners.begin_anew(user)
            return
        try:
            message = decode(delivery.value)
        except BadEvent:
            # The durable reader puts it on `plays.dead` with the reason; twice would be once too often.
            return
        if isinstance(message, PlayEvent):
            self._listeners.take(message)
        else:
            self._listeners.withdraw(message)

    async def _loaded(self, user: UserId) -> None:
        if time.monotonic() < self._stored_distrusted_until:
            return
        try:
            async with asyncio.timeout(WAIT_S):
                await asyncio.get_running_loop().run_in_executor(self._loaders, self._load, user)
        except (StoreError, TimeoutError) as error:
            self._stored_distrusted_until = time.monotonic() + DISTRUST_S
            log.warning("answering without what is stored: %s", error or "MongoDB did not answer in time")

    def _load(self, user: UserId) -> None:
        newest, _ = self._stored.history(user, self._most_events)
        opinions = self._stored.opinions(user, MOST_OPINIONS)
        with self._lock:
            self._listeners.load(user, reversed(newest), reversed(opinions))


def _tell(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
