"""What a session is steered by: tracks to start from, more like these, less like those, and what is not wanted now.

In: a `Taste`, and what the page asks. Out: the taste as it is in this session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from infra.models import Frozen, TrackId
from serving.http.parameters import GivenTrack
from training.data.signals import Signal

__all__ = ["Steering", "radio", "steered"]

MOST_SEEDS, MOST_STEERING, MOST_WITHOUT = 200, 50, 2_000
SEEDS_HEARD = 20
"""Seeds that an answer starts from, evenly spaced among those given: an artist's whole work is as many as its first album."""


class Steering(Frozen):
    """What to play next in a session that somebody steers."""

    n: int = Field(default=20, ge=1, le=200)
    """How many at most."""
    seeds: Annotated[tuple[GivenTrack, ...], Field(max_length=MOST_SEEDS)] = ()
    """Start from these instead of from the session: a radio."""
    towards: Annotated[tuple[GivenTrack, ...], Field(max_length=MOST_STEERING)] = ()
    """More like these, the newest last."""
    away: Annotated[tuple[GivenTrack, ...], Field(max_length=MOST_STEERING)] = ()
    """Less like these."""
    without: Annotated[tuple[GivenTrack, ...], Field(max_length=MOST_WITHOUT)] = ()
    """Not to be answered with, oldest first: played in this session, removed, not now. The oldest come back when the
    library has nothing else left."""

    @property
    def kept_back(self) -> tuple[TrackId, ...]:
        """All that is not to be answered with, what may come back first at the beginning."""
        return (*self.seeds, *self.towards, *self.away, *self.without)


def radio(seeds: Sequence[TrackId], recent: Sequence[Signal], now_ms: int) -> list[Signal]:
    """The seeds as all that is wanted; what was refused still pushes, and what has just been played does not come back."""
    wanted = set(seeds)
    others = [s._replace(weight=min(s.weight, 0.0)) for s in recent if s.track not in wanted]
    return [*others, *(Signal(seed, 1.0, now_ms, heard=False) for seed in seeds)]


def steered(recent: Sequence[Signal], steering: Steering, now_ms: int) -> list[Signal]:
    """What was heard, and after it what the session is steered by."""
    signals = list(recent)
    if steering.seeds:
        step = -(-len(steering.seeds) // SEEDS_HEARD)
        signals = radio(steering.seeds[::step], signals, now_ms)
    unwanted = set(steering.away)
    signals += [Signal(track, -1.0, now_ms, heard=False) for track in steering.away]
    signals += [Signal(track, 1.0, now_ms, heard=False) for track in steering.towards if track not in unwanted]
    return signals
