"""What a listener's plays say: one number a listening, from -1 (away with it) to 1 (more of it).

In: play events of one listener in any order. Out: `Signal`s, oldest first, and the tracks that are disliked.
`weight` is the same judgement on plain columns, for Spark.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from infra.events import DAY_MS, OPINIONS, PlayEvent
from infra.models import TrackId

__all__ = ["AHEAD_MS", "Signal", "disliked", "signals", "weight"]

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


class _Listening:
    """Everything between the start of a track and its end, as told so far."""

    __slots__ = ("at_ms", "began_ms", "ended", "heard", "opinion", "track", "weight")

    def __init__(self, track: TrackId) -> None:
        self.track = track
        self.weight = 0.0
        self.opinion: float | None = None
        self.at_ms = self.began_ms = 0
        self.ended = self.heard = False

    def take(self, event: PlayEvent) -> None:
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
        playing = newest and not self.ended
        said = max(self.weight, PLAYING_NOW) if playing else self.weight
        weight = said if self.opinion is None else self.opinion
        return Signal(self.track, weight, self.at_ms, self.began_ms, self.heard)


def signals(plays: Iterable[PlayEvent], *, include_private: bool = False) -> list[Signal]:
    """One signal a listening, oldest first; a like or dislike has the last word on the newest listening of its track.

    Private plays are left out unless `include_private`.
    """
    newest_of: dict[TrackId, _Listening] = {}
    listenings: list[_Listening] = []
    for event in sorted(plays, key=_order):
        if event.private and not include_private:
            continue
        current = newest_of.get(event.track)
        opinion = event.kind in OPINIONS
        if current is None or (not opinion and (current.ended or event.kind == "started")):
            current = newest_of[event.track] = _Listening(event.track)
            listenings.append(current)
        current.take(event)
    listenings.sort(key=lambda one: one.at_ms)
    return [one.signal(newest=one is listenings[-1]) for one in listenings]


def disliked(plays: Iterable[PlayEvent]) -> frozenset[TrackId]:
    """Tracks whose last opinion is a dislike; a later like lifts it. Private ones count: they bind only this listener."""
    opinions = {e.track: e.kind for e in sorted(plays, key=_order) if e.kind in OPINIONS}
    return frozenset(track for track, kind in opinions.items() if kind == "disliked")


RANK = {"started": 0, "progress": 1, "skipped": 2, "finished": 2, "liked": 3, "disliked": 3}


def _order(event: PlayEvent) -> tuple[int, int]:
    return event.at_ms, RANK[event.kind]
