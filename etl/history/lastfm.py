"""Last.fm scrobbles as the common exporters write them: `artist,album,track,date` without a header, or columns with names.

In: the text of one file. Out: a `Heard` a row, None for a row without a time (what was playing when the export was made).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from etl.history.heard import Document, Heard, Recording, damaged, to_ms

__all__ = ["looks_like_scrobbles", "read_scrobbles"]

NAMES: Mapping[str, Sequence[str]] = {
    "artist": ("artist", "artist_name", "artist name"),
    "title": ("track", "title", "track_name", "track name", "name", "song"),
    "album": ("album", "album_name", "album name"),
    "time": ("uts", "timestamp", "utc_time", "date", "datetime", "time"),
}
"""What the columns are called, the most exact first."""
DATES = ("%d %b %Y %H:%M", "%d %b %Y, %H:%M", "%d %b %Y %H:%M:%S")
FIRST_ROWS = 20
FIRST_CHARACTERS = 65_536
MILLISECONDS_FROM = 100_000_000_000
"""A number of seconds this large would be in the year 5138."""


class _Columns(NamedTuple):
    artist: int
    title: int
    album: int | None
    time: int

    @property
    def last(self) -> int:
        return max(self.artist, self.title, self.album or 0, self.time)


WITHOUT_HEADER = _Columns(artist=0, album=1, title=2, time=3)


def looks_like_scrobbles(text: str) -> bool:
    """Whether this is a table of scrobbles: by the names of its columns, or by dates in the fourth."""
    try:
        return _columns(text) is not None
    except csv.Error:
        return False


def read_scrobbles(document: Document) -> Iterator[Heard | None]:
    """Rows of a table of scrobbles. Raises `SettingsError` naming the line at fault."""
    columns = _columns(document.text) or WITHOUT_HEADER
    rows = csv.reader(io.StringIO(document.text, newline=""), delimiter=_delimiter(document.text), strict=True)
    try:
        if columns is not WITHOUT_HEADER:
            next(rows)
        for row in rows:
            if any(cell.strip() for cell in row):
                yield _heard(document, rows.line_num, row, columns)
    except csv.Error as error:
        raise damaged(document, f"line {rows.line_num}", str(error)) from error


def _heard(document: Document, line: int, row: Sequence[str], columns: _Columns) -> Heard | None:
    if len(row) <= columns.last:
        raise damaged(document, f"line {line}", f"{len(row)} columns where {columns.last + 1} are needed")
    artist, title = row[columns.artist].strip(), row[columns.title].strip()
    try:
        second = _seconds(row[columns.time].strip())
    except ValueError as error:
        raise damaged(document, f"line {line}", f"time {row[columns.time]!r}: {error}") from error
    if not (second and artist and title):
        return None
    album = row[columns.album].strip() if columns.album is not None else ""
    # To the minute, which is all that some exporters write.
    identity = ("lastfm", str(second // 60), artist.casefold(), title.casefold())
    return Heard("lastfm", Recording(artist, title, album), second * 1000, None, "finished", identity)


def _seconds(told: str) -> int:
    """Seconds since 1970; 0 for no time, which Last.fm writes as the first of January 1970 too."""
    if not told:
        return 0
    if told.isdecimal():
        number = int(told)
        return to_ms(datetime.fromtimestamp(number / 1000 if number >= MILLISECONDS_FROM else number, UTC)) // 1000
    for form in DATES:
        try:
            return to_ms(datetime.strptime(told, form).replace(tzinfo=UTC)) // 1000
        except ValueError:
            continue
    return to_ms(datetime.fromisoformat(told)) // 1000


def _columns(text: str) -> _Columns | None:
    reader = csv.reader(io.StringIO(text[:FIRST_CHARACTERS], newline=""), delimiter=_delimiter(text))
    rows = [row for row in islice(reader, FIRST_ROWS) if row]
    if not rows:
        return None
    header = [cell.strip().lower() for cell in rows[0]]
    found = {meaning: next((header.index(n) for n in names if n in header), None) for meaning, names in NAMES.items()}
    artist, title, time = found["artist"], found["title"], found["time"]
    if artist is not None and title is not None and time is not None:
        return _Columns(artist, title, found["album"], time)
    return WITHOUT_HEADER if any(_is_scrobble(row) for row in rows) else None


def _is_scrobble(row: Sequence[str]) -> bool:
    try:
        return len(row) == len(WITHOUT_HEADER) and bool(_seconds(row[WITHOUT_HEADER.time].strip()))
    except ValueError:
        return False


def _delimiter(text: str) -> str:
    first = text[:FIRST_CHARACTERS].split("\n", 1)[0]
    return max(",;\t", key=first.count)
