"""Finding the audio files of a folder, without being caught in a loop and without losing a name.

In: a folder. Out: `SourceFile`s in a stable order, and `Unreadable` for folders that could not be listed.
Names travel as percent-encoded `file:` URIs of their bytes, so names that are not UTF-8 survive every JSON and BSON.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

__all__ = ["AUDIO_SUFFIXES", "SourceFile", "Unreadable", "displayable", "path_of", "scan", "shown", "text_of", "uri_of"]

AUDIO_SUFFIXES = frozenset(
    {".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".m4b", ".aac", ".wav", ".aiff", ".aif", ".wma"}
)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


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


def text_of(path: Path) -> str:
    r"""A path as valid text: bytes that are not UTF-8 are `\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def displayable(path: Path) -> str:
    r"""A path as one line that does nothing to a terminal: control characters are shown as `\n`, `\x1b`."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text_of(path))


def shown(uri: str) -> str:
    """A source as people know it: the path of a `file:` URI, else the address."""
    return displayable(path_of(uri)) if uri.startswith("file://") else uri


def scan(folder: Path) -> Iterator[SourceFile | Unreadable]:
    """All audio files under `folder`, sorted by name; links are followed, each folder is entered once."""
    visited: set[tuple[int, int]] = set()
    waiting = [_entries(folder.absolute(), visited)]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
        elif isinstance(found, Path):
            waiting.append(_entries(found, visited))
        else:
            yield found


def _entries(folder: Path, visited: set[tuple[int, int]]) -> Iterator[SourceFile | Unreadable | Path]:
    """What is in one folder, in order: its audio files, and its folders as paths still to be entered."""
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
        if _is_folder(entry):
            yield folder / entry.name
        elif os.path.splitext(entry.name)[1].lower() in AUDIO_SUFFIXES:  # noqa: PTH122 - a Path for each is slow
            yield from _file(entry)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _file(entry: os.DirEntry[str]) -> Iterator[SourceFile | Unreadable]:
    try:
        found = entry.stat()
    except OSError as error:
        yield Unreadable(uri_of(Path(entry.path)), error.strerror or str(error))
        return
    if stat.S_ISREG(found.st_mode):
        yield SourceFile(uri_of(Path(entry.path)), found.st_size, found.st_mtime_ns)
