"""Streams that were made once and are kept on disk, the least recently used going first.

In: files as they are finished. Out: the same again, under names made of the track, of its source as it is now, and of the encoding.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import IO, NamedTuple

from etl.audio.encoding import APPENDED, Encoding
from etl.audio.media import abandoned, sync
from infra.models import TrackId

__all__ = ["Kept", "Transcoded", "name_of"]

PART = ".part"


class Kept(NamedTuple):
    """One file of the folder."""

    used_ns: int
    bytes: int
    path: Path


def name_of(track: TrackId, source: os.stat_result, encoding: Encoding) -> str:
    """What the whole track in this encoding is kept under; another as soon as the source is another file."""
    label = encoding.label.replace(" ", "-")
    return f"{track}-{source.st_size:x}-{source.st_mtime_ns:x}-{label}.{APPENDED[encoding.codec].suffix}"


class Transcoded:
    """A folder of at most so many bytes; several processes may use it at once. All methods wait for the disk."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes

    def find(self, name: str) -> Path | None:
        """The file of that name when there is one; it counts as used now."""
        path = self._folder / name
        try:
            # The time of the last change stays as it is: the ETag is made of it.
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except FileNotFoundError:
            return None
        return path

    def begin(self) -> IO[bytes]:
        """A new file to be written; `keep` moves it to its name, or whoever began it removes it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", suffix=PART, delete=False)

    def keep(self, part: Path, name: str) -> None:
        """Move a finished file to its name, whole also after a power cut, and remove what is too much then."""
        if part.stat().st_size > self._most_bytes:
            return
        sync(part)
        part.replace(self._folder / name)
        self.find(name)
        self.trim()

    def trim(self) -> None:
        """Remove the least recently used files until the others fit, and what writers left that were killed a day ago."""
        for part in abandoned(self._folder.glob(f".*{PART}")):
            part.unlink(missing_ok=True)
        kept = sorted(self._kept())
        excess = sum(one.bytes for one in kept) - self._most_bytes
        for one in kept:
            if excess <= 0:
                return
            one.path.unlink(missing_ok=True)
            excess -= one.bytes

    def _kept(self) -> list[Kept]:
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.endswith(PART):
                    try:
                        seen = entry.stat()
                    except FileNotFoundError:
                        continue
                    found.append(Kept(seen.st_atime_ns, seen.st_size, Path(entry.path)))
        return found
