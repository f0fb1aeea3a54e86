"""What the model learns from, as flat arrays that stay small: ids become positions, sessions become three columns.

In: the Parquet folders that Spark wrote (tracks, sessions), read in batches; or a file of public sessions.
Out: `TrainingData`, sessions in time order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.data.cooccurrence import ragged
from training.data.public_files import read_sessions
from training.data.track_files import joined, offsets_of, read_tracks, record_batches
from training.data.vectors import Floats

if TYPE_CHECKING:
    from etl.sound.normalise import Normaliser

__all__ = ["Segments", "Sessions", "TrainingData", "from_sessions", "load"]

SESSIONS_AT_ONCE = 65_536


class Sessions(NamedTuple):
    """Sessions in time order: session `s` is `items[offsets[s]:offsets[s + 1]]`, with the weights beside."""

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    """Positions in `TrainingData.track_ids`."""
    weights: Floats
    """In [-1, 1], as `training.data.signals.weight` has them."""

    @property
    def number(self) -> int:
        """How many sessions."""
        return len(self.offsets) - 1

    def select(self, chosen: NDArray[np.int64]) -> Sessions:
        """The sessions at `chosen`, in that order."""
        lengths = np.diff(self.offsets)[chosen]
        places, _ = ragged(self.offsets[chosen], lengths)
        return Sessions(offsets_of(lengths), self.items[places], self.weights[places])

    def wanted(self) -> Sessions:
        """Without what was skipped or stopped early: only weights above 0; sessions may become empty."""
        keep = self.weights > 0
        kept_before = np.concatenate([[0], np.cumsum(keep)])
        return Sessions(kept_before[self.offsets], self.items[keep], self.weights[keep])


class Segments(NamedTuple):
    """Sound vectors of parts of tracks: track `i` has `vectors[offsets[i]:offsets[i + 1]]`."""

    offsets: NDArray[np.int64]
    vectors: Floats
    """(parts, d) unit vectors."""


@dataclass(frozen=True)
class TrainingData:
    """All that training reads; positions are those of `track_ids`."""

    track_ids: list[str]
    artists: list[str]
    albums: list[str]
    sound: Floats
    """(n_tracks, d) unit vectors; a row of zeros where a track has none; d is 0 when no track has one."""
    segments: Segments
    train: Sessions
    holdout: Sessions
    counts: NDArray[np.int64]
    """How often each track was played with a weight above 0, in `train`."""

    def before(self, session: int) -> TrainingData:
        """As it was when `session` of the train sessions began: it and those after it are the hold-out."""
        train = self.train.select(np.arange(session))
        later = self.train.select(np.arange(session, self.train.number))
        return replace(self, train=train, holdout=later, counts=_counts(train, len(self.track_ids)))


def load(tracks: Path, sessions: Path, normaliser: Normaliser | None) -> TrainingData:
    """Read the folders `tracks` and `sessions`; segments are brought to unit vectors by `normaliser`.

    Tracks come in the order of their ids, sessions in that of their ends, however Spark had divided them among files.
    Sessions' tracks that are not in `tracks` are left out; so are, with a warning, tracks whose features are not
    numbers. Raises `TrainingError` when there is no track.
    """
    found = read_tracks(tracks, normaliser)
    train, holdout = _sessions(sessions, found.names["id"])
    ids, artists, albums = (found.names[name].to_pylist() for name in ("id", "artist", "album"))
    return TrainingData(
        ids, artists, albums, found.sound, Segments(found.part_offsets, found.parts), train, holdout, found.plays
    )


def from_sessions(path: Path, holdout_share: float = 0.0) -> TrainingData:
    """Public sessions without sound, in time order: a file as `read_sessions` takes it.

    The last `holdout_share` of them is set aside. Raises `TrainingError` when there are none, or the file is unusable.
    """
    lengths, played = read_sessions(path)
    ids, items = np.unique(played, return_inverse=True)
    everything = Sessions(offsets_of(lengths), items.astype(np.int32), np.ones(len(items), dtype=np.float32))
    cut = everything.number - int(everything.number * holdout_share)
    train = everything.select(np.arange(cut))
    return TrainingData(
        [str(one) for one in ids.tolist()],
        [""] * len(ids),
        [""] * len(ids),
        np.empty((len(ids), 0), dtype=np.float32),
        Segments(np.zeros(len(ids) + 1, dtype=np.int64), np.empty((0, 0), dtype=np.float32)),
        train,
        everything.select(np.arange(cut, everything.number)),
        _counts(train, len(ids)),
    )


def _sessions(folder: Path, ids: pa.Array) -> tuple[Sessions, Sessions]:
    parts = [_some_sessions(batch, ids) for batch in record_batches(folder, SESSIONS_AT_ONCE)]
    lengths, items, weights, ended, names, held = zip(*parts, strict=True) if parts else [()] * 6
    everything = Sessions(offsets_of(joined(lengths, np.int64)), joined(items, np.int32), joined(weights, np.float32))
    # Sessions that end in one millisecond stand in the order of their names: Spark's own order may change.
    ends = pa.table({"ended": joined(ended, np.int64), "name": pa.chunked_array(names, pa.string())})
    order = np.asarray(pc.sort_indices(ends, [("ended", "ascending"), ("name", "ascending")]), dtype=np.int64)
    in_holdout = joined(held, np.bool_)[order]
    return everything.select(order[~in_holdout]), everything.select(order[in_holdout])


def _some_sessions(batch: pa.RecordBatch, ids: pa.Array) -> tuple[Any, ...]:
    tracks = batch.column("tracks")
    positions = np.asarray(pc.fill_null(pc.index_in(tracks.flatten(), value_set=ids), -1), dtype=np.int32)
    weights = np.asarray(batch.column("weights").flatten(), dtype=np.float32)
    keep = (positions >= 0) & np.isfinite(weights)
    owner = np.repeat(np.arange(len(tracks)), np.asarray(pc.list_value_length(tracks)))
    return (
        np.bincount(owner[keep], minlength=len(tracks)),
        positions[keep],
        np.clip(weights[keep], -1, 1),
        np.asarray(batch.column("ended_at_ms"), dtype=np.int64),
        batch.column("session_id"),
        np.asarray(pc.equal(batch.column("split"), "holdout").to_numpy(zero_copy_only=False), dtype=bool),
    )


def _counts(train: Sessions, n_tracks: int) -> NDArray[np.int64]:
    return np.bincount(train.wanted().items, minlength=n_tracks)
