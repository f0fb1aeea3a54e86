"""The two Parquet files of the public test, looked through before anything is learned from them.

In: sessions (`tracks: list<int>`, in time order) and pairs (`context: list<int>`, `target: int`). Out: arrays of both.
A file that cannot be used is refused by its name and its column; in lists, what is null is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from numpy.typing import NDArray

from infra.errors import TrainingError

__all__ = ["Lists", "read_pairs", "read_sessions"]

TRACK, TRACKS = pa.int64(), pa.large_list(pa.int64())
TOLD = {TRACK: "integers", TRACKS: "lists of integers"}
SESSIONS = {"tracks": TRACKS}
PAIRS = {"context": TRACKS, "target": TRACK}


class Lists(NamedTuple):
    """Lists of track ids, one after the other."""

    lengths: NDArray[np.int64]
    """(n,) of each list; 0 also where the file has none."""
    ids: NDArray[np.int64]
    """(sum of lengths,)"""


def read_sessions(path: Path) -> Lists:
    """The sessions of a file; raises `TrainingError` when it cannot be used, or no session has a track."""
    sessions = _lists(_read(path, SESSIONS)["tracks"])
    if not len(sessions.ids):
        raise TrainingError(f"{path}: there are no sessions in it: no row has a track in column `tracks`; add some")
    return sessions


def read_pairs(path: Path) -> tuple[Lists, NDArray[np.int64]]:
    """What was heard and (n,) what came next, a pair for each row; a context may be empty.

    Raises `TrainingError` when the file cannot be used, has no rows, or a row without a target.
    """
    table = _read(path, PAIRS)
    if not table.num_rows:
        raise TrainingError(f"{path}: there are no rows in it to score with; give pairs in {_told(PAIRS)}")
    if without := table["target"].null_count:
        raise TrainingError(f"{path}: column `target` is null in {without} of {table.num_rows} rows; leave those out")
    return _lists(table["context"]), np.asarray(table["target"], dtype=np.int64)


def _read(path: Path, columns: Mapping[str, pa.DataType]) -> pa.Table:
    try:
        file = pads.dataset(path, format="parquet")
        for name, kind in columns.items():
            _check(path, file.schema, name, kind)
        return file.to_table(columns=[*columns]).cast(pa.schema(columns.items()))
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: there is no such file; give a Parquet file with {_told(columns)}") from error
    except (OSError, pa.ArrowException) as error:
        first = str(error).partition("\n")[0]
        raise TrainingError(
            f"{path}: not to be read as Parquet with {_told(columns)}; write it anew: {first}"
        ) from error


def _check(path: Path, schema: pa.Schema, name: str, kind: pa.DataType) -> None:
    if name not in schema.names:
        has = ", ".join(f"`{one}`" for one in schema.names) or "none"
        raise TrainingError(f"{path}: it needs a column `{name}` of {TOLD[kind]}; its columns: {has}")
    found = schema.field(name).type
    if not (pa.types.is_integer(found) if kind == TRACK else _holds_tracks(found)):
        raise TrainingError(f"{path}: column `{name}` is of type {found}; make it {TOLD[kind]}")


def _holds_tracks(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(of(kind) for of in lists) and pa.types.is_integer(kind.value_type)


def _told(columns: Mapping[str, pa.DataType]) -> str:
    return " and ".join(f"column `{name}` of {TOLD[kind]}" for name, kind in columns.items())


def _lists(column: pa.ChunkedArray) -> Lists:
    owner, ids = pc.list_parent_indices(column), pc.list_flatten(column)
    known = pc.is_valid(ids)
    lengths = np.bincount(np.asarray(owner.filter(known), dtype=np.int64), minlength=len(column))
    return Lists(lengths, np.asarray(ids.filter(known), dtype=np.int64))
