"""Spotify's two exports: the account's (`StreamingHistory*.json`) and the extended one (`Streaming_History_Audio_*.json`).

In: the text of one file. Out: a `Heard` an entry, None for a podcast, a book or a song that did not play. Fields that are not
named here (network addresses, devices, countries) are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field, NonNegativeInt, TypeAdapter, ValidationError

from etl.history.heard import Document, Ending, Heard, Recording, damaged, fault_in, to_ms, within_a_day

__all__ = ["read_account", "read_extended"]

MINUTE_MS = 60_000
INTERRUPTED = {"backbtn", "logout", "remote", "unexpected-exit", "unexpected-exit-while-paused"}
"""Endings that say nothing against the track, however early."""


class _Played(BaseModel):
    """An entry of the account's export."""

    end: datetime = Field(alias="endTime")
    artist: str | None = Field(None, alias="artistName")
    title: str | None = Field(None, alias="trackName")
    played_ms: NonNegativeInt = Field(alias="msPlayed")


class _Streamed(BaseModel):
    """An entry of the extended export."""

    end: AwareDatetime = Field(alias="ts")
    played_ms: NonNegativeInt = Field(alias="ms_played")
    title: str | None = Field(None, alias="master_metadata_track_name")
    artist: str | None = Field(None, alias="master_metadata_album_artist_name")
    album: str | None = Field(None, alias="master_metadata_album_album_name")
    reason_end: str | None = None
    skipped: bool | None = None
    incognito: bool | None = Field(None, alias="incognito_mode")


PLAYED, STREAMED = TypeAdapter(list[_Played]), TypeAdapter(list[_Streamed])


def read_account(document: Document) -> Iterator[Heard | None]:
    """Entries of the account's export, in which a time is known to the minute. Raises `SettingsError`."""
    try:
        entries = PLAYED.validate_json(document.text)
    except ValidationError as error:
        raise fault_in(document, error) from error
    before_ms = 0
    for number, entry in enumerate(entries, 1):
        end_ms = _ended(document, number, entry.end)
        # Songs that ended in the same minute keep the order they have in the file.
        before_ms = before_ms + 1 if 0 <= before_ms - end_ms < MINUTE_MS - 1 else end_ms
        yield _heard(entry.artist, entry.title, "", before_ms, entry.played_ms, "unknown")


def read_extended(document: Document) -> Iterator[Heard | None]:
    """Entries of the extended export. Raises `SettingsError`."""
    try:
        entries = STREAMED.validate_json(document.text)
    except ValidationError as error:
        raise fault_in(document, error) from error
    for number, entry in enumerate(entries, 1):
        end_ms = _ended(document, number, entry.end)
        if entry.reason_end == "trackerror":
            yield None
            continue
        yield _heard(
            entry.artist,
            entry.title,
            entry.album or "",
            end_ms,
            entry.played_ms,
            _ending(entry),
            entry.incognito is True,
        )


def _ended(document: Document, number: int, end: datetime) -> int:
    try:
        return to_ms(end)
    except ValueError as error:
        raise damaged(document, f"entry {number}", str(error)) from error


def _ending(entry: _Streamed) -> Ending:
    if entry.reason_end == "trackdone":
        return "finished"
    if entry.reason_end == "fwdbtn" or entry.skipped:
        return "skipped"
    return "left" if entry.reason_end in INTERRUPTED else "unknown"


def _heard(
    artist: str | None,
    title: str | None,
    album: str,
    end_ms: int,
    played_ms: int,
    ending: Ending,
    private: bool = False,
) -> Heard | None:
    if not artist or not title:
        return None
    return Heard(
        "spotify",
        Recording(artist, title, album),
        max(end_ms - within_a_day(played_ms), 0),
        end_ms,
        ending,
        # What both exports know alike: the extended one names the album's artist, the other one the track's.
        ("spotify", str(end_ms // MINUTE_MS), title.casefold(), str(played_ms)),
        length_ms=played_ms if ending == "finished" else 0,
        private=private,
    )
