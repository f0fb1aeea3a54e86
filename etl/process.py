"""One file, from source to outcome: the pure part of an ingest, which knows neither Ray nor MongoDB.

In: a `SourceFile`, the options of the run and which contents are known already. Out: `Ingested` or `Failed`, never an exception.
What it writes: the compressed copy and cover in the media store, or the file itself with `in_place`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mutagen.mp3 import MP3
from numpy.typing import NDArray

from etl import compress, in_place, media
from etl.compress import Sound
from etl.features import measure
from etl.scan import SourceFile, uri_of
from etl.spectrum import SAMPLE_RATE
from etl.tags import Tags, read_tags
from infra.errors import AudioError
from infra.models import Features, Media, Source, TrackId

__all__ = ["Converted", "Failed", "Ingested", "Known", "Options", "Outcome", "process"]

SHORTEST_S = 1.0
LENGTH_TOLERANCE_S = 0.25
"""A header counts whole frames and the encoder's padding."""


class Options(NamedTuple):
    """What is the same for every file of a run."""

    folder: Path
    media: Path
    """The media store."""
    bitrate: int
    in_place: bool = False
    backup: Path | None = None


class Known(NamedTuple):
    """A track that has a certain content."""

    id: TrackId
    complete: bool
    """Its features are of this version and its media is there: nothing to convert."""


class Converted(NamedTuple):
    """What came out of reading all of a file's sound."""

    media: Media
    features: Features
    duration_ms: int


class Ingested(NamedTuple):
    """A file that is in the library now; `converted` is None when its sound was known."""

    file: SourceFile
    id: TrackId
    contents: tuple[str, ...]
    source: Source
    """The file as it is now: other bytes after compression in place."""
    tags: Tags
    cover_uri: str | None
    converted: Converted | None


class Failed(NamedTuple):
    """A file that could not be used, and why."""

    file: SourceFile
    stage: str
    reason: str


Outcome = Ingested | Failed


def process(file: SourceFile, options: Options, known: Mapping[str, Known]) -> Outcome:
    """Read, identify, compress and measure one file; `known` maps content hashes to tracks."""
    try:
        return _process(file, options, known)
    except AudioError as error:
        return Failed(file, error.stage, error.reason)
    except Exception as error:  # noqa: BLE001 - the border of one file: the others go on
        return Failed(file, "unexpected", f"{type(error).__name__}: {error}")


def _process(file: SourceFile, options: Options, known: Mapping[str, Known]) -> Ingested:
    _check_readable(file.path)
    sound = compress.probe(file.path)
    if not (options.in_place and sound.codec == "mp3"):
        return _into_store(file, file.path, sound, options, known)
    with in_place.exclusive(file.path) as path:
        sound = compress.probe(path)  # another name of the same file may have been first
        if sound.bitrate_kbps <= options.bitrate:
            return _into_store(file, path, sound, options, known)
        return _in_place(file, path, sound, options, known)


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as opened:
            if not opened.read(1):
                raise AudioError("read", "the file is empty")
    except OSError as error:
        raise AudioError("read", error.strerror or str(error)) from error


def _into_store(file: SourceFile, path: Path, sound: Sound, options: Options, known: Mapping[str, Known]) -> Ingested:
    contents = _contents(path, sound)
    track, complete = _identity(contents, known)
    converted = None
    if not complete:
        target = media.media_path(options.media, track)
        if sound.codec == "mp3" and 0 < sound.bitrate_kbps <= options.bitrate:
            converted = _kept(path, sound, target, stays=options.in_place)
        else:
            converted = _compressed(path, sound, target, options.bitrate)
    return _ingested(file, path, track, contents, options, converted)


def _kept(path: Path, sound: Sound, target: Path, *, stays: bool) -> Converted:
    """An MP3 that is small enough: copied as it is, or left in its place."""
    samples = _Counted(compress.encode_and_decode(path, sound, None, 0))
    features = measure(samples)
    samples.check()
    if not stays:
        with media.replacing(target) as part:
            shutil.copyfile(path, part)
    return _converted(path if stays else target, sound.bitrate_kbps, features, samples.seconds)


def _compressed(path: Path, sound: Sound, target: Path, bitrate: int) -> Converted:
    with media.replacing(target) as part:
        samples = _Counted(compress.encode_and_decode(path, sound, part, bitrate))
        features = measure(samples)
        samples.check()
        made: Any = MP3(part).info
        if abs(made.length - samples.seconds) > LENGTH_TOLERANCE_S:
            raise AudioError("encode", f"compressed, it is {made.length:.1f} s long and not {samples.seconds:.1f} s")
    return _converted(target, round(made.bitrate / 1000), features, samples.seconds)


def _in_place(file: SourceFile, path: Path, sound: Sound, options: Options, known: Mapping[str, Known]) -> Ingested:
    contents = _contents(path, sound)
    track, _ = _identity(contents, known)
    part = in_place.beside(path)
    try:
        samples = _Counted(compress.encode_and_decode(path, sound, part, options.bitrate, keep_tags=False))
        features = measure(samples)
        samples.check()
        bitrate = sound.bitrate_kbps
        if part.stat().st_size < path.stat().st_size:
            made = compress.probe(part)
            bitrate, contents = made.bitrate_kbps, (*contents, compress.content_hash(part, made))
            backup = options.backup and options.backup / file.path.relative_to(options.folder)
            in_place.take_place(path, part, content=contents[0], seconds=samples.seconds, sound=sound, backup=backup)
    finally:
        part.unlink(missing_ok=True)
    converted = _converted(path, bitrate, features, samples.seconds)
    return _ingested(file, path, track, contents, options, converted)


def _contents(path: Path, sound: Sound) -> tuple[str, ...]:
    """The content hashes of a file, the one it was born with first."""
    now = compress.content_hash(path, sound)
    origin = in_place.origin_of(path)
    return (origin, now) if origin and origin != now else (now,)


def _identity(contents: Iterable[str], known: Mapping[str, Known]) -> Known:
    first, *_ = contents
    return next((known[c] for c in contents if c in known), Known(TrackId(first[:32]), complete=False))


def _ingested(
    file: SourceFile,
    path: Path,
    track: TrackId,
    contents: tuple[str, ...],
    options: Options,
    converted: Converted | None,
) -> Ingested:
    tags, now = read_tags(file.path), path.stat()
    cover = media.keep_cover(options.media, track, tags.cover)
    return Ingested(
        file=file,
        id=track,
        contents=contents,
        source=Source(uri=file.uri, bytes=now.st_size, mtime_ns=now.st_mtime_ns),
        tags=tags._replace(cover=None),
        cover_uri=uri_of(cover) if cover else None,
        converted=converted,
    )


def _converted(path: Path, bitrate_kbps: int, features: Features, seconds: float) -> Converted:
    kept = Media(uri=uri_of(path), mime="audio/mpeg", bitrate_kbps=bitrate_kbps, bytes=path.stat().st_size)
    return Converted(kept, features, round(seconds * 1000))


class _Counted:
    """Blocks of samples, counted as they pass."""

    def __init__(self, blocks: Iterator[NDArray[np.float32]]) -> None:
        self._blocks = blocks
        self.seconds = 0.0

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for block in self._blocks:
            self.seconds += block.size / SAMPLE_RATE
            yield block

    def check(self) -> None:
        """Refuse what is too short to say anything about; raises `AudioError`."""
        if self.seconds < SHORTEST_S:
            raise AudioError("decode", f"it plays {self.seconds:.2f} s, and {SHORTEST_S:.0f} s is the least")
