"""What the model learns from, as flat arrays that stay small: ids become positions, sessions become three columns.

In: the Parquet folders that Spark wrote (tracks, sessions), read in batches; or a file of public sessions.
Out: `TrainingData`, sessions in time order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from numpy.typing import NDArray

from infra.errors import TrainingError
from training.cooccurrence import ragged
from training.encoder import Floats

if TYPE_CHECKING:
    from etl.sound.normalise import Normaliser

__all__ = ["Segments", "Sessions", "TrainingData", "from_sessions", "load"]


class Sessions(NamedTuple):
    """Sessions in time order: session `s` is `items[offsets[s]:offsets[s + 1]]`, with the weights beside."""

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    """Positions in `TrainingData.track_ids`."""
    weights: Floats
    """In [-1, 1], as `training.signals.weight` has them."""

    @property
    def number(self) -> int:
        """How many sessions."""
        return len(self.offsets) - 1

    def select(self, chosen: NDArray[np.int64]) -> Sessions:
        """The sessions at `chosen`, in that order."""
        lengths = np.diff(self.offsets)[chosen]
        places, _ = ragged(self.offsets[chosen], lengths)
        return Sessions(_offsets(lengths), self.items[places], self.weights[places])

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


def load(tracks: Path, sessions: Path, normaliser: Normaliser | None) -> TrainingData:
    """Read the folders `tracks` and `sessions`; segments are brought to unit vectors by `normaliser`.

    Sessions' tracks that are not in `tracks` are left out. Raises `TrainingError` when there is no track,
    or naming the track whose features are not numbers.
    """
    ids: list[str] = []
    artists: list[str] = []
    albums: list[str] = []
    vectors: list[Floats | None] = []
    raw: list[Floats] = []
    for batch in _batches(tracks):
        for row in batch.to_pylist():
            ids.append(row["id"])
            artists.append(row.get("artist") or "")
            albums.append(row.get("album") or "")
            vectors.append(_numbers(row["id"], row.get("vector")))
            parts = _numbers(row["id"], row.get("segments")) if normaliser is not None else None
            raw.append(np.empty((0, 0), dtype=np.float32) if parts is None else parts)
    if not ids:
        raise TrainingError(f"{tracks}: there are no tracks to learn from; run `segue ingest` first")
    train, holdout = _sessions(sessions, ids)
    sound = _sound(ids, vectors)
    return TrainingData(
        ids,
        artists,
        albums,
        sound,
        _segments(raw, normaliser, sound.shape[1]),
        train,
        holdout,
        _counts(train, len(ids)),
    )


def from_sessions(path: Path, holdout_share: float = 0.0) -> TrainingData:
    """Public sessions without sound: `session_id: int, tracks: list<int>`, in time order.

    The last `holdout_share` of them is set aside. Raises `TrainingError` when there are none.
    """
    table = pads.dataset(path, format="parquet").to_table(columns=["tracks"])
    lists = table["tracks"].combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0), dtype=np.int64)
    ids, items = np.unique(np.asarray(lists.flatten()), return_inverse=True)
    if not len(ids):
        raise TrainingError(f"{path}: there are no sessions in it")
    everything = Sessions(_offsets(lengths), items.astype(np.int32), np.ones(len(items), dtype=np.float32))
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


def _batches(folder: Path) -> Iterator[pa.RecordBatch]:
    yield from pads.dataset(folder, format="parquet").to_batches(batch_size=4_096)


def _sessions(folder: Path, ids: list[str]) -> tuple[Sessions, Sessions]:
    known = pa.array(ids, pa.string())
    lengths: list[NDArray[np.int64]] = []
    items: list[NDArray[np.int32]] = []
    weights: list[Floats] = []
    ended: list[NDArray[np.int64]] = []
    held: list[NDArray[np.bool_]] = []
    for batch in _batches(folder):
        tracks, values = batch.column("tracks"), batch.column("weights")
        positions = np.asarray(pc.fill_null(pc.index_in(tracks.flatten(), value_set=known), -1), dtype=np.int32)
        _, owner = ragged(np.zeros(len(tracks), dtype=np.int64), np.asarray(pc.list_value_length(tracks)))
        weight = np.asarray(values.flatten(), dtype=np.float32)
        keep = (positions >= 0) & np.isfinite(weight)
        lengths.append(np.bincount(owner[keep], minlength=len(tracks)).astype(np.int64))
        items.append(positions[keep])
        weights.append(np.clip(weight[keep], -1, 1))
        ended.append(np.asarray(batch.column("ended_at_ms"), dtype=np.int64))
        held.append(np.asarray(pc.equal(batch.column("split"), "holdout").to_numpy(zero_copy_only=False), dtype=bool))
    everything = Sessions(_offsets(_joined(lengths, np.int64)), _joined(items, np.int32), _joined(weights, np.float32))
    order = np.argsort(_joined(ended, np.int64), kind="stable")
    in_holdout = _joined(held, np.bool_)[order]
    return everything.select(order[~in_holdout]), everything.select(order[in_holdout])


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *parts])


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _counts(train: Sessions, n_tracks: int) -> NDArray[np.int64]:
    return np.bincount(train.wanted().items, minlength=n_tracks)


def _numbers(track: str, values: Any) -> Floats | None:
    if values is None or not len(values):
        return None
    numbers = np.asarray(values, dtype=np.float32)
    if not np.isfinite(numbers).all():
        raise TrainingError(f"track {track}: its features are not all numbers; ingest it again")
    return numbers


def _sound(ids: list[str], vectors: Sequence[Floats | None]) -> Floats:
    sizes = {len(v) for v in vectors if v is not None}
    if len(sizes) > 1:
        raise TrainingError(f"sound vectors of different lengths ({sorted(sizes)}): normalise the library again")
    sound = np.zeros((len(ids), sizes.pop() if sizes else 0), dtype=np.float32)
    for row, vector in zip(sound, vectors, strict=True):
        if vector is not None:
            row[:] = vector
    return sound


def _segments(raw: Sequence[Floats], normaliser: Normaliser | None, d: int) -> Segments:
    offsets = _offsets(np.array([len(parts) for parts in raw], dtype=np.int64))
    filled = [parts for parts in raw if len(parts)]
    if normaliser is None or not filled or not d:
        return Segments(np.zeros(len(raw) + 1, dtype=np.int64), np.empty((0, d), dtype=np.float32))
    return Segments(offsets, np.asarray(normaliser.transform(np.concatenate(filled)), dtype=np.float32))
