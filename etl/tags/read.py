"""What a file says about itself: title, artist, album, numbers, year, genre and its picture.

In: the path of an audio file. Out: `Tags`, cleaned of what no database or page can hold, and the cover's bytes.
ID3, Vorbis comments, MP4 atoms and ASF attributes are read through one table of names.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mutagen
from mutagen import flac
from mutagen.apev2 import APENoHeaderError, APEv2

from etl.scan import text_of
from etl.tags.picture import COVER_LIMIT, Cover, cover_from
from infra.errors import AudioError

__all__ = ["Tags", "named_after", "read_tags"]

COVER_FILES = (
    "cover.jpg",
    "cover.png",
    "folder.jpg",
    "folder.png",
    "front.jpg",
    "front.png",
    "Folder.jpg",
    "Cover.jpg",
)
UNREADABLE = (
    mutagen.MutagenError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    struct.error,
    EOFError,
)
"""What mutagen raises at tags that it cannot read, by mistake as well; they are no reason to refuse a file that FFmpeg plays."""
LONGEST = 1_000
"""Characters of a text: a database indexes it and a page shows it, and a whole booklet in a title is a mistake."""
FRONT = 3
"""The picture type "front cover" in ID3 and FLAC."""

NAMES = {
    "title": ("TIT2", "title", "\xa9nam", "Title"),
    "artist": ("TPE1", "artist", "\xa9ART", "Author"),
    "album": ("TALB", "album", "\xa9alb", "WM/AlbumTitle"),
    "album_artist": ("TPE2", "albumartist", "album artist", "aART", "WM/AlbumArtist"),
    "track_number": ("TRCK", "tracknumber", "trkn", "WM/TrackNumber", "track"),
    "disc_number": ("TPOS", "discnumber", "disk", "WM/PartOfSet", "disc"),
    "year": ("TDRC", "date", "year", "\xa9day", "WM/Year"),
    "genre": ("TCON", "genre", "\xa9gen", "WM/Genre"),
}


class Tags(NamedTuple):
    """Everything shown about a track that comes from its file."""

    title: str
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    track_number: int | None = None
    disc_number: int | None = None
    year: int | None = None
    genre: str = ""
    cover: Cover | None = None


def read_tags(path: Path) -> Tags:
    """The tags of a file; a file without any has its name as title. Raises `AudioError` at stage "tags"."""
    try:
        found = mutagen.File(path)
        tags: Mapping[str, Any] = {} if found is None else found.tags or _ape(path)
    except UNREADABLE:
        found, tags = None, {}
    except OSError as error:
        raise AudioError("tags", error.strerror or str(error)) from error
    return Tags(
        title=_text(tags, "title") or named_after(path),
        artist=_text(tags, "artist"),
        album=_text(tags, "album"),
        album_artist=_text(tags, "album_artist"),
        track_number=_number(_text(tags, "track_number")),
        disc_number=_number(_text(tags, "disc_number")),
        year=_year(_text(tags, "year")),
        genre=_text(tags, "genre"),
        cover=_cover(found, tags) or _cover_beside(path),
    )


def named_after(path: Path) -> str:
    """The title of a file that says none."""
    return _clean(text_of(Path(path.stem)))


def _ape(path: Path) -> Any:
    """What an MP3 without ID3 tags has instead."""
    try:
        return APEv2(path)
    except APENoHeaderError:
        return {}


def _text(tags: Mapping[str, Any], field: str) -> str:
    for name in NAMES[field]:
        try:
            value = tags.get(name)
        except ValueError:  # Vorbis comments refuse to look for names outside ASCII
            continue
        if value is not None and (text := ", ".join(filter(None, map(_clean, _strings(value))))):
            return text[:LONGEST].rstrip()
    return ""


def _strings(value: Any) -> Iterator[str]:
    values = getattr(value, "genres", None) or getattr(value, "text", value)
    for one in values if isinstance(values, list | tuple) else [values]:
        yield str(one[0]) if isinstance(one, tuple) and one else str(one)


def _clean(text: str) -> str:
    """Valid UTF-8 in one line: no lone surrogates, no control characters, no space around or doubled."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return " ".join("".join(c if c.isprintable() or c in "\u200d\u200c" else " " for c in text).split())


def _number(text: str) -> int | None:
    found = re.match(r"0*(\d{1,5})\b", text)
    return int(found[1]) or None if found else None


def _year(text: str) -> int | None:
    found = re.search(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)", text)
    return int(found[1]) if found else None


def _cover(found: Any, tags: Mapping[str, Any]) -> Cover | None:
    pictures = sorted(_pictures(found, tags), key=lambda p: p[0] != FRONT)
    return next((cover for _, data in pictures if (cover := cover_from(data))), None)


def _pictures(found: Any, tags: Mapping[str, Any]) -> Iterator[tuple[int, bytes]]:
    for picture in getattr(found, "pictures", ()):
        yield picture.type, picture.data
    for frame in tags.getall("APIC") if hasattr(tags, "getall") else ():
        yield frame.type, frame.data
    if "covr" in tags:
        for data in tags["covr"]:
            yield FRONT, bytes(data)
    if "metadata_block_picture" in tags:
        for text in tags["metadata_block_picture"]:
            try:
                picture = flac.Picture(base64.b64decode(text))
            except (flac.error, binascii.Error):
                continue
            yield picture.type, picture.data


def _cover_beside(path: Path) -> Cover | None:
    for name in COVER_FILES:
        try:
            beside = path.with_name(name)
            if beside.stat().st_size <= COVER_LIMIT and (cover := cover_from(beside.read_bytes())):
                return cover
        except OSError:
            continue
    return None
