"""The media store: compressed copies and covers, each written beside its place and then moved into it.

In: track ids and what is to be kept. Out: `HOME/media/<first two digits>/<id>.<suffix of the codec>` and `<id>.cover.<suffix>`.
A reader sees the old file or the new one, whole, whenever a writer is killed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from etl.audio.encoding import Encoding
from etl.scan import path_of
from etl.tags.picture import Cover
from infra.models import Media, TrackId

__all__ = [
    "abandoned",
    "clear_leftovers",
    "cover_path",
    "drop_cover",
    "drop_replaced",
    "in_store",
    "keep_cover",
    "media_path",
    "replacing",
    "sync",
]

LEFTOVER_S = 24 * 3600


def media_path(media: Path, track: TrackId, encoding: Encoding) -> Path:
    """Where the compressed copy of a track is kept."""
    return media / track[:2] / f"{track}.{encoding.form.suffix}"


def in_store(track: TrackId, media: Media) -> bool:
    """Whether what is streamed of a track is its copy in the media store, not a file of the user's."""
    path = path_of(media.uri)
    return path.stem == track and path.parent.name == track[:2]


def drop_replaced(track: TrackId, before: Media, now: Media) -> None:
    """Remove the copy of a track in whose place another, or the file itself, is streamed now; for when that is recorded."""
    old, new = path_of(before.uri), path_of(now.uri)
    if old != new and in_store(track, before):
        old.unlink(missing_ok=True)


def cover_path(media: Path, track: TrackId, suffix: str) -> Path:
    """Where the cover of a track is kept."""
    return media / track[:2] / f"{track}.cover.{suffix}"


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A name beside `target` to write to; moved over it when the block ends well, removed when it does not."""
    _make_folder(target.parent)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        sync(part)
        part.replace(target)
        sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder that outlasts a power cut: its name has to be on the disk as well."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep_cover(media: Path, track: TrackId, cover: Cover | None) -> Path | None:
    """Keep a track's cover, beside what another file of it has brought; None when there is none to keep."""
    kept = cover_path(media, track, cover.suffix) if cover else None
    if cover and kept and not (kept.exists() and kept.read_bytes() == cover.data):
        with replacing(kept) as part:
            part.write_bytes(cover.data)
    return kept


def drop_cover(before: str | None, now: str | None) -> None:
    """Remove the cover of a track that has another now, or none; for when that is recorded."""
    if before and before != now:
        path_of(before).unlink(missing_ok=True)


def clear_leftovers(media: Path) -> None:
    """Remove what writers left behind that were killed more than a day ago."""
    for part in abandoned(media.glob("??/.*.part")):
        part.unlink(missing_ok=True)


def abandoned(paths: Iterable[Path]) -> Iterator[Path]:
    """Those of them that nobody has written to for a day: whoever did was killed."""
    for path in paths:
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < time.time() - LEFTOVER_S:
                yield path
