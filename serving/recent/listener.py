"""What one listener did lately, packed: 38 bytes an event, so that a hundred thousand listeners fit in memory.

In: play events as they come, and those stored earlier. Out: the same, each once, in the order of arrival.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple, get_args
from uuid import UUID

import numpy as np

from infra.events import OPINIONS, PlayEvent, PlayKind
from infra.models import TrackId, UserId

__all__ = ["EVENT", "MOST_OPINIONS", "OF_ITS_OWN", "Listener", "Recent", "TrackNumbers"]

EVENT = struct.Struct("<16sIIIqBB")
"""Event id, track number, position and duration in ms, time in ms since 1970, kind, private."""
NUMBER = np.dtype(
    {"names": ["number", "kind"], "formats": ["<u4", "u1"], "offsets": [16, EVENT.size - 2], "itemsize": EVENT.size}
)
"""The track number and the kind in each of many packed events."""
OF_ITS_OWN = 500
"""Bytes that a listener takes besides the events: the name, the place among the others, the objects that hold it all."""
OF_ITS_NUMBER = 80
"""Bytes that a track takes besides its id: in the mapping, in the list, as a number."""
KINDS: tuple[PlayKind, ...] = get_args(PlayKind)
KIND_AT, PRIVATE_AT = EVENT.size - 2, EVENT.size - 1
OPINIONS_AT = tuple(map(KINDS.index, OPINIONS))
MOST_OPINIONS = 5_000
"""Likes and dislikes of a listener that are kept when they are no longer among the newest events."""


class TrackNumbers:
    """Track ids as small numbers, each id kept once for all listeners."""

    def __init__(self) -> None:
        self._numbers: dict[TrackId, int] = {}
        self._ids: list[TrackId] = []
        self.size_bytes = 0
        """About how much memory they take: a client may call a track whatever it likes."""

    def __len__(self) -> int:
        return len(self._ids)

    def number(self, track: TrackId) -> int:
        """The number that stands for `track`."""
        number = self._numbers.setdefault(track, len(self._ids))
        if number == len(self._ids):
            self._ids.append(track)
            self.size_bytes += sys.getsizeof(track) + OF_ITS_NUMBER
        return number

    def track(self, number: int) -> TrackId:
        """The track that `number` stands for."""
        return self._ids[number]


class Recent(NamedTuple):
    """What one listener did lately, at one moment; unpacked only when somebody asks."""

    user: UserId
    as_of: UUID | None
    """Id of the event that came last."""
    changes: int
    """The same number (and `as_of`) means the same events."""
    packed: bytes
    packed_opinions: bytes
    numbers: TrackNumbers

    def events(self) -> list[PlayEvent]:
        """All events, in the order in which they came."""
        return self._unpacked(self.packed)

    def opinions(self) -> list[PlayEvent]:
        """Likes and dislikes from before these, and perhaps some of these."""
        return self._unpacked(self.packed_opinions)

    def _unpacked(self, packed: bytes) -> list[PlayEvent]:
        return [
            PlayEvent.model_construct(
                v=1,
                event_id=UUID(bytes=event_id),
                user=self.user,
                track=self.numbers.track(number),
                kind=KINDS[kind],
                position_ms=position_ms,
                duration_ms=duration_ms,
                at=datetime.fromtimestamp(at_ms / 1000, UTC),
                client="",
                private=bool(private),
            )
            for event_id, number, position_ms, duration_ms, at_ms, kind, private in EVENT.iter_unpack(packed)
        ]


class Listener:
    """The newest `most` events of one listener, and what was liked or disliked before; not safe between threads."""

    __slots__ = ("_most", "_numbers", "_opinions", "_packed", "_withdrawn", "changes", "loaded")

    def __init__(self, numbers: TrackNumbers, most: int) -> None:
        self._numbers = numbers
        self._most = most
        self._packed, self._opinions = bytearray(), bytearray()
        self._withdrawn: frozenset[TrackId] = frozenset()
        self.loaded = False
        """Whether what was stored before is in."""
        self.changes = 0
        """Grows with every event taken."""

    def __len__(self) -> int:
        return len(self._packed) // EVENT.size

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return OF_ITS_OWN + sys.getsizeof(self._packed) + sys.getsizeof(self._opinions)

    def take(self, event: PlayEvent) -> None:
        """An event that has just come; one that is there already changes nothing, but that it may become private."""
        if event.private and (held := self._held(event.event_id)):
            self.changes += any(not packed[place + PRIVATE_AT] for packed, place in held)
            for packed, place in held:
                packed[place + PRIVATE_AT] = True
        elif not self._has(event.event_id) and not self._long_gone(event):
            self._packed += self._pack(event)
            self._shorten()
            self.changes += 1

    def withdraw(self, track: TrackId) -> None:
        """What was said of `track` until now was never said."""
        number = self._numbers.number(track)
        for packed in (self._packed, self._opinions):
            held = np.frombuffer(bytes(packed), NUMBER)
            gone = np.flatnonzero((held["number"] == number) & np.isin(held["kind"], OPINIONS_AT))
            for place in gone[::-1].tolist():
                del packed[place * EVENT.size : (place + 1) * EVENT.size]
        if not self.loaded:
            self._withdrawn |= {track}
        self.changes += 1

    def load(self, stored: Iterable[PlayEvent], opinions: Iterable[PlayEvent] = ()) -> None:
        """Events from before, and likes and dislikes from long before, both oldest first.

        Events that came live as well stay where they are; what was taken back meanwhile stays away.
        """
        stored = list(stored)
        if len(stored) >= self._most:
            self._drop_private_before(stored[0].at_ms)
        older = bytearray()
        for event in stored:
            if self._has(event.event_id):
                if event.private:
                    # What came live was sent again from before it became private.
                    self.take(event)
            elif not self._is_withdrawn(event):
                older += self._pack(event)
        self._packed = older + self._packed
        before = (self._pack(event) for event in opinions if not self._is_withdrawn(event))
        self._opinions = bytearray().join(before) + self._opinions
        self._shorten()
        self.loaded, self._withdrawn = True, frozenset()
        self.changes += 1

    def recent(self, user: UserId) -> Recent:
        """What is known now; later changes do not touch it."""
        as_of = UUID(bytes=bytes(self._packed[-EVENT.size :][:16])) if self._packed else None
        return Recent(user, as_of, self.changes, bytes(self._packed), bytes(self._opinions), self._numbers)

    def number_anew(self, numbers: TrackNumbers) -> None:
        """Let other numbers stand for the tracks."""
        for packed in (self._packed, self._opinions):
            held = np.frombuffer(packed, NUMBER)["number"]
            old, place = np.unique(held, return_inverse=True)
            new = np.array([numbers.number(self._numbers.track(number)) for number in old], np.uint32)
            held[:] = new[place]
        self._numbers = numbers

    def _pack(self, event: PlayEvent) -> bytes:
        return EVENT.pack(
            event.event_id.bytes,
            self._numbers.number(event.track),
            event.position_ms,
            event.duration_ms,
            event.at_ms,
            KINDS.index(event.kind),
            event.private,
        )

    def _has(self, event_id: UUID) -> bool:
        return _found(self._packed, event_id) >= 0

    def _held(self, event_id: UUID) -> list[tuple[bytearray, int]]:
        """Where an event is, among the newest or among the opinions from before."""
        places = ((packed, _found(packed, event_id)) for packed in (self._packed, self._opinions))
        return [(packed, place) for packed, place in places if place >= 0]

    def _long_gone(self, event: PlayEvent) -> bool:
        """Whether it is the private copy of an event from before all these: nothing has to be known of it."""
        if not event.private or len(self) < self._most:
            return False
        *_, at_ms, _kind, _private = EVENT.unpack_from(self._packed)
        return event.at_ms < int(at_ms)

    def _drop_private_before(self, moment_ms: int) -> None:
        """Of what came before the stored events did, let go of private copies of what is not even among those."""
        events = [self._packed[place : place + EVENT.size] for place in range(0, len(self._packed), EVENT.size)]
        kept = (one for one in events if not one[PRIVATE_AT] or EVENT.unpack(one)[4] >= moment_ms)
        self._packed = bytearray().join(kept)

    def _is_withdrawn(self, event: PlayEvent) -> bool:
        return event.kind in OPINIONS and event.track in self._withdrawn

    def _shorten(self) -> None:
        over = max(len(self) - self._most, 0) * EVENT.size
        for place in range(0, over, EVENT.size):
            event = self._packed[place : place + EVENT.size]
            if event[KIND_AT] in OPINIONS_AT:
                self._opinions += event
        del self._packed[:over]
        del self._opinions[: -MOST_OPINIONS * EVENT.size]


def _found(packed: bytearray, event_id: UUID) -> int:
    """Where an event begins; -1 when it is not there."""
    place = packed.find(event_id.bytes)
    while place >= 0 and place % EVENT.size:
        place = packed.find(event_id.bytes, place + 1)
    return place
