"""A listener's whole history as listenings, kept in memory from one question to the next.

In: events as MongoDB has them, read once and then only what came since. Out: a `Diary`; `StoreError` within a bounded time.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from sys import intern
from typing import Any, Protocol, TypeVar
from uuid import UUID

from infra.clock import now_ms
from infra.errors import StoreError
from infra.events import OPINIONS
from infra.models import TrackId, UserId
from infra.store import StoredPlay
from training.data.signals import AHEAD_MS, Listening, Listenings, Told, in_order

__all__ = ["Diaries", "Diary", "Heard", "StoredPlays"]

PATIENCE_S = 10.0
"""How long a request waits for a history of many years; what was read by then is there for the next one."""
READERS = 4
MOST_EVENTS = 100_000
"""Events that the diaries kept are made of, together; the one asked for last stays whatever its length."""
OVERLAP_MS = 10_000
"""How late an event may arrive behind the moment it says it was stored at: writes take a moment, and clocks differ."""
MOST_ANSWERS = 8
ID_BYTES = 16

Answer = TypeVar("Answer")


class StoredPlays(Protocol):
    """What is needed of `infra.store.PlayStore`; all raise `StoreError`."""

    def written_since(self, user: UserId, moment_ms: int) -> Iterable[tuple[int, StoredPlay]]:
        """Events stored at or after a moment, each with when."""
        ...

    def amendments(self, user: UserId) -> int:
        """Another number means that stored events have changed."""
        ...

    def has(self, event: UUID) -> bool:
        """Whether an event is stored."""
        ...


class Heard(Listening):
    """One listening, with what a history tells of it."""

    __slots__ = (
        "duration_ms",
        "furthest_ms",
        "ids",
        "kind",
        "listened_ms",
        "place_ms",
        "private",
        "said_ms",
        "started_ms",
    )

    def __init__(self, track: TrackId) -> None:
        super().__init__(track)
        self.kind = ""
        """Of its last event; an opinion only where there is nothing else."""
        self.furthest_ms = self.duration_ms = 0
        self.listened_ms = 0
        """How long it was listened to: what was sought past was not heard."""
        self.place_ms = 0
        """Where in the track it was last."""
        self.started_ms = 0
        """When it was started, as its first event has it: `began_ms` moves with every seek and pause."""
        self.said_ms = 0
        """When it was last told of: an opinion, said long afterwards perhaps, does not change when it was heard."""
        self.private = False
        """Whether it is: none of it is learned from then. What is private and what is not are never one listening."""
        self.ids = b""
        """Of its events, 16 bytes each."""

    def take(self, event: Told) -> None:
        """See `Listening`; `event` is a `StoredPlay`."""
        assert isinstance(event, StoredPlay)  # noqa: S101 - what diaries are made of
        at_ms, began_ms, heard = self.at_ms, self.began_ms, self.heard
        super().take(event)
        self.said_ms = event.at_ms
        if event.kind in OPINIONS and heard:
            self.at_ms, self.began_ms = at_ms, began_ms
        if not heard:
            self.started_ms = event.at_ms if event.kind == "started" else self.began_ms
        if event.kind not in OPINIONS:
            self.listened_ms += self._more(event, at_ms if heard else None)
            self.place_ms = event.position_ms
            self.furthest_ms = max(self.furthest_ms, event.position_ms)
            self.kind = intern(event.kind)
        self.kind = self.kind or intern(event.kind)
        self.duration_ms = event.duration_ms or self.duration_ms
        self.private = event.private
        self.ids += bytes.fromhex(event.event_id.replace("-", ""))

    def _more(self, event: StoredPlay, before_ms: int | None) -> int:
        """Milliseconds listened to since the event before, which was at `before_ms`: nobody hears more than time goes by.

        Who went back has heard what lies before the new place, as far as time allows.
        """
        if before_ms is None:
            return 0 if event.kind == "started" else event.position_ms
        moved = event.position_ms - self.place_ms
        return min(moved if moved >= 0 else event.position_ms, event.at_ms - before_ms)

    @property
    def events(self) -> list[UUID]:
        """Ids of its events."""
        return [UUID(bytes=self.ids[at : at + ID_BYTES]) for at in range(0, len(self.ids), ID_BYTES)]

    @property
    def says(self) -> float:
        """What is learned from it, from -1 to 1; 0 for a private one."""
        return 0.0 if self.private else self.weight if self.opinion is None else self.opinion


class Diary:
    """All listenings of one listener at one moment, in the order of their ends."""

    def __init__(self, listenings: Iterable[Heard]) -> None:
        self.listenings = tuple(sorted(listenings, key=lambda one: (one.at_ms, one.ids)))
        self._answers: dict[Hashable, Any] = {}

    def once(self, question: Hashable, answer: Callable[[], Answer]) -> Answer:
        """What `answer` says, asked only once for each `question`."""
        try:
            found: Answer = self._answers[question]
        except KeyError:
            found = answer()
            # Several threads may ask: what one has found must not be gone because another makes room.
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            self._answers[question] = found
        return found


class _Kept:
    """What is held of one listener."""

    def __init__(self) -> None:
        self.reading = threading.Lock()
        self.diary: Diary | None = None
        self._known = self._nothing()
        self._amendments = -1
        self._last: StoredPlay | None = None
        self._newest_ms = 0
        self._late: dict[str, int] = {}
        self.n_events = 0

    def read(self, plays: StoredPlays, user: UserId) -> Diary:
        """What is stored now: what came since the last time, or everything where that does not do."""
        # Asked before the events are: what is changed meanwhile is seen the next time.
        amendments = plays.amendments(user)
        if self.diary is None or amendments != self._amendments or not self._is_there(plays):
            self._begin_anew()
        self._amendments = amendments
        if not self._add(plays.written_since(user, max(self._newest_ms - OVERLAP_MS, 0))):
            # Plays from before those that are known: listenings are made of events in their order.
            self._begin_anew()
            self._add(plays.written_since(user, 0))
        assert self.diary is not None  # noqa: S101 - `_add` made it
        return self.diary

    def _is_there(self, plays: StoredPlays) -> bool:
        """Whether the newest event is still stored: where it is not, the listener was forgotten."""
        return self._last is None or plays.has(UUID(self._last.event_id))

    def _begin_anew(self) -> None:
        self._known, self._last, self._newest_ms, self.n_events = self._nothing(), None, 0, 0
        self._late, self.diary = {}, None

    @staticmethod
    def _nothing() -> dict[bool, Listenings[Heard]]:
        """By whether it is private: apart, as whoever learns from them never sees the private ones."""
        return {False: Listenings(Heard), True: Listenings(Heard)}

    def _add(self, written: Iterable[tuple[int, StoredPlay]]) -> bool:
        """Take in what is new; returns False when that is older than what is known.

        What claims to be from much later than now is passed over, as in training.
        """
        latest_ms = now_ms() + AHEAD_MS
        new = [(ms, play) for ms, play in written if play.event_id not in self._late and play.at_ms <= latest_ms]
        ordered = sorted((play for _, play in new), key=in_order)
        if ordered and self._last is not None and in_order(ordered[0]) < in_order(self._last):
            return False
        for play in ordered:
            self._known[play.private].take(play)
        if ordered or self.diary is None:
            self.diary = Diary([*self._known[False].all, *self._known[True].all])
        self._last = ordered[-1] if ordered else self._last
        self.n_events += len(ordered)
        self._newest_ms = max((stored_ms for stored_ms, _ in new), default=self._newest_ms)
        recent = [*self._late.items(), *((play.event_id, stored_ms) for stored_ms, play in new)]
        self._late = {event: stored_ms for event, stored_ms in recent if stored_ms >= self._newest_ms - OVERLAP_MS}
        return True


class Diaries:
    """The diaries of the listeners asked for last; of each at most one reading is under way, and one waits."""

    def __init__(self, plays: StoredPlays, *, most_events: int = MOST_EVENTS, patience_s: float = PATIENCE_S) -> None:
        self._plays, self._most_events, self._patience_s = plays, most_events, patience_s
        self._kept: OrderedDict[UserId, _Kept] = OrderedDict()
        self._waiting: dict[UserId, Future[Diary]] = {}
        self._lock = threading.Lock()
        self._readers = ThreadPoolExecutor(READERS, "read-diary")

    def close(self) -> None:
        """Let the threads go."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def of(self, user: UserId) -> Diary:
        """All that is stored of a listener when this is called; raises `StoreError` when that takes too long."""
        with self._lock:
            asked = self._waiting.get(user)
            if asked is None:
                asked = self._waiting[user] = self._readers.submit(self._read, user)
        try:
            async with asyncio.timeout(self._patience_s):
                return await asyncio.shield(asyncio.wrap_future(asked))
        except TimeoutError as error:
            raise StoreError(f"the history was not read within {self._patience_s:.0f} s") from error

    def forget(self, user: UserId) -> None:
        """Let go of a listener's diary."""
        with self._lock:
            self._kept.pop(user, None)

    def _read(self, user: UserId) -> Diary:
        with self._lock:
            kept = self._kept.setdefault(user, _Kept())
            self._kept.move_to_end(user)
        with kept.reading:
            with self._lock:
                # From here on who asks wants to know what is stored later.
                self._waiting.pop(user, None)
            diary = kept.read(self._plays, user)
        with self._lock:
            while sum(one.n_events for one in self._kept.values()) > self._most_events and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return diary
