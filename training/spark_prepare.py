"""The Spark stage: from MongoDB to the two Parquet folders that the Torch loop streams.

In: the store's tracks and plays, read in partitions. Out: `tracks/` and `sessions/` below a folder, and what was counted
on the way. Nothing is ever collected whole.
"""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as pads
from pyspark.sql import DataFrame, SparkSession

from infra.models import Frozen
from infra.store import Store
from training import sessions as steps
from training.spark_source import read

__all__ = ["Prepared", "prepare"]

ROWS_A_PARTITION = 20_000
MOST_PARTITIONS = 256


class Prepared(Frozen):
    """Where the files are, and how much is in them."""

    tracks: Path
    """Parquet: `id`, `artist`, `album`, `vector`, `segments` (in natural units)."""
    sessions: Path
    """Parquet: `session_id`, `user`, `tracks`, `weights`, `ended_at_ms`, `split`."""
    n_tracks: int
    left_out: int
    """Tracks that cannot be placed by their sound."""
    n_plays: int
    """Play events learned from."""
    newest_play_ms: int
    """When the newest of them happened, milliseconds since 1970; 0 without plays."""
    n_sessions: int
    """Sessions of one track included."""
    n_holdout: int


def prepare(
    spark: SparkSession, store: Store, folder: Path, *, normaliser_version: int, gap_minutes: int, now_ms: int
) -> Prepared:
    """Read, filter, group into sessions, split and write; `now_ms` is milliseconds since 1970."""
    every_track = read(spark, store.uri, store.database, "tracks", _partitions(store.tracks.count()))
    tracks = _write(steps.playable(every_track, normaliser_version), folder / "tracks")
    every_play = read(spark, store.uri, store.database, "plays", _partitions(store.plays.count()))
    # Each step on disk: what follows reads it more than once without the whole chain running again.
    learnable = steps.learnable(every_play, spark.read.parquet(str(tracks)), now_ms)
    plays = _write(learnable, folder / "plays")
    listened = steps.listenings(spark.read.parquet(str(plays)), gap_minutes)
    grouped = _write(steps.sessions(listened), folder / "grouped")
    sessions = _write(steps.split(spark.read.parquet(str(grouped))), folder / "sessions")
    n_tracks = _count(tracks)
    return Prepared(
        tracks=tracks,
        sessions=sessions,
        n_tracks=n_tracks,
        left_out=max(store.tracks.count() - n_tracks, 0),
        n_plays=_count(plays),
        newest_play_ms=_newest(plays, "at_ms"),
        n_sessions=_count(sessions),
        n_holdout=_count(sessions, pc.field("split") == "holdout"),
    )


def _partitions(rows: int) -> int:
    return min(max(math.ceil(rows / ROWS_A_PARTITION), 1), MOST_PARTITIONS)


def _write(rows: DataFrame, folder: Path) -> Path:
    rows.write.parquet(str(folder))
    return folder


def _count(folder: Path, which: pc.Expression | None = None) -> int:
    # Arrow answers from the footers of the files, where Spark would start a job.
    return int(pads.dataset(folder, format="parquet").count_rows(filter=which))


def _newest(folder: Path, column: str) -> int:
    batches = pads.dataset(folder, format="parquet").to_batches(columns=[column])
    return max((pc.max(batch.column(0)).as_py() for batch in batches if batch.num_rows), default=0)
