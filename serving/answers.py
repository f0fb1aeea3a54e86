"""What the HTTP interface answers with.

In: tracks, scores and events. Out: frozen types whose JSON is the contract, and which `/openapi.json` describes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, ConfigDict

from infra.events import PlayEvent
from infra.models import Because, Scored, Track, TrackId, UserId

__all__ = [
    "Accepted",
    "Health",
    "History",
    "Neighbours",
    "Problem",
    "Recommendations",
    "RecommendedTrack",
    "RecommenderState",
    "ScoredTrack",
    "ServiceHealth",
    "SignedIn",
    "SimilarTracks",
    "TrackPage",
    "as_json",
    "of_json",
]


class Answer(BaseModel):
    """Base of all answers: immutable, and a reader is not disturbed by fields that a newer service adds."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TrackPage(Answer):
    """Some tracks in the library's order, and the cursor of the next page (None at the end)."""

    items: tuple[Track, ...]
    cursor: str | None = None


class ScoredTrack(Answer):
    """A track and how alike it is: higher is better, comparable within one answer only."""

    track: Track
    score: float


class SimilarTracks(Answer):
    """Tracks like another one, best first."""

    items: tuple[ScoredTrack, ...]
    model_version: str | None
    """None while no model is registered: then the order is by sound alone."""


class RecommendedTrack(ScoredTrack):
    """A track to play next, and why."""

    because: Because


class Recommendations(Answer):
    """Tracks to play next, best first."""

    items: tuple[RecommendedTrack, ...]
    titles: dict[TrackId, str] = {}
    """What the tracks are called that the items name as their reasons, by id."""
    model_version: str | None
    as_of: UUID | None
    """Id of the newest event that was taken into account; None when there was none."""


class History(Answer):
    """A listener's events as posted, newest first, and the cursor of the next page (None at the end)."""

    items: tuple[PlayEvent, ...]
    cursor: str | None = None


class Accepted(Answer):
    """How many events the broker has acknowledged."""

    accepted: int


class SignedIn(Answer):
    """A token for a password. It is told this once."""

    user: UserId
    token: str
    expires_at: datetime


class ServiceHealth(Answer):
    """How one part is."""

    state: Literal["ok", "away", "failing"]
    detail: str = ""
    """What is wrong and what helps, for everybody to read: no folders, no addresses; empty when nothing is wrong."""


class ReaderLag(Answer):
    """Play events that Kafka has acknowledged and that have not been read yet."""

    live: int
    """Not taken into account by recommendations."""
    durable: int
    """Not stored in MongoDB."""


class Health(Answer):
    """How the service is: "ok", "degraded" (answers, but something is wrong), or "down" (a needed part is away)."""

    status: Literal["ok", "degraded", "down"]
    model_version: str | None
    tracks: int
    services: dict[str, ServiceHealth]
    lag: ReaderLag | None = None
    """None while the recommender application does not answer."""


class Problem(Answer):
    """An error, as RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    event: int | None = None
    """Place of the play event at fault in the posted list, from 0."""
    field: str | None = None
    """Name of the field or parameter at fault."""
    request_id: str | None = None
    """What the log calls this request."""


class Neighbours(Answer):
    """What the recommender application tells the library application about one track."""

    items: tuple[Scored, ...]
    model_version: str | None


class RecommenderState(Answer):
    """What the recommender application says of itself."""

    model_version: str | None
    tracks: int
    fault: str = ""
    """Why the newest model is not the one that answers, for everybody to read; empty when it is."""
    live: bool
    """Whether events are read from Kafka as they come."""
    lag: ReaderLag


def as_json(answer: BaseModel, status: int = 200) -> Response:
    """The answer as it goes out; serialised once, without a second validation."""
    return of_json(answer.model_dump_json(), status)


def of_json(written: str | bytes, status: int = 200) -> Response:
    """The answer that is JSON already."""
    # Answers about a listener or a changing library are nobody else's to keep.
    return Response(written, status, {"Cache-Control": "no-store"}, "application/json")
