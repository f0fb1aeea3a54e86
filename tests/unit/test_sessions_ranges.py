"""The ranges in which Spark reads the store."""

from __future__ import annotations

import itertools
import uuid

import pytest

from infra.errors import TrainingError
from training.spark.source import StoreSource, id_ranges


@pytest.mark.parametrize("count", [1, 2, 3, 8, 256, 1000])
def test_every_id_is_in_exactly_one_range(count: int) -> None:
    ranges = id_ranges(count)
    assert len(ranges) == count
    ids = [str(uuid.uuid4()) for _ in range(200)] + ["0" * 32, "f" * 32]
    for one in ids:
        assert sum(r.lower <= one < r.upper for r in ranges) == 1


def test_ranges_are_equal_shares() -> None:
    bounds = [int(r.lower, 16) for r in id_ranges(7)[1:]]
    sizes = {b - a for a, b in itertools.pairwise(bounds)}
    assert max(sizes) - min(sizes) <= 1


def test_a_collection_that_spark_does_not_read_is_named() -> None:
    with pytest.raises(TrainingError, match="'users'"):
        StoreSource({"collection": "users"}).schema()
