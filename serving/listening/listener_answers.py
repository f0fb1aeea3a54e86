"""What the routes of one listener answer with, beside recommendations.

In: tracks, listenings, counts. Out: frozen types whose JSON is the contract.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from infra.models import Track, TrackId
from serving.answers import Answer, ScoredTrack

__all__ = ["Journey", "Listen", "Listens", "Mix", "Mixes", "Opinion", "Opinions", "Unlearned"]


class Opinion(Answer):
    """What was said of a track, and when."""

    track: Track
    at: datetime


class Opinions(Answer):
    """Likes and dislikes that hold, newest first; those of tracks that the library has."""

    liked: tuple[Opinion, ...]
    disliked: tuple[Opinion, ...]


class Listen(Answer):
    """One listening, from the start of a track to its end or to where it was left."""

    track: Track | None
    """None when the library has it no more."""
    track_id: TrackId
    began_at: datetime
    at: datetime
    """When it was last heard of."""
    kind: str
    """The last thing told: "finished", "skipped", "started" or "progress"; an opinion where it was not heard."""
    position_ms: int
    """How far it was heard."""
    duration_ms: int
    private: bool
    weight: float
    """What is learned from it, from -1 to 1."""
    events: tuple[UUID, ...]


class Listens(Answer):
    """Listenings, newest first, and the cursor of the next page (None at the end)."""

    items: tuple[Listen, ...]
    cursor: str | None = None


class Unlearned(Answer):
    """How many plays have become private."""

    events: int


class Mix(Answer):
    """Tracks for a mood of the day."""

    id: str
    """`daily-1` to `daily-4`, `rediscover`, `never-played` or `new-here`."""
    artists: tuple[str, ...]
    """Whose tracks it has most."""
    items: tuple[Track, ...]


class Mixes(Answer):
    """The mixes of a day; they stay the same until it is over."""

    day: str
    """In UTC."""
    items: tuple[Mix, ...]


class Journey(Answer):
    """From one track to another in even steps; a score tells how evenly a step goes on, 1 is exactly."""

    items: tuple[ScoredTrack, ...]
    model_version: str | None
