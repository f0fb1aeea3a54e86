"""Compression that takes the original's place, so that a kill at any moment leaves each file whole, old or new.

In: an MP3 above the target bitrate. Out: the same name with fewer bytes: tags, cover, mode and times as they were.
The order is: encode beside it, decode back, compare lengths, copy tags, back up, sync, rename, sync the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import mutagen
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.id3 import ID3, TXXX, ID3NoHeaderError

from etl.compress import Sound, decoded_seconds
from etl.media import replacing, sync
from infra.errors import AudioError

__all__ = ["beside", "exclusive", "origin_of", "take_place"]

ORIGIN = "SEGUE_CONTENT"
"""Name of the ID3 text frame that holds the content hash of the file as it was before compression."""
LENGTH_TOLERANCE_S = 0.1


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[Path]:
    """The real file behind `path`, with no other ingest working on it; raises `AudioError` when it cannot be replaced."""
    real = path.resolve()
    if not os.access(real, os.W_OK):
        raise AudioError("encode", "it is read-only, so it cannot be compressed in place")
    if not os.access(real.parent, os.W_OK):
        raise AudioError("encode", "its folder is read-only, so it cannot be compressed in place")
    while True:
        with real.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            # Whoever held the lock before may have replaced the file: the lock must be on what is there now.
            if os.fstat(held.fileno()).st_ino == real.stat().st_ino:
                yield real
                return


def beside(path: Path) -> Path:
    """The hidden name in the same folder that the compressed file is written under; a rest of a killed run is reused."""
    return path.with_name(f".segue-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")


def origin_of(path: Path) -> str | None:
    """Content hash of what a file was before it was compressed in place; None when it was not."""
    try:
        frames = ID3(path).getall(f"TXXX:{ORIGIN}")
    except (mutagen.MutagenError, OSError):
        return None
    return str(frames[0].text[0]) if frames and frames[0].text else None


def take_place(path: Path, part: Path, *, content: str, seconds: float, sound: Sound, backup: Path | None) -> None:
    """Let `part` take the place of `path`, once it is proved to play as long; raises `AudioError`, and `path` is as it was.

    `content` is the hash of the original's audio, `seconds` its decoded length, `backup` where a copy of it goes.
    """
    played = decoded_seconds(part, sound)
    if abs(played - seconds) > LENGTH_TOLERANCE_S:
        raise AudioError("encode", f"compressed, it plays {played:.2f} s and not {seconds:.2f} s; left as it was")
    before = path.stat()
    try:
        _copy_tags(path, part, content)
        if backup is not None:
            _back_up(path, backup)
        part.chmod(before.st_mode & 0o7777)
        if (part.stat().st_uid, part.stat().st_gid) != (before.st_uid, before.st_gid):
            os.chown(part, before.st_uid, before.st_gid)
        os.utime(part, ns=(before.st_atime_ns, before.st_mtime_ns))
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        raise AudioError("encode", f"cannot be replaced: {error.strerror or error}") from error


def _back_up(path: Path, backup: Path) -> None:
    """A copy of `path` at `backup`, or beside it under a number when another file has that name; one copy is enough."""
    for number in itertools.count(1):
        free = backup if number == 1 else backup.with_stem(f"{backup.stem} ({number})")
        if not free.exists():
            with replacing(free) as copy:
                shutil.copyfile(path, copy)
            shutil.copystat(path, free)
            return
        if filecmp.cmp(path, free, shallow=False):
            return


def _copy_tags(original: Path, part: Path, content: str) -> None:
    """Every ID3 frame and APE item, known to us or not; FFmpeg would lose some."""
    try:
        try:
            tags = ID3(original, translate=False)
            if tags.version < (2, 3):
                tags = ID3(original)
        except ID3NoHeaderError:
            tags = ID3()
        tags.add(TXXX(encoding=3, desc=ORIGIN, text=[content]))
        tags.save(part, v2_version=3 if tags.version[:2] == (2, 3) else 4)
        with contextlib.suppress(APENoHeaderError):
            APEv2(original).save(part)
    except mutagen.MutagenError as error:
        raise AudioError("tags", f"its tags cannot be copied, so it is left as it was: {error}") from error
