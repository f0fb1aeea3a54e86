"""Listenings become play events: the fewest that say the same as if it had been played here.

In: listenings with their tracks, in the order in which they began. Out: events v1, the end of each listening; its beginning
only where the one before of the same track was left open, since an end alone would be taken for that one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from etl.history.heard import Heard, within_a_day
from infra.events import PlayEvent, PlayKind
from infra.models import TrackId, UserId

__all__ = ["FINISHED_SHARE", "Listening", "client_of", "event_id", "events"]

NAMESPACE = UUID("6f1c9f0e-1d0b-5c53-9a51-2f6f0c1d7a34")
FINISHED_SHARE = 0.9
"""Share of a track from which a listening whose end is not told counts as finished."""
EARLY_MS = 30_000
"""A listening that is broken off before this is a skip, where the export does not say otherwise."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Listening(NamedTuple):
    """A listening and the track of the library that it was of."""

    heard: Heard
    track: TrackId
    duration_ms: int
    """Of the library's track."""
    until_ms: int
    """When the next listening began, whatever it was of: this one was over by then."""

    @property
    def ended_ms(self) -> int:
        """When it ended, as told or as it must have been."""
        if self.heard.ended_ms is not None:
            return self.heard.ended_ms
        return min(self.heard.began_ms + self.duration_ms, self.until_ms)


def event_id(user: UserId, heard: Heard, kind: str = "") -> UUID:
    """The id of a listening's event: the same whenever and from whichever of an origin's exports it is imported."""
    return uuid5(NAMESPACE, "\n".join((user, *heard.identity, kind)))


def client_of(heard: Heard) -> str:
    """What stands as `client` in its events."""
    return f"import:{heard.origin}"


def events(user: UserId, listenings: Iterable[Listening]) -> Iterator[PlayEvent]:
    """The events of `listenings`, which come in the order in which they began."""
    left_open: set[TrackId] = set()
    for one in listenings:
        kind = _kind(one)
        if one.track in left_open:
            yield _event(user, one, "started")
        yield _event(user, one, kind)
        (left_open.add if kind == "progress" else left_open.discard)(one.track)


def _kind(one: Listening) -> PlayKind:
    ending = one.heard.ending
    if ending in ("finished", "skipped"):
        return "finished" if ending == "finished" else "skipped"
    played_ms = one.ended_ms - one.heard.began_ms
    if one.duration_ms and played_ms >= FINISHED_SHARE * one.duration_ms:
        return "finished"
    return "skipped" if ending == "unknown" and played_ms < EARLY_MS else "progress"


def _event(user: UserId, one: Listening, kind: PlayKind) -> PlayEvent:
    begins = kind == "started"
    return PlayEvent(
        event_id=event_id(user, one.heard, "started" if begins else ""),
        user=user,
        track=one.track,
        kind=kind,
        position_ms=0 if begins else within_a_day(one.ended_ms - one.heard.began_ms),
        duration_ms=within_a_day(one.duration_ms),
        at=EPOCH + timedelta(milliseconds=one.heard.began_ms if begins else one.ended_ms),
        client=client_of(one.heard),
        private=one.heard.private,
    )
