"""Compression that takes the original's place, so that a kill at any moment leaves each file whole, old or new.

In: an MP3 above the target bitrate. Out: the same name with fewer bytes: tags, cover, mode, times and attributes as they were.
The order is: refuse what would lose something, encode beside it, decode back, compare lengths, put the tags around it,
compare the sound, back up, sync, rename, sync the folder. What is refused is left as it was, with the reason: a read-only file,
one with several names (hard links would part), one that another program changes meanwhile, one with much in it that is neither
sound nor tags. One that would not become smaller is left too.
"""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import hashlib
import itertools
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from etl.audio.compress import Sound, content_hash, decoded_seconds, foreign_bytes, probe
from etl.audio.media import abandoned, replacing, sync
from etl.tags.origin import Mark, tags_with_mark
from etl.tags.raw import REFUSED, head_length
from infra.errors import AudioError

__all__ = ["REFUSED", "Beside", "beside", "clear_leftovers", "exclusive", "take_place", "written_beside"]

LENGTH_TOLERANCE_S = 0.1
FOREIGN_LIMIT = 4096
"""Bytes; that much damage, or a rest of a tag, is in many a file that plays well."""
LOCKED_S, LOOK_EVERY_S = 600.0, 0.2
"""How long another program may hold a file locked, and how often that is looked at."""


class Beside(NamedTuple):
    """Where the compressed file is written, and what its original was when that began."""

    part: Path
    before: os.stat_result


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[Path]:
    """The real file behind `path`, with no other ingest working on it; raises `AudioError` when it stays locked."""
    try:
        real = path.resolve(strict=True)
        held = _held(real)
    except OSError as error:
        raise AudioError(REFUSED, f"it cannot be held for itself: {error.strerror or error}") from error
    with held:
        yield real


def _held(real: Path) -> IO[bytes]:
    """The file, open and locked; whoever had the lock before may have replaced it, so it must be what is there now."""
    deadline = time.monotonic() + LOCKED_S
    while time.monotonic() < deadline:
        held = real.open("rb")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(held.fileno()), real.stat()):
                return held
        except BlockingIOError:
            time.sleep(LOOK_EVERY_S)
        except OSError:
            held.close()
            raise
        held.close()
    raise AudioError(REFUSED, f"another program has held it locked for {LOCKED_S:.0f} s; left as it was")


@contextlib.contextmanager
def written_beside(path: Path, sound: Sound) -> Iterator[Beside]:
    """A new hidden file in the folder of `path`, gone when the block ends; raises `AudioError` for what cannot be replaced.

    Only its owner can read it until it has the mode of its original, and it is never another file behind a link.
    """
    before = path.stat()
    _refuse_what_would_part(path, before)
    _refuse_what_would_lose(path, sound)
    part = beside(path)
    try:
        part.unlink(missing_ok=True)
        _created(part).close()
    except OSError as error:
        raise AudioError(REFUSED, f"nothing can be written beside it: {error.strerror or error}") from error
    try:
        yield Beside(part, before)
    finally:
        part.unlink(missing_ok=True)
        _tagged(part).unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """The hidden name in the same folder that the compressed file is written under; a rest of a killed run is replaced."""
    return path.with_name(f".segue-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")


def clear_leftovers(folders: Iterable[Path]) -> None:
    """Remove what runs left behind that were killed more than a day ago, and whose originals never came up again."""
    for part in abandoned(itertools.chain.from_iterable(folder.glob(".segue-*.part") for folder in folders)):
        with contextlib.suppress(OSError):
            part.unlink()


def take_place(path: Path, wrote: Beside, mark: Mark, *, seconds: float, sound: Sound, backup: Path | None) -> bool:
    """Let what was written beside `path` take its place, once it is proved to play as long; False when it is no smaller.

    `mark` has the hashes of the original's audio and of that beside it, `seconds` is the original's decoded length,
    `backup` where a copy of it goes.
    Raises `AudioError`; then, as when False, `path` is as it was.
    """
    played = decoded_seconds(wrote.part, sound)
    if abs(played - seconds) > LENGTH_TOLERANCE_S:
        raise AudioError(REFUSED, f"compressed, it plays {played:.2f} s and not {seconds:.2f} s; left as it was")
    try:
        ready = _with_tags_of(path, wrote.part, mark)
        if ready.stat().st_size >= wrote.before.st_size:
            return False
        if content_hash(ready, probe(ready)) != mark.made:
            raise AudioError(REFUSED, "its tags do not go with compressed sound; left as it was")
        if backup is not None:
            _back_up(path, backup)
        _replace(path, ready, wrote.before)
    except OSError as error:
        raise AudioError(REFUSED, f"it cannot be replaced: {error.strerror or error}; left as it was") from error
    return True


def _refuse_what_would_part(path: Path, before: os.stat_result) -> None:
    if not os.access(path, os.W_OK) or not before.st_mode & 0o222:
        raise AudioError(REFUSED, "it is read-only, so it cannot be compressed in place")
    if not os.access(path.parent, os.W_OK):
        raise AudioError(REFUSED, "its folder is read-only, so it cannot be compressed in place")
    if before.st_nlink > 1:
        raise AudioError(
            REFUSED, f"it has {before.st_nlink} names (hard links), which would part, so it is left as it was"
        )


def _refuse_what_would_lose(path: Path, sound: Sound) -> None:
    try:
        tags_with_mark(path, Mark("0" * 64, "0" * 64))
    except OSError as error:
        raise AudioError(REFUSED, f"its tags cannot be read: {error.strerror or error}; left as it was") from error
    if (foreign := foreign_bytes(path, sound)) > FOREIGN_LIMIT:
        raise AudioError(
            REFUSED, f"{foreign:,} bytes in it are neither sound nor a known tag and would be lost; left as it was"
        )


def _replace(path: Path, ready: Path, before: os.stat_result) -> None:
    if (ready.stat().st_uid, ready.stat().st_gid) != (before.st_uid, before.st_gid):
        os.chown(ready, before.st_uid, before.st_gid)
    shutil.copystat(path, ready)  # mode, extended attributes, times
    os.utime(ready, ns=(before.st_atime_ns, before.st_mtime_ns))
    sync(ready)
    now = path.stat()
    if _marks(now) != _marks(before):
        raise AudioError(REFUSED, "another program changed it meanwhile, so it is left as it is now")
    ready.replace(path)
    sync(path.parent)


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_nlink, found.st_size, found.st_mtime_ns


def _created(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _tagged(part: Path) -> Path:
    return part.with_name(f"{part.stem}-tagged.part")


def _with_tags_of(original: Path, part: Path, mark: Mark) -> Path:
    """A file with the sound of `part` between the tags of `original`, byte by byte: FFmpeg would lose some of them."""
    head, tail = tags_with_mark(original, mark)
    tagged = _tagged(part)
    tagged.unlink(missing_ok=True)
    with part.open("rb") as sound, _created(tagged) as made:
        sound.seek(head_length(sound))
        made.write(head)
        shutil.copyfileobj(sound, made, 1 << 20)
        made.write(tail)
    return tagged


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
