"""Opening what the user names, files, folders and zips, and telling by the content which export it is.

In: paths. Out: every listening in them. In a folder or zip, files that are no listening history are passed over;
a file that was named and is none is an error.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from etl.history import lastfm, listenbrainz, spotify
from etl.history.heard import Document, Heard
from infra.errors import SettingsError

__all__ = ["Export", "read"]

Reader = Callable[[Document], Iterator[Heard | None]]

SUFFIXES = {".json", ".jsonl", ".csv", ".tsv"}
"""Files looked at in a folder or a zip."""
START = 65_536
"""Characters at the beginning of a file by which its format is told."""
LARGEST = 512_000_000
"""Most bytes of one file: the services split theirs at a fraction of it."""
LARGEST_ZIP = 4 * LARGEST
"""Most bytes of all histories in a zip, unpacked."""
KNOWN = (
    "Segue reads Spotify's exports (StreamingHistory*.json, Streaming_History_Audio_*.json), Last.fm as CSV "
    "(artist,album,track,date) and ListenBrainz's JSONL, each as it came, also as a zip or a folder"
)


class Export(NamedTuple):
    """What was in one file."""

    name: str
    heard: tuple[Heard, ...]
    passed_over: int
    """Entries that are no music, or have no time."""


def read(paths: Iterable[Path]) -> Iterator[Export]:
    """All listening histories below `paths`; raises `SettingsError` naming the file, the place in it and what to do."""
    for path in paths:
        if path.is_dir():
            yield from _within(path, [f for f in sorted(path.rglob("*")) if f.is_file()])
        elif zipfile.is_zipfile(path):
            yield from _needed(path, _zipped(path))
        else:
            document = Document(str(path), _text(str(path), _bytes(path)))
            reader = _reader(document.text)
            if reader is None:
                raise SettingsError(f"{path} is not a listening history. {KNOWN}")
            yield _export(document, reader)


def _within(folder: Path, files: Iterable[Path]) -> Iterator[Export]:
    def found() -> Iterator[Export]:
        for path in files:
            if path.suffix.lower() == ".zip":
                yield from _zipped(path)
            elif path.suffix.lower() in SUFFIXES:
                yield from _recognised(str(path), _bytes(path))

    yield from _needed(folder, found())


def _zipped(path: Path) -> Iterator[Export]:
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.infolist(), key=lambda m: m.filename):
                if not member.is_dir() and Path(member.filename).suffix.lower() in SUFFIXES:
                    name = f"{path}, {member.filename}"
                    with archive.open(member) as opened:
                        start = opened.read(4 * START)  # bytes of a character, at most
                        if _reader(_text(name, start, strict=False)) is None:
                            continue
                        unpacked += member.file_size
                        if member.file_size > LARGEST or unpacked > LARGEST_ZIP:
                            raise SettingsError(
                                f"{name}: {member.file_size} bytes, {unpacked} with those before it: no service exports so much"
                            )
                        yield from _recognised(name, start + opened.read())
    # A password is a RuntimeError, a way of packing that is not known a NotImplementedError.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as error:
        raise SettingsError(f"{path} cannot be unpacked ({error}): download it again, or unpack it yourself") from error


def _recognised(name: str, content: bytes) -> Iterator[Export]:
    document = Document(name, _text(name, content, strict=False))
    reader = _reader(document.text)
    if reader is not None:
        # Told by its beginning to be one: from here on its letters have to be right.
        yield _export(Document(name, _text(name, content)), reader)


def _needed(path: Path, exports: Iterator[Export]) -> Iterator[Export]:
    found = False
    for export in exports:
        found = True
        yield export
    if not found:
        raise SettingsError(f"there is no listening history in {path}. {KNOWN}")


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise SettingsError(f"{path} is larger than {LARGEST} bytes: no service exports such a file")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error


def _text(name: str, content: bytes, *, strict: bool = True) -> str:
    try:
        return content.decode("utf-8-sig", errors="strict" if strict else "replace")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{name}, line {line}: not UTF-8 text; fetch the export again") from error


def _reader(text: str) -> Reader | None:
    start = text[:START].lstrip()
    if start.startswith("["):
        return _reader_of_list(start)
    if start.startswith("{"):
        return listenbrainz.read_lines if '"listened_at"' in start and '"track_metadata"' in start else None
    return lastfm.read_scrobbles if lastfm.looks_like_scrobbles(text) else None


def _reader_of_list(start: str) -> Reader | None:
    if '"ms_played"' in start and '"ts"' in start:
        return spotify.read_extended
    # A service writes an empty list where there was nothing in a year, or no podcast.
    if ('"msPlayed"' in start and '"endTime"' in start) or start[1:].strip() == "]":
        return spotify.read_account
    return listenbrainz.read_list if '"listened_at"' in start and '"track_metadata"' in start else None


def _export(document: Document, reader: Reader) -> Export:
    entries = list(reader(document))
    heard = tuple(one for one in entries if one is not None)
    return Export(document.name, heard, len(entries) - len(heard))
