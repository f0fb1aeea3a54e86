"""Tracks and their sound as Spark wrote them, a bounded number of rows in memory at a time.

In: a Parquet folder of tracks, a normaliser for their parts. Out: `Tracks`, arrays in the order of the tracks' ids.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from numpy.typing import NDArray

from infra.errors import TrainingError
from training.data.cooccurrence import ragged
from training.data.vectors import Floats

if TYPE_CHECKING:
    from etl.sound.normalise import Normaliser

__all__ = ["Tracks", "joined", "offsets_of", "read_tracks", "record_batches"]

log = logging.getLogger("segue.training")

TRACKS_AT_ONCE = 4_096
NAMES = ("id", "artist", "album")
VALUE_BYTES = 4


class Tracks(NamedTuple):
    """All tracks of a library; row `i` of everything is one track."""

    names: pa.Table
    """`id`, `artist`, `album`; never null."""
    plays: NDArray[np.int64]
    """How often each was played with a weight above 0 in the sessions that are learned from."""
    sound: Floats
    """(n, d) unit vectors; a row of zeros where a track has none."""
    part_offsets: NDArray[np.int64]
    """(n + 1,): track `i` has `parts[part_offsets[i]:part_offsets[i + 1]]`."""
    parts: Floats
    """(parts, d) unit vectors."""


class _Some(NamedTuple):
    """Some rows: ragged values flat, with how many each track has."""

    names: pa.Table
    plays: NDArray[np.int64]
    widths: NDArray[np.int64]
    values: Floats
    counts: NDArray[np.int64]
    parts: Floats


def read_tracks(folder: Path, normaliser: Normaliser | None) -> Tracks:
    """Read `folder`; parts are left out without a normaliser, and tracks whose features are not numbers with a warning.

    Raises `TrainingError` when no track is left.
    """
    some = [_read(_usable(batch, normaliser), normaliser) for batch in record_batches(folder, TRACKS_AT_ONCE)]
    if not sum(len(one.plays) for one in some):
        raise TrainingError(f"{folder}: there are no tracks to learn from; run `segue ingest` first")
    names = pa.concat_tables([one.names for one in some])
    order = np.asarray(pc.sort_indices(names, [("id", "ascending")]), dtype=np.int64)
    widths = joined([one.widths for one in some], np.int64)
    sound = _sound(names["id"], widths, joined([one.values for one in some], np.float32))
    counts = joined([one.counts for one in some], np.int64)
    if not counts.any() or not sound.shape[1]:
        counts, parts = np.zeros_like(counts), np.empty((0, sound.shape[1]), dtype=np.float32)
    else:
        parts = np.concatenate([one.parts for one in some if len(one.parts)])
    places, _ = ragged(offsets_of(counts)[:-1][order], counts[order])
    plays = joined([one.plays for one in some], np.int64)
    return Tracks(names.take(order), plays[order], sound[order], offsets_of(counts[order]), parts[places])


def record_batches(folder: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """The Parquet files of `folder`, at most `rows` rows at a time and little read ahead."""
    files = pads.dataset(folder, format="parquet")
    yield from files.to_batches(batch_size=rows, batch_readahead=2, fragment_readahead=1)


def joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    """One array of all `parts`, of which there may be none."""
    return np.concatenate([np.empty(0, dtype=dtype), *parts])


def offsets_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where ranges of these lengths begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _usable(batch: pa.RecordBatch, normaliser: Normaliser | None) -> pa.RecordBatch:
    """The tracks of `batch` whose numbers can be used; every other one is named in a warning."""
    vectors, parts = batch.column("vector"), batch.column("segments")
    widths = np.asarray(pc.fill_null(pc.list_value_length(vectors), 0), dtype=np.int64)
    wrong = _not_finite(widths, np.asarray(vectors.flatten(), dtype=np.float32))
    if normaliser is not None:
        packed = [b"" if one is None else one for one in parts.to_pylist()]
        sizes = np.array([len(one) for one in packed], dtype=np.int64)
        whole = sizes % _row_bytes(normaliser) == 0
        raw = np.frombuffer(b"".join(one for one, fits in zip(packed, whole, strict=True) if fits), dtype="<f4")
        wrong |= ~whole | _not_finite(np.where(whole, sizes // VALUE_BYTES, 0), raw)
    for track in batch.column("id").filter(pa.array(wrong)).to_pylist():
        log.warning("track %s is left out: its features are not all numbers, or not all there; ingest it again", track)
    return batch.filter(pa.array(~wrong)) if wrong.any() else batch


def _not_finite(lengths: NDArray[np.int64], numbers: Floats) -> NDArray[np.bool_]:
    """Which ranges of these lengths, one after the other, hold anything but finite numbers."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return np.bincount(owner[~np.isfinite(numbers)], minlength=len(lengths)) > 0


def _row_bytes(normaliser: Normaliser) -> int:
    return VALUE_BYTES * len(normaliser.mean)


def _read(batch: pa.RecordBatch, normaliser: Normaliser | None) -> _Some:
    names = pa.table({name: pc.fill_null(batch.column(name), "") for name in NAMES})
    plays = np.asarray(batch.column("plays"), dtype=np.int64)
    widths = np.asarray(pc.fill_null(pc.list_value_length(batch.column("vector")), 0), dtype=np.int64)
    sound = np.asarray(batch.column("vector").flatten(), dtype=np.float32)
    if normaliser is None:
        return _Some(names, plays, widths, sound, np.zeros_like(widths), np.empty((0, 0), dtype=np.float32))
    packed, row = batch.column("segments"), _row_bytes(normaliser)
    sizes = np.asarray(pc.fill_null(pc.binary_length(packed), 0), dtype=np.int64)
    raw = np.frombuffer(b"".join(packed.drop_null().to_pylist()), dtype="<f4")
    return _Some(names, plays, widths, sound, sizes // row, normaliser.transform(raw.reshape(-1, len(normaliser.mean))))


def _sound(ids: pa.ChunkedArray, widths: NDArray[np.int64], values: Floats) -> Floats:
    having = widths > 0
    width = int(np.bincount(widths[having]).argmax()) if having.any() else 0
    wrong = np.flatnonzero(having & (widths != width))
    if len(wrong):
        raise TrainingError(
            f"track {ids[int(wrong[0])]}: a sound vector of {widths[wrong[0]]} values, others have {width}; "
            "run `segue ingest` again to normalise the library"
        )
    sound = np.zeros((len(widths), width), dtype=np.float32)
    sound[having] = values.reshape(-1, width) if width else 0
    return sound
