"""What the library application answers about albums, artists, genres, searches, work and models.

In: what stands on the shelves, what is under way, what MLflow knows. Out: frozen types whose JSON is the contract.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from infra.models import Track, TrackId
from serving.answers import Answer

__all__ = [
    "Album",
    "AlbumPage",
    "AlbumWithTracks",
    "Artist",
    "ArtistPage",
    "ArtistWithTracks",
    "FailedFile",
    "Failures",
    "Found",
    "Genre",
    "Genres",
    "Model",
    "Models",
    "Work",
    "WorkUnderWay",
]


class Album(Answer):
    """Tracks that share an album artist and an album's title."""

    id: str
    """The same for as long as artist and title are the same but for case and accents."""
    title: str
    artist: str
    """The album artist, or the artist of its first track where none is named."""
    year: int | None
    """That of most of its tracks, as the genre."""
    genre: str
    n_tracks: int
    duration_ms: int
    cover_track: TrackId | None
    """A track whose picture stands for the album; None without any."""
    added_at: datetime
    """When its newest track came."""


class AlbumPage(Answer):
    """Some albums in the order asked for, and the cursor of the next page (None at the end)."""

    items: tuple[Album, ...]
    cursor: str | None = None


class AlbumWithTracks(Album):
    """An album and its tracks, by disc and number."""

    items: tuple[Track, ...]


class Artist(Answer):
    """A name under which tracks or whole albums stand."""

    id: str
    name: str
    n_albums: int
    """Albums with a track of theirs."""
    n_tracks: int
    cover_track: TrackId | None


class ArtistPage(Answer):
    """Some artists by name, and the cursor of the next page (None at the end)."""

    items: tuple[Artist, ...]
    cursor: str | None = None


class ArtistWithTracks(Artist):
    """An artist with albums and tracks; what stands under another's name comes last."""

    albums: tuple[Album, ...]
    items: tuple[Track, ...]


class Genre(Answer):
    """A genre as the tags have it."""

    name: str
    n_tracks: int


class Genres(Answer):
    """All genres, most tracks first."""

    items: tuple[Genre, ...]


class Found(Answer):
    """What a search found, each list best first."""

    tracks: tuple[Track, ...]
    albums: tuple[Album, ...]
    artists: tuple[Artist, ...]


class WorkUnderWay(Answer):
    """An ingest or a training, as it is or as it ended."""

    kind: Literal["ingest", "training"]
    state: Literal["running", "done", "failed", "stopped"]
    """`stopped`: nothing was heard of it for a while and it did not say that it ended."""
    stage: str
    """What it is at; empty when it is over."""
    done: int
    total: int
    """Of how many; 0 while that is not known."""
    failed: int
    left_s: float | None
    """Seconds that the rest will take; None when nobody can say."""
    began_at: datetime
    changed_at: datetime
    told: str
    """A sentence about where it is or what came of it."""


class Work(Answer):
    """The newest of each kind, the one that changed last first."""

    items: tuple[WorkUnderWay, ...]


class FailedFile(Answer):
    """A file that could not be brought in."""

    name: str
    """Without its folder."""
    stage: str
    reason: str
    advice: str


class Failures(Answer):
    """Some failures, newest first, and how many there are."""

    items: tuple[FailedFile, ...]
    total: int


class Model(Answer):
    """A version of the model, what it learned from and how good it is on plays that were kept from it."""

    version: str
    champion: bool
    created_at: datetime
    tracks: int
    plays: int
    sessions: int
    metrics: dict[str, float]


class Models(Answer):
    """The versions that are kept, oldest first."""

    items: tuple[Model, ...]
