"""The Spark stage: from MongoDB, or any DataFrames of tracks and plays, to the two Parquet folders that training streams.

In: tracks and plays, read in partitions. Out: `tracks/` and `sessions/` below a folder, and what was counted
on the way. Nothing is ever collected whole.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as pads
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F  # noqa: N812  what PySpark's own documentation calls it

from infra.models import Frozen
from infra.store import Store
from training.spark import sessions as steps
from training.spark.source import enough_partitions, read

__all__ = ["Prepared", "prepare", "prepare_frames"]


class Prepared(Frozen):
    """Where the files are, and how much is in them."""

    tracks: Path
    """Parquet: `id`, `artist`, `album`, `vector`, `segments` (in natural units, packed), `plays` (wanted ones, in "train")."""
    sessions: Path
    """Parquet: `session_id`, `user`, `tracks`, `weights`, `ended_at_ms`, `split`."""
    n_tracks: int
    left_out: int
    """Tracks that cannot be placed by their sound."""
    n_plays: int
    """Play events learned from."""
    read_ms: int
    """When the plays were read, milliseconds since 1970; those written later are not among them."""
    newest_play_ms: int
    """When the newest of them happened, milliseconds since 1970; 0 without plays."""
    n_sessions: int
    """Sessions of one track included."""
    n_holdout: int


def prepare(
    spark: SparkSession, store: Store, folder: Path, *, normaliser_version: int, gap_minutes: int, now_ms: int
) -> Prepared:
    """Read the store in partitions, then `prepare_frames`."""
    tracks = read(
        spark, store.uri, store.database, "tracks", enough_partitions(spark, store.tracks.count()), normaliser_version
    )
    plays = read(spark, store.uri, store.database, "plays", enough_partitions(spark, store.plays.count()))
    return prepare_frames(
        tracks, plays, folder, normaliser_version=normaliser_version, gap_minutes=gap_minutes, now_ms=now_ms
    )


def prepare_frames(
    every_track: DataFrame,
    every_play: DataFrame,
    folder: Path,
    *,
    normaliser_version: int,
    gap_minutes: int,
    now_ms: int,
) -> Prepared:
    """Filter, group into sessions, split, join play counts to the features, and write below `folder`.

    The columns are those that `training.spark.source` gives, wherever the rows were read from; every worker must see
    `folder` under this name. `now_ms` is milliseconds since 1970.
    """
    seen = Observation()
    every_track = every_track.observe(seen, F.count(F.lit(1)).alias("rows"))
    # Each step on disk: what follows reads it more than once without the whole chain running again.
    known = _written(steps.playable(every_track, normaliser_version), folder / "known")
    plays = _written(steps.learnable(every_play, known, now_ms), folder / "plays")
    grouped = _written(steps.sessions(steps.listenings(plays, gap_minutes)), folder / "grouped")
    sessions = _written(steps.split(grouped), folder / "sessions")
    _written(steps.with_plays(known, sessions), folder / "tracks")
    n_tracks = _count(folder / "tracks")
    return Prepared(
        tracks=folder / "tracks",
        sessions=folder / "sessions",
        n_tracks=n_tracks,
        left_out=seen.get["rows"] - n_tracks,
        n_plays=_count(folder / "plays"),
        read_ms=now_ms,
        newest_play_ms=_newest(folder / "plays", "at_ms"),
        n_sessions=_count(folder / "sessions"),
        n_holdout=_count(folder / "sessions", pc.field("split") == "holdout"),
    )


def _written(rows: DataFrame, folder: Path) -> DataFrame:
    """Write `rows` and read them back."""
    rows.write.parquet(str(folder))
    return rows.sparkSession.read.schema(rows.schema).parquet(str(folder))


def _count(folder: Path, which: pc.Expression | None = None) -> int:
    # Arrow answers from the footers of the files, where Spark would start a job.
    return int(pads.dataset(folder, format="parquet").count_rows(filter=which))


def _newest(folder: Path, column: str) -> int:
    batches = pads.dataset(folder, format="parquet").to_batches(columns=[column])
    return max((pc.max(batch.column(0)).as_py() for batch in batches if batch.num_rows), default=0)
