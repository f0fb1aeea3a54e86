"""A folder of music as the benchmarks need it: what is written on each track, and its features.

In: MP3s. Out: `Measured` tracks, and of these the `TrainingData` that a library without any plays has.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import mutagen
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from etl.sound.features import measure
from etl.sound.normalise import Normaliser
from etl.sound.spectrum import SAMPLE_RATE
from infra.models import Features
from training.data.dataset import Segments, Sessions, TrainingData

__all__ = ["BLOCK", "Labels", "Measured", "blocks", "decode", "labels", "measured", "unplayed"]

BLOCK = 1 << 20


class Labels(NamedTuple):
    """What is written on a track; empty where nothing is."""

    artist: str
    album: str
    genre: str


class Measured(NamedTuple):
    """A track."""

    file: Path
    labels: Labels
    features: Features


def decode(file: Path) -> NDArray[np.float32]:
    """Mono samples at 22,050 Hz."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", f"file:{file}", "-map", "0:a:0", "-f", "f32le", "-ac", "1"]
    decoded = subprocess.run([*command, "-ar", str(SAMPLE_RATE), "pipe:"], check=True, capture_output=True).stdout
    return np.frombuffer(decoded, np.float32)


def blocks(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The samples as the ETL takes them."""
    return [samples[i : i + BLOCK] for i in range(0, samples.size, BLOCK)]


def labels(file: Path) -> Labels:
    """The tags that group tracks."""
    tags = mutagen.File(file, easy=True) or {}
    return Labels(*(tags.get(name, [""])[0] for name in Labels._fields))


def measured(music: Path, jobs: int) -> list[Measured]:
    """All MP3s under `music`, by path."""
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(_one, sorted(music.rglob("*.mp3"))))


def unplayed(tracks: Sequence[Measured], normaliser: Normaliser) -> TrainingData:
    """The tracks as a library that nobody has played; their ids are their paths."""
    parts = [one.features.segments for one in tracks]
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in parts])]).astype(np.int64)
    nothing = Sessions(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    return TrainingData(
        track_ids=[str(one.file) for one in tracks],
        artists=[one.labels.artist for one in tracks],
        albums=[one.labels.album for one in tracks],
        sound=normaliser.transform([one.features.values for one in tracks]),
        segments=Segments(offsets, normaliser.transform([part for one in parts for part in one])),
        train=nothing,
        holdout=nothing,
        counts=np.zeros(len(tracks), np.int64),
    )


def _one(file: Path) -> Measured:
    with threadpool_limits(1):
        return Measured(file, labels(file), measure(blocks(decode(file))))
