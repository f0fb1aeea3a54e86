"""A simulated crowd, as Parquet in the shape that Spark reads: any number of tracks, listeners and plays, seeded.

In: a folder, how many, a seed. Out: `tracks/` and `plays/`. It is for measuring time and memory: the sessions have a
structure (a style a session, a walk among neighbours, favourites played more, a detour now and then that is skipped
more), but say nothing about how good recommendations are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from etl.sound.features import FEATURE_NAMES, PARTS
from etl.sound.normalise import Normaliser
from training.spark.source import SHAPES

__all__ = ["VERSION", "Crowd", "write_plays", "write_tracks"]

VERSION = 1
"""Of the normaliser that the vectors are from."""
STYLES = 200
ARTISTS = 5_000
STYLES_OF_A_LISTENER = 5
SESSION_LENGTH, LONGEST_SESSION = 12, 100
DETOURS, SKIPPED, SKIPPED_ON_A_DETOUR = 0.1, 0.15, 0.6
TRACKS_AT_ONCE = 5_000
PLAYS_AT_ONCE = 500_000
LENGTH_MS = 200_000
YEAR_MS = 365 * 24 * 3_600_000
BEGAN_MS = 1_750_000_000_000

Ints = NDArray[np.int64]


class Crowd(NamedTuple):
    """How many of what."""

    tracks: int = 100_000
    listeners: int = 10_000
    plays: int = 1_000_000
    seed: int = 7

    @property
    def ids(self) -> list[str]:
        """The tracks' ids, in the order of their numbers."""
        return _hexadecimal(np.random.default_rng(self.seed), self.tracks).to_pylist()

    @property
    def styles(self) -> Ints:
        """The style of each track; they stand in blocks."""
        return np.arange(self.tracks) * min(STYLES, self.tracks) // self.tracks


def write_tracks(crowd: Crowd, folder: Path) -> Normaliser:
    """Tracks with features of all their parts around the middle of their style."""
    rng = np.random.default_rng((crowd.seed, 1))
    width, styles, ids = len(FEATURE_NAMES), crowd.styles, crowd.ids
    middles = rng.normal(size=(STYLES, width)).astype(np.float32)
    artists = styles * ARTISTS // STYLES + rng.integers(0, ARTISTS // STYLES, crowd.tracks)
    normaliser: Normaliser | None = None
    folder.mkdir(parents=True)
    for first in range(0, crowd.tracks, TRACKS_AT_ONCE):
        some = slice(first, min(first + TRACKS_AT_ONCE, crowd.tracks))
        n = some.stop - some.start
        parts = middles[styles[some], None] + rng.normal(size=(n, PARTS, width), scale=0.7).astype(np.float32)
        means = parts.mean(axis=1)
        normaliser = normaliser or Normaliser.fit(means)
        columns = {
            "id": pa.array(ids[some]),
            "artist": pa.array([f"artist {a}" for a in artists[some]]),
            "album": pa.array([f"album {a}" for a in artists[some]]),
            "vector": _lists(normaliser.transform(means)),
            "vector_version": pa.array(np.full(n, VERSION, dtype=np.int32)),
            "segments": _binary(parts.tobytes(), n),
        }
        _write(columns, "tracks", folder / f"{first:09d}.parquet")
    assert normaliser is not None
    return normaliser


def write_plays(crowd: Crowd, folder: Path) -> None:
    """Plays, an event each: how it ended."""
    rng = np.random.default_rng((crowd.seed, 2))
    ids, names = np.array(crowd.ids), np.array([f"listener {i}" for i in range(crowd.listeners)])
    favourites = rng.integers(0, crowd.styles[-1] + 1, (crowd.listeners, STYLES_OF_A_LISTENER))
    keen = rng.lognormal(sigma=0.8, size=crowd.listeners)
    folder.mkdir(parents=True)
    for first in range(0, crowd.plays, PLAYS_AT_ONCE):
        n = min(PLAYS_AT_ONCE, crowd.plays - first)
        session, begins = _sessions(rng, n)
        who = rng.choice(crowd.listeners, len(begins), p=keen / keen.sum())
        style = favourites[who, rng.integers(0, STYLES_OF_A_LISTENER, len(begins))]
        track, detour = _walks(rng, crowd, style, session, begins)
        skipped = rng.random(n) < np.where(detour, SKIPPED_ON_A_DETOUR, SKIPPED)
        heard = np.where(skipped, rng.integers(1_000, LENGTH_MS // 2, n), LENGTH_MS)
        ended = np.cumsum(heard)
        # Each portion of the plays is a share of the year: hardly anybody is in two sessions at once.
        began = BEGAN_MS + (YEAR_MS * (first + rng.random(len(begins)) * n) / crowd.plays).astype(np.int64)
        columns = {
            "event_id": _hexadecimal(rng, n),
            "user": pa.array(names[who[session]]),
            "track": pa.array(ids[track]),
            "kind": pa.array(np.where(skipped, "skipped", "finished")),
            "position_ms": pa.array(heard),
            "duration_ms": pa.array(np.full(n, LENGTH_MS)),
            "at_ms": pa.array(began[session] + ended - (ended - heard)[begins][session]),
            "private": pa.array(np.zeros(n, dtype=bool)),
        }
        _write(columns, "plays", folder / f"{first:09d}.parquet")


def _sessions(rng: np.random.Generator, n: int) -> tuple[Ints, Ints]:
    """The session (n,) of each play, and where each session begins."""
    ends = np.cumsum(np.minimum(rng.geometric(1 / SESSION_LENGTH, n), LONGEST_SESSION))
    ends = np.append(ends[ends < n], n)
    begins = np.concatenate([[0], ends[:-1]])
    return np.repeat(np.arange(len(begins)), ends - begins), begins


def _walks(
    rng: np.random.Generator, crowd: Crowd, style: Ints, session: Ints, begins: Ints
) -> tuple[Ints, NDArray[np.bool_]]:
    """The track (n,) of each play: a walk among neighbours of the session's style; and which are detours."""
    first = np.searchsorted(crowd.styles, np.arange(crowd.styles[-1] + 2))
    size = (first[style + 1] - first[style])[session]
    entry = (size * rng.random(len(begins))[session] ** 2).astype(np.int64)
    walked = np.cumsum(rng.integers(1, 4, len(session)))
    track = first[style][session] + (entry + walked - walked[begins][session]) % size
    detour = rng.random(len(session)) < DETOURS
    track[detour] = rng.integers(0, crowd.tracks, int(detour.sum()))
    return track, detour


def _write(columns: dict[str, pa.Array], shape: str, path: Path) -> None:
    schema = SHAPES[shape].schema
    pq.write_table(
        pa.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema), path
    )


def _hexadecimal(rng: np.random.Generator, n: int) -> pa.Array:
    """`n` random ids of 32 digits."""
    return _binary(rng.bytes(16 * n).hex().encode(), n).cast(pa.string())


def _binary(values: bytes, n: int) -> pa.Array:
    """`values` cut in `n` equal pieces."""
    return pa.Array.from_buffers(pa.binary(len(values) // n), n, [None, pa.py_buffer(values)]).cast(pa.binary())


def _lists(rows: NDArray[Any]) -> pa.Array:
    return pa.ListArray.from_arrays(_offsets(*rows.shape), pa.array(rows.ravel()))


def _offsets(n: int, width: int) -> pa.Array:
    return pa.array(np.arange(n + 1, dtype=np.int32) * width)
