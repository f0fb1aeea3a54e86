"""What a listener's events come to: signals to answer from, and tracks that must not be answered with.

In: a listener's `Recent`, and what time it is. Out: a `Taste`.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from infra.models import TrackId
from serving.recent.listener import Recent
from training.data.signals import AHEAD_MS, Signal, disliked, signals

__all__ = ["Taste", "taste_of"]

PRIVATE_PLAYED = 30
"""Newest privately played tracks that do not come back at once."""


class Taste(NamedTuple):
    """What a listener's events come to."""

    signals: list[Signal]
    barred: frozenset[TrackId]
    """Disliked, however long ago, or just played in private."""
    disliked: frozenset[TrackId]
    as_of: UUID | None
    changes: int


def taste_of(recent: Recent, now_ms: int) -> Taste:
    """The taste at `now_ms`, milliseconds since 1970: what claims to be from much later is passed over, as in training."""
    events, opinions = (
        [event for event in some if event.at_ms <= now_ms + AHEAD_MS] for some in (recent.events(), recent.opinions())
    )
    secret = dict.fromkeys(e.track for e in reversed(events) if e.private)
    unwanted = disliked([*opinions, *events])
    return Taste(signals(events), unwanted.union(list(secret)[:PRIVATE_PLAYED]), unwanted, recent.as_of, recent.changes)
