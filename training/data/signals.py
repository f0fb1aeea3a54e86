"""What a listener's plays say: one number a listening, from -1 (away with it) to 1 (more of it).

In: play events of one listener in any order. Out: `Signal`s, oldest first, and the tracks that are disliked; `Listenings`
for who wants to know more of each.
`weight` is the same judgement on plain columns, for Spark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

from infra.events import DAY_MS, OPINIONS, PlayEvent
from infra.models import TrackId

__all__ = ["AHEAD_MS", "Listening", "Listenings", "Signal", "Told", "disliked", "in_order", "signals", "weight"]

SKIPPED_AT_START, SKIPPED_AT_END = -1.0, 0.5
LEFT_AT_START, LEFT_AT_END = -0.3, 0.8
HEARD = 0.9
"""Share of a track after which leaving it says nothing against it."""
USUAL_MS = 200_000
"""Length assumed for a track whose client did not know it."""
AHEAD_MS = DAY_MS
"""A play that is later than now by more than this has its time from a clock that is wrong, and says nothing."""
PLAYING_NOW = 0.5
"""Least weight of what is still playing: it was chosen, and nothing has been said against it yet."""


class Signal(NamedTuple):
    """What one listening says about one track."""

    track: TrackId
    weight: float
    """From -1 (skipped at once, disliked) to 1 (finished, liked)."""
    at_ms: int
    """When it last changed, milliseconds since 1970."""
    began_ms: int | None = None
    """When the track was begun, as its last event has it; None where that is not known."""
    heard: bool = True
    """False for a track that was wanted without being played: liked unheard, or the seed of a radio."""

    @property
    def begun_ms(self) -> int:
        """When silence before it ended."""
        return self.at_ms if self.began_ms is None else self.began_ms


def weight(kind: str, position_ms: int, duration_ms: int) -> float:
    """The weight of a listening whose last event is of `kind`, at `position_ms` of `duration_ms` (0: not known).

    A skip counts from -1 at the start to 0.5 at 90 %; merely leaving, without a skip, from -0.3 to 0.8.
    """
    if kind in ("finished", "liked"):
        return 1.0
    if kind == "disliked":
        return -1.0
    heard = min(max(position_ms, 0) / (duration_ms if duration_ms > 0 else USUAL_MS) / HEARD, 1.0)
    start, end = (SKIPPED_AT_START, SKIPPED_AT_END) if kind == "skipped" else (LEFT_AT_START, LEFT_AT_END)
    return start + (end - start) * heard


class Told(Protocol):
    """What is needed of a play event, posted or stored."""

    @property
    def track(self) -> str:
        """Id of the track."""
        ...

    @property
    def kind(self) -> str:
        """What was done."""
        ...

    @property
    def position_ms(self) -> int:
        """Where in the track."""
        ...

    @property
    def duration_ms(self) -> int:
        """Length of the track; 0 when not known."""
        ...

    @property
    def at_ms(self) -> int:
        """When, milliseconds since 1970."""
        ...


class Listening:
    """Everything between the start of a track and its end, as told so far."""

    __slots__ = ("at_ms", "began_ms", "ended", "heard", "opinion", "track", "weight")

    def __init__(self, track: TrackId) -> None:
        self.track = track
        self.weight = 0.0
        self.opinion: float | None = None
        self.at_ms = self.began_ms = 0
        self.ended = self.heard = False

    def take(self, event: Told) -> None:
        """What comes next of it."""
        self.at_ms = event.at_ms
        self.began_ms = self.at_ms - event.position_ms
        judged = weight(event.kind, event.position_ms, event.duration_ms)
        if event.kind in OPINIONS:
            self.opinion = judged
        else:
            self.weight = judged
            self.heard = True
            self.ended = event.kind in ("finished", "skipped")

    def signal(self, newest: bool) -> Signal:
        """What it says; the newest one of a listener may be playing still."""
        playing = newest and not self.ended
        said = max(self.weight, PLAYING_NOW) if playing else self.weight
        weight = said if self.opinion is None else self.opinion
        return Signal(self.track, weight, self.at_ms, self.began_ms, self.heard)


One = TypeVar("One", bound=Listening)


class Listenings(Generic[One]):
    """Listenings made of events that come in their order; `all` has them in that of their beginnings."""

    def __init__(self, make: Callable[[TrackId], One]) -> None:
        self._make = make
        self._newest_of: dict[str, One] = {}
        self.all: list[One] = []

    def take(self, event: Told) -> None:
        """The next event. An opinion has the last word on the newest listening of its track."""
        current = self._newest_of.get(event.track)
        opinion = event.kind in OPINIONS
        if current is None or (not opinion and (current.ended or event.kind == "started")):
            track = TrackId(event.track) if current is None else current.track
            current = self._newest_of[track] = self._make(track)
            self.all.append(current)
        current.take(event)


def signals(plays: Iterable[PlayEvent], *, include_private: bool = False) -> list[Signal]:
    """One signal a listening, oldest first; a like or dislike has the last word on the newest listening of its track.

    Private plays are left out unless `include_private`.
    """
    known = Listenings(Listening)
    for event in sorted(plays, key=in_order):
        if include_private or not event.private:
            known.take(event)
    listenings = sorted(known.all, key=lambda one: one.at_ms)
    return [one.signal(newest=one is listenings[-1]) for one in listenings]


def disliked(plays: Iterable[PlayEvent]) -> frozenset[TrackId]:
    """Tracks whose last opinion is a dislike; a later like lifts it. Private ones count: they bind only this listener."""
    opinions = {e.track: e.kind for e in sorted(plays, key=in_order) if e.kind in OPINIONS}
    return frozenset(track for track, kind in opinions.items() if kind == "disliked")


RANK = {"started": 0, "progress": 1, "skipped": 2, "finished": 2, "liked": 3, "disliked": 3}


def in_order(event: Told) -> tuple[int, int]:
    """What events of one listener are sorted by."""
    return event.at_ms, RANK[event.kind]
