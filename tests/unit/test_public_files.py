"""Files of the public test that cannot be used are refused by name and column; odd ones are read as what they mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import TrainingError
from training.data.public_files import read_pairs, read_sessions

INTS = pa.list_(pa.int32())


def written(folder: Path, **columns: Any) -> Path:
    path = folder / "file.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def cut_short(folder: Path) -> Path:
    path = written(folder, tracks=[[1, 2]], context=[[1]], target=[2])
    path.write_bytes(path.read_bytes()[:-20])
    return path


def damaged(folder: Path) -> Path:
    path = written(folder, tracks=[[1, 2]], context=[[1]], target=[2])
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 200 + whole[204:])
    return path


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "file.parquet", "there is no such file; give a Parquet file with column"),
    "a folder without files": (lambda folder: folder, "it needs a column .*; its columns: none"),
    "cut short": (cut_short, "not to be read as Parquet with column .* write it anew"),
    "damaged": (damaged, "not to be read as Parquet with column .* write it anew"),
}


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("read", [read_sessions, read_pairs])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, read: Callable[[Path], object], case: str):
    make, why = UNREADABLE[case]
    path = make(tmp_path)
    with pytest.raises(TrainingError, match=f"^{path}: {why}") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (
            {"session_id": [1], "items": [[1]]},
            "a column `tracks` of lists of integers; its columns: `session_id`, `items`",
        ),
        ({"tracks": [1, 2]}, "column `tracks` is of type int64; make it lists of integers"),
        ({"tracks": [["a"]]}, "column `tracks` is of type .*string.*; make it lists of integers"),
        ({"tracks": [[1.0, 2.5]]}, "column `tracks` is of type .*double.*; make it lists of integers"),
        ({"tracks": pa.array([], INTS)}, "there are no sessions in it: no row has a track in column `tracks`"),
        ({"tracks": pa.array([[], None, [None]], INTS)}, "there are no sessions in it"),
        ({"tracks": pa.array([[2**63]], pa.list_(pa.uint64()))}, "not to be read as Parquet"),
    ],
)
def test_sessions_that_cannot_be_learned_from_are_refused(tmp_path: Path, columns: dict[str, Any], why: str):
    path = written(tmp_path, **columns)
    with pytest.raises(TrainingError, match=f"^{path}: .*{why}"):
        read_sessions(path)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"context": [[1]]}, "a column `target` of integers; its columns: `context`"),
        ({"context": [1], "target": [1]}, "column `context` is of type int64; make it lists of integers"),
        ({"context": [[1]], "target": [[1]]}, "column `target` is of type .*list.*; make it integers"),
        ({"context": [[1]], "target": [1.0]}, "column `target` is of type double; make it integers"),
        ({"context": [[1]], "target": ["1"]}, "column `target` is of type string; make it integers"),
        (
            {"context": pa.array([], INTS), "target": pa.array([], pa.int64())},
            "there are no rows in it to score with; give pairs in column `context`.* and column `target`",
        ),
        (
            {"context": [[1], [2], [3]], "target": [1, None, None]},
            "column `target` is null in 2 of 3 rows; leave those out",
        ),
    ],
)
def test_pairs_that_cannot_be_scored_are_refused(tmp_path: Path, columns: dict[str, Any], why: str):
    path = written(tmp_path, **columns)
    with pytest.raises(TrainingError, match=f"^{path}: .*{why}"):
        read_pairs(path)


@pytest.mark.parametrize("kind", [INTS, pa.large_list(pa.uint16()), pa.list_(pa.int64())])
def test_sessions_keep_their_rows_and_lose_what_is_null(tmp_path: Path, kind: pa.DataType):
    given = pa.chunked_array([pa.array([[3, None, 1], None], kind), pa.array([[], [2]], kind)])
    found = read_sessions(written(tmp_path, tracks=given))
    assert (found.lengths.tolist(), found.ids.tolist()) == ([2, 0, 0, 1], [3, 1, 2])


def test_every_pair_is_read_with_what_is_known_of_its_context(tmp_path: Path):
    given = pa.array([[1, None, 2], None, []], INTS)
    contexts, targets = read_pairs(written(tmp_path, context=given, target=[5, 6, 7]))
    assert (contexts.lengths.tolist(), contexts.ids.tolist()) == ([2, 0, 0], [1, 2])
    assert targets.tolist() == [5, 6, 7]
