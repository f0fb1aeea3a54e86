"""Finding the audio files of a folder, without being caught in a loop and without losing a name.

In: a folder. Out: `SourceFile`s in a stable order, and `Unreadable` for folders that could not be listed.
Names travel as percent-encoded `file:` URIs of their bytes, so names that are not UTF-8 survive every JSON and BSON.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

__all__ = ["AUDIO_SUFFIXES", "SourceFile", "Unreadable", "displayable", "path_of", "scan", "uri_of"]

AUDIO_SUFFIXES = frozenset({".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".wav", ".aiff", ".wma"})


class SourceFile(NamedTuple):
    """One audio file as it was when the folder was read."""

    uri: str
    size: int
    mtime_ns: int

    @property
    def path(self) -> Path:
        """Where the file is; bytes that are not UTF-8 are surrogates, as everywhere in Python."""
        return path_of(self.uri)


class Unreadable(NamedTuple):
    """A folder or file that could not even be looked at."""

    uri: str
    reason: str


def uri_of(path: Path) -> str:
    """The `file:` URI of an absolute path, its bytes percent-encoded."""
    return "file://" + quote_from_bytes(os.fsencode(path))


def path_of(uri: str) -> Path:
    """The path a `file:` URI names."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))))


def displayable(path: Path) -> str:
    r"""A path as valid text: bytes that are not UTF-8 are shown as `\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def scan(folder: Path) -> Iterator[SourceFile | Unreadable]:
    """All audio files under `folder`, sorted by name; links are followed, each folder is entered once."""
    yield from _scan(folder.absolute(), set())


def _scan(folder: Path, visited: set[tuple[int, int]]) -> Iterator[SourceFile | Unreadable]:
    try:
        here = folder.stat()
        if (here.st_dev, here.st_ino) in visited:
            return
        visited.add((here.st_dev, here.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted((e for e in listing if not e.name.startswith(".")), key=lambda e: os.fsencode(e.name))
    except OSError as error:
        yield Unreadable(uri_of(folder), error.strerror or str(error))
        return
    for entry in entries:
        path = folder / entry.name
        if _is_folder(entry):
            yield from _scan(path, visited)
        elif path.suffix.lower() in AUDIO_SUFFIXES:
            yield from _file(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _file(path: Path) -> Iterator[SourceFile | Unreadable]:
    try:
        found = path.stat()
    except OSError as error:
        yield Unreadable(uri_of(path), error.strerror or str(error))
        return
    if path.is_file():
        yield SourceFile(uri_of(path), found.st_size, found.st_mtime_ns)
