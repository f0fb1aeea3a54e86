"""Recent events of many listeners, in a bounded amount of memory.

In: events, as they come and as they were stored. Out: a listener's `Recent`; who was not heard of for longest is let go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from infra.events import PlayEvent, Withdrawal
from infra.models import UserId
from serving.recent.listener import Listener, Recent, TrackNumbers

__all__ = ["Listeners"]

MOST_BYTES = 230_000_000
"""With all that a replica imports, its process then stays under 500 MB, however the events are spread over the listeners."""
MOST_NAMED_BYTES = 100_000_000
"""What the tracks that events have named may take before those that nobody's recent events name are struck out."""


class Listeners:
    """Listeners by name; not safe between threads."""

    def __init__(self, events: int, *, most_bytes: int = MOST_BYTES, most_named_bytes: int = MOST_NAMED_BYTES) -> None:
        """`events` are kept of each, `most_bytes` of all together."""
        self._most_events, self._most_bytes, self._most_named_bytes = events, most_bytes, most_named_bytes
        self._numbers = TrackNumbers()
        self._listeners: OrderedDict[UserId, Listener] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._listeners)

    def loaded(self, user: UserId) -> bool:
        """Whether what was stored before is in."""
        return self._of(user).loaded

    def recent(self, user: UserId) -> Recent:
        """What `user` did lately."""
        return self._of(user).recent(user)

    def take(self, event: PlayEvent) -> None:
        """An event that has just come."""
        listener = self._of(UserId(event.user))
        before = listener.size_bytes
        listener.take(event)
        self._grown(listener.size_bytes - before)

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """A listener takes back what they said of a track."""
        listener = self._of(withdrawal.user)
        before = listener.size_bytes
        listener.withdraw(withdrawal.track)
        self._grown(listener.size_bytes - before)

    def load(self, user: UserId, stored: Iterable[PlayEvent], opinions: Iterable[PlayEvent] = ()) -> None:
        """What was stored of a listener, oldest first; nothing when that is in already."""
        listener = self._of(user)
        if listener.loaded:
            return
        before = listener.size_bytes
        listener.load(stored, opinions)
        self._grown(listener.size_bytes - before)

    def begin_anew(self, user: UserId) -> None:
        """Forget a listener, who counts as loaded: what MongoDB may still have must not come back."""
        if user in self._listeners:
            self._bytes -= self._listeners.pop(user).size_bytes
        self.load(user, ())

    def _of(self, user: UserId) -> Listener:
        listener = self._listeners.get(user)
        if listener is None:
            listener = self._listeners[user] = Listener(self._numbers, self._most_events)
            self._grown(listener.size_bytes)
        else:
            self._listeners.move_to_end(user)
        return listener

    def _grown(self, by: int) -> None:
        self._bytes += by
        while self._bytes > self._most_bytes and len(self._listeners) > 1:
            self._let_go()
        if self._numbers.size_bytes > self._most_named_bytes:
            self._number_anew()

    def _let_go(self) -> None:
        _, oldest = self._listeners.popitem(last=False)
        self._bytes -= oldest.size_bytes

    def _number_anew(self) -> None:
        """Strike out the tracks that only half of the listeners, those not heard of for longest, ever named."""
        for _ in range(len(self._listeners) // 2):
            self._let_go()
        self._numbers = TrackNumbers()
        for listener in self._listeners.values():
            listener.number_anew(self._numbers)
