"""The types that travel between the parts: tracks as stored and as shown, and scored answers.

In: values from tags, FFmpeg, librosa, the recommender. Out: frozen, validated objects; no bare dict crosses a folder border.
Units are in the names (`_ms`, `_kbps`, `_lufs`); addresses of files are URIs, so names that are not UTF-8 survive JSON and BSON.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NewType

from pydantic import BaseModel, ConfigDict

__all__ = [
    "Because",
    "Features",
    "Media",
    "Recommendation",
    "Scored",
    "Source",
    "Track",
    "TrackId",
    "TrackRecord",
    "UserId",
]

TrackId = NewType("TrackId", str)
"""32 hexadecimal digits minted from the audio content of the file that was first seen."""

UserId = NewType("UserId", str)


class Frozen(BaseModel):
    """Base of all values: immutable, and refusing fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Track(Frozen):
    """A track as listeners see it; what the HTTP interface answers with."""

    id: TrackId
    title: str
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    track_number: int | None = None
    disc_number: int | None = None
    year: int | None = None
    genre: str = ""
    duration_ms: int
    cover: bool = False
    """Whether `/tracks/{id}/cover` has a picture."""
    loudness_lufs: float | None = None
    """EBU R128 integrated loudness of the original in LUFS; None for silence and for what was not measured."""
    true_peak_dbtp: float | None = None
    """Highest true peak of the original in dBTP, for even volume without clipping."""
    added_at: datetime

    @property
    def album_by(self) -> str:
        """Under whose name its album stands."""
        return self.album_artist or self.artist


class Source(Frozen):
    """One place where a track's file was found."""

    uri: str
    """`file:` URI (percent-encoded bytes of the name) of the file as the user keeps it."""
    bytes: int
    mtime_ns: int


class Media(Frozen):
    """The bytes that are streamed."""

    uri: str
    """`file:` URI: in the media store, or the original's own place after `--in-place`."""
    mime: str
    bitrate_kbps: int
    bytes: int
    encoding: str = ""
    """What the bytes were made with ("mp3 64k", "opus 64k", "mp3 q4"); empty for an original left as it was."""


class Features(Frozen):
    """What was measured in the sound, in natural units; see `etl/sound/features.py` for the order of the values."""

    version: int
    values: tuple[float, ...]
    segments: tuple[tuple[float, ...], ...] = ()
    """The same values over equal consecutive parts of the track: what training contrasts."""


class TrackRecord(Frozen):
    """A track as stored in MongoDB: what is shown, where its bytes are, and how it sounds."""

    track: Track
    contents: tuple[str, ...]
    """Every content hash known to be this track: the original's, then its compressed copy's."""
    sources: tuple[Source, ...]
    media: Media
    cover_uri: str | None = None
    features: Features
    vectors: dict[int, tuple[float, ...]] = {}
    """Features standardised, weighted by family, reduced by PCA and of unit length, by version of the normaliser that made them.

    The newest and the one before it live side by side: a model that was trained with the older one goes on with it.
    """
    missing: bool = False
    """The source was gone when the folder was last read; kept for its plays."""


class Scored(Frozen):
    """A track with its score: higher is better, comparable within one answer only."""

    track: TrackId
    score: float


class Because(Frozen):
    """Why a track is recommended, and the tracks that are the reason, strongest first."""

    kind: Literal["played_with", "goes_with", "sounds_like", "popular", "new", "explore"]
    """Stood in sessions with what was played, or with what was liked or asked for unheard; sounds like what was played;
    played most in the household; came after the training; none of these."""
    tracks: tuple[TrackId, ...] = ()
    never_played: bool = False
    """No play of it was learned from, and this listener has not played it lately."""


class Recommendation(Scored):
    """A scored track with its reason."""

    because: Because
