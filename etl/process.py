"""One file, from source to outcome: the pure part of an ingest, which knows neither Ray nor MongoDB.

In: a `SourceFile`, the options of the run and which contents are known already. Out: `Ingested` or `Failed`, never an exception.
What it writes: the compressed copy and cover in the media store, or the file itself with `in_place`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from etl.audio import compress, convert, in_place, media
from etl.audio.compress import Reading, Sound
from etl.audio.convert import Converted
from etl.audio.encoding import MP3_MIME, Encoding
from etl.scan import SourceFile, uri_of
from etl.sound.features import FEATURE_VERSION
from etl.tags.origin import Mark, origin_of
from etl.tags.raw import REFUSED
from etl.tags.read import Tags, read_tags
from infra.errors import AudioError
from infra.models import Media, Source, TrackId

__all__ = ["Converted", "Failed", "Ingested", "Known", "Options", "Outcome", "place_key", "process"]


LOUDNESS_SINCE = 2
"""Version of the features with which the loudness began to be measured: of tracks that have one as new it is known."""


class Options(NamedTuple):
    """What is the same for every file of a run."""

    folder: Path
    media: Path
    """The media store."""
    encoding: Encoding = Encoding()
    in_place: bool = False
    backup: Path | None = None
    again: bool = False
    """Whether what was made with another encoding is to be made with this one."""
    retry_failed: bool = False
    """Whether files that failed are tried again although nothing about them has changed."""


class Known(NamedTuple):
    """A track that has a certain content."""

    id: TrackId
    media: Media | None
    """What is streamed; None when it is not there any more."""
    features_version: int
    """Of what was measured in it; 0 for nothing yet."""
    unsure: Media | None = None
    """What was streamed from a file that has changed since: right for that file alone, if it has this content still."""


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
    left_as_it_was: str = ""
    """Why it was not compressed in its place although that was asked for: its copy is in the media store instead."""


class Failed(NamedTuple):
    """A file that could not be used, and why."""

    file: SourceFile
    stage: str
    """An `AudioError`'s, or "unexpected"; "worker" when whoever had it came to an end with it."""
    reason: str


Outcome = Ingested | Failed
Contents = tuple[str, ...]
"""The content hashes of a file, the one it was born with first."""


def place_key(uri: str, size: int, mtime_ns: int) -> str:
    """Stands among the known contents for a file that has not been touched since, however contents were hashed then."""
    return f"{uri} {size} {mtime_ns}"


def process(file: SourceFile, options: Options, known: Mapping[str, Known]) -> Outcome:
    """Read, identify, compress and measure one file; `known` maps content hashes, and `place_key`s, to tracks."""
    try:
        return _process(file, options, known)._replace(file=file)
    except AudioError as error:
        return _failed(file, error)
    except Exception as error:  # noqa: BLE001 - the border of one file: the others go on
        return Failed(file, "unexpected", f"{type(error).__name__}: {error}")


def _failed(file: SourceFile, error: AudioError) -> Failed:
    """FFmpeg says "Input/output error" of some damaged files as well: it is one when the bytes cannot be read."""
    if os.strerror(errno.EIO) in error.reason:
        try:
            with file.path.open("rb") as opened:
                while opened.read(1 << 20):
                    pass
        except OSError as trouble:
            return Failed(file, "read", trouble.strerror or str(trouble))
    return Failed(file, error.stage, error.reason)


def _process(file: SourceFile, options: Options, known: Mapping[str, Known]) -> Ingested:
    now = _as_it_is(file)
    sound = compress.probe(file.path)
    if not (options.in_place and sound.is_mp3):
        return _into_store(now, file.path, sound, _contents(file.path, sound), options, known)
    try:
        with in_place.exclusive(file.path) as path:
            now = _as_it_is(file)  # another name of the same file may have been first
            sound = compress.probe(path)
            contents = _contents(path, sound)
            if _small(sound, contents, options):
                return _into_store(now, path, sound, contents, options, known)
            return _in_place(now, path, sound, contents, options, known)
    except AudioError as error:
        if error.stage != REFUSED:
            raise
        return _process(file, options._replace(in_place=False), known)._replace(left_as_it_was=error.reason)


def _as_it_is(file: SourceFile) -> SourceFile:
    """The file with the size and time that it has now; raises `AudioError` when it cannot be read."""
    try:
        with file.path.open("rb") as opened:
            now = os.fstat(opened.fileno())
            if not opened.read(1):
                raise AudioError("read", "the file is empty")
    except OSError as error:
        raise AudioError("read", error.strerror or str(error)) from error
    return file._replace(size=now.st_size, mtime_ns=now.st_mtime_ns)


