"""MongoDB as a Spark data source, read in ranges of ids by as many workers as there are ranges.

In: the options `uri`, `database`, `collection` ("tracks" or "plays"), `partitions`, and for tracks `normaliser`.
Out: Arrow batches with a fixed schema; no worker ever holds more than one batch of its range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from infra.errors import TrainingError
from infra.models import TrackRecord
from infra.store import Store

__all__ = ["IdRange", "StoreSource", "enough_partitions", "id_ranges", "read"]

ROWS_A_PARTITION = 20_000
PARTITIONS_A_CORE = 2


class IdRange(InputPartition):
    """All documents with `lower <= id < upper`; what one worker reads."""

    def __init__(self, lower: str, upper: str) -> None:
        super().__init__((lower, upper))
        self.lower, self.upper = lower, upper


class Shape(NamedTuple):
    """How one collection looks as a table."""

    schema: pa.Schema
    rows: Callable[[Store, IdRange, int], Iterator[dict[str, Any]]]
    at_once: int
    """Rows in a worker's memory."""


class StoreSource(DataSource):
    """The format `segue`: `spark.read.format("segue").options(...).load()`."""

    @classmethod
    def name(cls) -> str:
        """What the format is called."""
        return "segue"

    def schema(self) -> StructType:
        """Columns of the collection that the options name."""
        return from_arrow_schema(_shape(self.options["collection"]).schema)

    def reader(self, schema: StructType) -> StoreReader:  # noqa: ARG002  the schema is fixed
        """A reader of the collection that the options name."""
        return StoreReader(
            self.options["uri"],
            self.options["database"],
            self.options["collection"],
            int(self.options["partitions"]),
            int(self.options.get("normaliser", 0)),
        )


class StoreReader(DataSourceReader):
    """Reads one collection; travels to the workers, so it holds no connection."""

    def __init__(self, uri: str, database: str, collection: str, partitions: int, normaliser: int) -> None:
        self._uri, self._database = uri, database
        self._collection, self._partitions, self._normaliser = collection, partitions, normaliser

    def partitions(self) -> Sequence[InputPartition]:
        """Equal ranges of ids, which are equal shares because ids are random."""
        return id_ranges(self._partitions)

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The documents of one range, a bounded batch at a time."""
        assert isinstance(partition, IdRange)  # noqa: S101  what `partitions` gave
        shape = _shape(self._collection)
        with Store(self._uri, self._database) as store:
            rows = shape.rows(store, partition, self._normaliser)
            while batch := list(islice(rows, shape.at_once)):
                yield pa.RecordBatch.from_pylist(batch, schema=shape.schema)


def read(
    spark: SparkSession, uri: str, database: str, collection: str, partitions: int, normaliser: int = 0
) -> DataFrame:
    """A collection of the store as a DataFrame, tracks with the vectors of one `normaliser` (0: the newest of each).

    Nothing is read until an action asks.
    """
    spark.dataSource.register(StoreSource)
    options = {"uri": uri, "database": database, "collection": collection, "partitions": str(partitions)}
    return spark.read.format(StoreSource.name()).options(**options, normaliser=str(normaliser)).load()


def enough_partitions(spark: SparkSession, rows: int) -> int:
    """In how many ranges to read about so many rows.

    No more than keep every core of Spark busy: each holds one batch, however long its range is, and the embedded MongoDB
    looks through a whole collection for each.
    """
    return max(min(math.ceil(rows / ROWS_A_PARTITION), PARTITIONS_A_CORE * spark.sparkContext.defaultParallelism), 1)


def id_ranges(count: int) -> list[IdRange]:
    """`count` ranges that together hold every hexadecimal id exactly once; `count` is 1 to 65,536."""
    inner = [f"{i * 0x10000 // count:04x}" for i in range(1, count)]
    return [IdRange(lower, upper) for lower, upper in zip(["", *inner], [*inner, "g"], strict=True)]


def _tracks(store: Store, ids: IdRange, normaliser: int) -> Iterator[dict[str, Any]]:
    return (_track(record, normaliser) for record in store.tracks.scan(ids.lower, ids.upper))


def _track(record: TrackRecord, normaliser: int) -> dict[str, Any]:
    version = normaliser if normaliser in record.vectors else max(record.vectors, default=None)
    return {
        "id": record.track.id,
        "artist": record.track.artist,
        "album": record.track.album,
        "vector": None if version is None else record.vectors[version],
        "vector_version": version,
        "segments": np.asarray(record.features.segments, dtype="<f4").tobytes(),
    }


def _plays(store: Store, ids: IdRange, _normaliser: int) -> Iterator[dict[str, Any]]:
    return (play._asdict() for play in store.plays.scan(ids.lower, ids.upper))


SHAPES = {
    "tracks": Shape(
        pa.schema(
            [
                ("id", pa.string()),
                ("artist", pa.string()),
                ("album", pa.string()),
                ("vector", pa.list_(pa.float32())),
                ("vector_version", pa.int32()),
                # Rows of four-byte numbers, packed: Spark only carries them, and as lists they would be most of its work.
                ("segments", pa.binary()),
            ]
        ),
        _tracks,
        # A track has some two thousand numbers.
        at_once=500,
    ),
    "plays": Shape(
        pa.schema(
            [
                ("event_id", pa.string()),
                ("user", pa.string()),
                ("track", pa.string()),
                ("kind", pa.string()),
                ("position_ms", pa.int64()),
                ("duration_ms", pa.int64()),
                ("at_ms", pa.int64()),
                ("private", pa.bool_()),
            ]
        ),
        _plays,
        at_once=5_000,
    ),
}


def _shape(collection: str) -> Shape:
    if collection not in SHAPES:
        raise TrainingError(f"collection {collection!r}: Spark reads {' and '.join(SHAPES)}")
    return SHAPES[collection]
