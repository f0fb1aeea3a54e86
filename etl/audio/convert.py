"""A file's sound, read once: what is measured in it, and the bytes that are streamed.

In: a file, what its headers say, and how its copy is to be made. Out: `Converted`; the copy is in its place, checked.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from etl.audio import media
from etl.audio.compress import Reading, Sound
from etl.audio.encoding import MP3_MIME, Encoding
from etl.audio.loudness import Loudness
from etl.scan import uri_of
from etl.sound.features import measure
from infra.errors import AudioError
from infra.models import Features, Media

__all__ = ["Converted", "compress", "converted", "copy", "measure_again", "measure_all"]

SHORTEST_S = 1.0
LENGTH_TOLERANCE_S = 0.25
"""A header counts whole frames and the encoder's padding."""


class Converted(NamedTuple):
    """What came out of reading all of a file's sound."""

    media: Media
    features: Features
    duration_ms: int
    loudness: Loudness | None
    """None when it was not measured, because it is known."""


def measure_all(reading: Reading) -> Features:
    """Take all of a reading; raises `AudioError` for what cannot be read or is too short to say anything about."""
    features = measure(reading)
    if reading.seconds < SHORTEST_S:
        raise AudioError("decode", f"it plays {reading.seconds:.2f} s, and {SHORTEST_S:.0f} s is the least")
    return features


def converted(reading: Reading, features: Features, streamed: Media) -> Converted:
    """Everything about a reading that has been taken."""
    return Converted(streamed, features, round(reading.seconds * 1000), reading.loudness)


def measure_again(path: Path, sound: Sound, streamed: Media, *, loudness: bool) -> Converted:
    """A file whose copy is right; `loudness` here and below: whether that is measured as well."""
    reading = Reading(path, sound, loudness=loudness)
    return converted(reading, measure_all(reading), streamed)


def copy(path: Path, sound: Sound, target: Path, *, loudness: bool) -> Converted:
    """An MP3 that is small enough: copied to `target` as it is, or left where it is when that is its own place."""
    reading = Reading(path, sound, loudness=loudness)
    features = measure_all(reading)
    if target != path:
        with media.replacing(target) as part:
            shutil.copyfile(path, part)
    return converted(reading, features, _streamed(target, MP3_MIME, sound.bitrate_kbps))


def compress(path: Path, sound: Sound, target: Path, encoding: Encoding, *, loudness: bool) -> Converted:
    """Encoded to `target`; raises `AudioError` at stage "encode" when what was made is not as long."""
    with media.replacing(target) as part:
        reading = Reading(path, sound, part, encoding, loudness=loudness)
        features = measure_all(reading)
        made = encoding.form.read(part).info.length
        if abs(made - reading.seconds) > LENGTH_TOLERANCE_S:
            raise AudioError("encode", f"compressed, it is {made:.1f} s long and not {reading.seconds:.1f} s")
    kbps = encoding.bitrate if encoding.quality is None else round(target.stat().st_size / 125 / reading.seconds)
    return converted(reading, features, _streamed(target, encoding.form.mime, kbps, encoding.label))


def _streamed(path: Path, mime: str, kbps: int, label: str = "") -> Media:
    return Media(uri=uri_of(path), mime=mime, bitrate_kbps=kbps, bytes=path.stat().st_size, encoding=label)
