"""Training data as plain files that any number of processes map into memory: one copy of it in a machine.

In: `TrainingData`, a folder. Out: a file an array and one of names; from them, `TrainingData` again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from training.data.dataset import Segments, Sessions, TrainingData

__all__ = ["read", "write"]

NAMES = "names.parquet"


def write(data: TrainingData, folder: Path) -> None:
    """Write into `folder`, which is made when it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": data.track_ids, "artist": data.artists, "album": data.albums}), folder / NAMES)
    for name, array in _arrays(data).items():
        np.save(folder / name, array)


def read(folder: Path) -> TrainingData:
    """What `write` wrote there; the files must stay for as long as it is used."""
    names = pq.read_table(folder / NAMES)
    ids, artists, albums = (names[column].to_pylist() for column in ("id", "artist", "album"))

    def mapped(name: str) -> NDArray[Any]:
        # Copy on write, because Torch takes no arrays that cannot be written to.
        array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="c")
        return array

    return TrainingData(
        ids,
        artists,
        albums,
        mapped("sound"),
        Segments(*(mapped(f"segments.{field}") for field in Segments._fields)),
        Sessions(*(mapped(f"train.{field}") for field in Sessions._fields)),
        Sessions(*(mapped(f"holdout.{field}") for field in Sessions._fields)),
        mapped("counts"),
    )


def _arrays(data: TrainingData) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"sound": data.sound, "counts": data.counts}
    for name, fields in (("segments", data.segments), ("train", data.train), ("holdout", data.holdout)):
        arrays |= {f"{name}.{field}": array for field, array in fields._asdict().items()}
    return arrays
