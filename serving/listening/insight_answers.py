"""What is told of a listener's taste and listening.

In: sums over listenings. Out: frozen types whose JSON is the contract. Times are milliseconds of listening.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from infra.models import Track, TrackId
from serving.answers import Answer

__all__ = [
    "AlbumLeaning",
    "Clock",
    "Fact",
    "Leaning",
    "ListeningDay",
    "MonthOfYear",
    "NamedTime",
    "PlayedAlbum",
    "PlayedName",
    "PlayedTrack",
    "Statistics",
    "TasteTold",
    "TrackLeaning",
]

Clock = tuple[tuple[int, ...], ...]
"""[7][24], Monday first, hours from midnight."""


class _Counts(Answer):
    plays: int
    skips: int
    likes: int
    ms: int
    weight: float
    """From -1 (not wanted) to 1 (wanted)."""


class Leaning(_Counts):
    """What is known of an artist or a genre."""

    name: str


class AlbumLeaning(Leaning):
    """What is known of an album."""

    artist: str


class TrackLeaning(_Counts):
    """What is known of a track."""

    track: Track


class Fact(Answer):
    """One thing that stands out, for a sentence."""

    kind: Literal["most_artist", "most_genre", "skips_artist", "time_of_day", "finishes", "discovers", "returns_to"]
    name: str = ""
    value: float
    """A share from 0 to 1; of `returns_to`, how often."""


class TasteTold(Answer):
    """What is learned from: everything but private plays. Strongest first, wanted or not."""

    since: datetime | None
    plays: int
    finished: int
    skipped: int
    liked: int
    disliked: int
    ms: int
    artists: tuple[Leaning, ...]
    genres: tuple[Leaning, ...]
    albums: tuple[AlbumLeaning, ...]
    tracks: tuple[TrackLeaning, ...]
    hours: tuple[int, ...]
    """24, by hour of the day."""
    facts: tuple[Fact, ...]


class NamedTime(Answer):
    """How long a genre or an artist was listened to; empty for tracks without one."""

    name: str
    ms: int


class MonthOfYear(Answer):
    """One month, by its most heard genres and artists."""

    month: str
    ms: int
    plays: int
    genres: tuple[NamedTime, ...]
    artists: tuple[NamedTime, ...]


class PlayedTrack(Answer):
    """A track, and how much of it."""

    track: Track
    plays: int
    ms: int


class PlayedName(Answer):
    """An artist or a genre, and how much of it."""

    name: str
    plays: int
    ms: int
    cover_track: TrackId | None
    """One of its tracks that were played and have a cover."""


class PlayedAlbum(PlayedName):
    """An album, and how much of it."""

    artist: str


class ListeningDay(Answer):
    """A day."""

    day: str
    ms: int


class Statistics(Answer):
    """A year of listening, private plays included."""

    years: tuple[int, ...]
    """All years in which anything was played, the first one first."""
    year: int
    ms: int
    plays: int
    finished: int
    skipped: int
    n_tracks: int
    n_artists: int
    n_new: int
    """Tracks that had never been played before."""
    longest_day: ListeningDay | None
    days_in_a_row: int
    """The longest row of days with anything played."""
    clock: Clock
    months: tuple[MonthOfYear, ...]
    """Those in which anything was played."""
    top_tracks: tuple[PlayedTrack, ...]
    top_artists: tuple[PlayedName, ...]
    top_albums: tuple[PlayedAlbum, ...]
    top_genres: tuple[PlayedName, ...]