def _small(sound: Sound, contents: Contents, options: Options) -> bool:
    """Whether it is an MP3 that encoding would not make smaller."""
    if not sound.is_mp3:
        return False
    # What a quality comes to differs from track to track: a file made so in place is not to be made so again and again.
    done = options.in_place and options.encoding.quality is not None and len(contents) > 1
    return done or 0 < sound.bitrate_kbps <= options.encoding.kbps


def _into_store(
    file: SourceFile, path: Path, sound: Sound, contents: Contents, options: Options, known: Mapping[str, Known]
) -> Ingested:
    track = _identity(file, contents, known)
    small = _small(sound, contents, options)
    result = None
    loudness = track.features_version < LOUDNESS_SINCE
    if track.media is None or not _as_wanted(track.media, file, options, small=small):
        result = _convert(file, path, sound, options, track.id, small=small, loudness=loudness)
    elif track.features_version != FEATURE_VERSION:
        result = convert.measure_again(path, sound, track.media, loudness=loudness)
    return _ingested(file, track.id, contents, options, result)


def _as_wanted(streamed: Media, file: SourceFile, options: Options, *, small: bool) -> bool:
    if small and options.in_place:
        return streamed.uri == file.uri
    if not options.again:
        return True
    if small:
        return streamed.encoding == "" or streamed.uri == file.uri
    return streamed.encoding == options.encoding.label


def _convert(
    file: SourceFile, path: Path, sound: Sound, options: Options, track: TrackId, *, small: bool, loudness: bool
) -> Converted:
    if not small:
        target = media.media_path(options.media, track, options.encoding)
        return convert.compress(path, sound, target, options.encoding, loudness=loudness)
    if not options.in_place:
        return convert.copy(path, sound, media.media_path(options.media, track, Encoding()), loudness=loudness)
    found = convert.copy(path, sound, path, loudness=loudness)
    # By the name that it was found under, which may be a link: that is the source whose sound this is.
    return found._replace(media=found.media.model_copy(update={"uri": file.uri}))


def _in_place(
    file: SourceFile, path: Path, sound: Sound, contents: Contents, options: Options, known: Mapping[str, Known]
) -> Ingested:
    track = _identity(file, contents, known)
    bitrate, label = sound.bitrate_kbps, ""
    with in_place.written_beside(path, sound) as wrote:
        reading = Reading(path, sound, wrote.part, options.encoding, keep_tags=False)
        features = convert.measure_all(reading)
        made = compress.probe(wrote.part)
        mark = Mark(contents[0], compress.content_hash(wrote.part, made))
        backup = options.backup and options.backup / file.path.relative_to(options.folder)
        if in_place.take_place(path, wrote, mark, seconds=reading.seconds, sound=sound, backup=backup):
            bitrate, label, contents = made.bitrate_kbps, options.encoding.label, (*contents, mark.made)
            file = _as_it_is(file)
    streamed = Media(uri=file.uri, mime=MP3_MIME, bitrate_kbps=bitrate, bytes=file.size, encoding=label)
    return _ingested(file, track.id, contents, options, convert.converted(reading, features, streamed))


def _contents(path: Path, sound: Sound) -> Contents:
    now = compress.content_hash(path, sound)
    origin = origin_of(path, now)
    return (origin, now) if origin and origin != now else (now,)


def _identity(file: SourceFile, contents: Iterable[str], known: Mapping[str, Known]) -> Known:
    first, *_ = contents
    names = (*contents, place_key(file.uri, file.size, file.mtime_ns))
    track = next((known[name] for name in names if name in known), Known(TrackId(first[:32]), None, 0))
    return track._replace(media=track.unsure) if track.unsure and track.unsure.uri == file.uri else track


def _ingested(
    file: SourceFile, track: TrackId, contents: tuple[str, ...], options: Options, converted: Converted | None
) -> Ingested:
    tags = read_tags(file.path)
    if _as_it_is(file) != file:
        raise AudioError("read", "it changed while it was read")
    cover = media.keep_cover(options.media, track, tags.cover)
    return Ingested(
        file=file,
        id=track,
        contents=contents,
        source=Source(uri=file.uri, bytes=file.size, mtime_ns=file.mtime_ns),
        tags=tags._replace(cover=None),
        cover_uri=uri_of(cover) if cover else None,
        converted=converted,
    )
