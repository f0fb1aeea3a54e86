"""What is known of a listener's past already, so that nothing counts twice.

In: the stored plays of a span of time. Out: whether an event is there by its id, and whether the same listening has come in
from somewhere else: Spotify tells Last.fm of every song, and both exports tell of it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from infra.events import PlayEvent
from infra.models import TrackId

__all__ = ["Known"]

NEAR_MS = 120_000
"""Two services' clocks and pauses put the beginning of one listening this far apart at most."""


class Known:
    """Ids of events, and by track where listenings began and who told of them."""

    def __init__(self, stored: Iterable[PlayEvent]) -> None:
        self._ids: set[UUID] = set()
        self._began: defaultdict[tuple[TrackId, int], list[tuple[int, str]]] = defaultdict(list)
        for event in stored:
            self._ids.add(event.event_id)
            began_ms = event.at_ms - event.position_ms
            self.note(event.track, began_ms, event.client)

    def __contains__(self, event: UUID) -> bool:
        return event in self._ids

    def note(self, track: TrackId, began_ms: int, client: str) -> None:
        """From now on this listening is known."""
        self._began[track, began_ms // NEAR_MS].append((began_ms, client))

    def elsewhere(self, track: TrackId, began_ms: int, client: str) -> bool:
        """Whether another client than `client` told of a listening of `track` that began about then."""
        bucket = began_ms // NEAR_MS
        return any(
            teller != client and abs(other_ms - began_ms) <= NEAR_MS
            for near in (bucket - 1, bucket, bucket + 1)
            for other_ms, teller in self._began.get((track, near), ())
        )
