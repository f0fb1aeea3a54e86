from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.sound.features import FEATURE_NAMES
from etl.sound.normalise import Normaliser
from infra.errors import TrainingError
from tests.unit.checkerboard import checkerboard
from training.data import arrays
from training.data.dataset import from_sessions, load
from training.data.fingerprint import fingerprint

VALUES = len(FEATURE_NAMES)


@pytest.fixture
def raw() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, VALUES))


@pytest.fixture
def normaliser(raw: np.ndarray) -> Normaliser:
    return Normaliser.fit(raw)


def tracks(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("artist", pa.string()),
            ("album", pa.string()),
            ("vector", pa.list_(pa.float32())),
            ("segments", pa.binary()),
            ("plays", pa.int64()),
        ]
    )
    packed = [row | {"segments": None if row["segments"] is None else _packed(row["segments"])} for row in rows]
    return written(folder / "tracks", pa.Table.from_pylist([{"plays": 0} | row for row in packed], schema))


def _packed(parts: Sequence[Sequence[float]]) -> bytes:
    return b"".join(np.asarray(part, dtype="<f4").tobytes() for part in parts)


def sessions(
    folder: Path, rows: Sequence[tuple[list[str], list[float], int, str]], ids: Sequence[int] | None = None
) -> Path:
    columns = {
        "session_id": [str(i) for i in ids or range(len(rows))],
        "user": ["me"] * len(rows),
        "tracks": [r[0] for r in rows],
        "weights": [r[1] for r in rows],
        "ended_at_ms": [r[2] for r in rows],
        "split": [r[3] for r in rows],
    }
    types = [pa.string(), pa.string(), pa.list_(pa.string()), pa.list_(pa.float32()), pa.int64(), pa.string()]
    schema = pa.schema(list(zip(columns, types, strict=True)))
    return written(folder / "sessions", pa.Table.from_pydict(columns, schema))


def written(folder: Path, table: pa.Table) -> Path:
    folder.mkdir(parents=True)
    pq.write_table(table.slice(0, 1), folder / "part-0.parquet")
    pq.write_table(table.slice(1), folder / "part-1.parquet")
    return folder


def test_load_reads_tracks_with_and_without_sound(tmp_path: Path, raw: np.ndarray, normaliser: Normaliser):
    vector = normaliser.transform(raw[:1])[0]
    rows = [
        {"id": "a", "artist": "x", "album": "y", "vector": vector.tolist(), "segments": raw[:3].tolist()},
        {"id": "b", "artist": None, "album": None, "vector": None, "segments": None},
    ]
    data = load(tracks(tmp_path, rows), sessions(tmp_path, []), normaliser)
    assert data.track_ids == ["a", "b"]
    assert data.artists == ["x", ""]
    np.testing.assert_allclose(data.sound, [vector, np.zeros_like(vector)], atol=1e-6)
    assert data.segments.offsets.tolist() == [0, 3, 3]
    np.testing.assert_allclose(data.segments.vectors, normaliser.transform(raw[:3]), atol=1e-5)
    assert data.train.number == data.holdout.number == 0


def test_load_puts_sessions_in_time_order_and_leaves_unknown_tracks_out(tmp_path: Path):
    plays = {"a": 0, "b": 1, "c": 1}
    rows = [
        {"id": name, "artist": "", "album": "", "vector": None, "segments": None, "plays": plays[name]}
        for name in "cab"
    ]
    asked = sessions(
        tmp_path,
        [
            (["c", "gone", "a"], [1.0, 1.0, -0.5], 30, "train"),
            (["a"], [1.0], 40, "holdout"),
            (["b", "b"], [0.5, float("nan")], 10, "train"),
            ([], [], 20, "train"),
        ],
    )
    data = load(tracks(tmp_path, rows), asked, None)
    assert data.train.offsets.tolist() == [0, 1, 1, 3]
    assert data.train.items.tolist() == [1, 2, 0]
    assert data.train.weights.tolist() == [0.5, 1.0, -0.5]
    assert data.holdout.items.tolist() == [0]
    assert data.counts.tolist() == [0, 1, 1]


def test_load_does_not_depend_on_how_the_rows_are_divided_among_files(
    tmp_path: Path, raw: np.ndarray, normaliser: Normaliser
):
    rows = [
        {"id": name, "artist": name, "album": "", "vector": normaliser.transform(raw[i : i + 1])[0].tolist()}
        | {"segments": raw[i : i + i % 3].tolist(), "plays": i}
        for i, name in enumerate("abcdefgh")
    ]
    heard = [(["a", "b"], [1.0, 1.0], 5, "train"), (["c"], [1.0], 5, "train"), (["d", "a"], [1.0, 0.5], 5, "train")]
    one = load(tracks(tmp_path / "one", rows), sessions(tmp_path / "one", heard), normaliser)
    folder = tmp_path / "other"
    other = load(tracks(folder, rows[::-1]), sessions(folder, heard[::-1], ids=[2, 1, 0]), normaliser)
    assert one.track_ids == other.track_ids
    assert one.artists == other.artists
    assert fingerprint(one) == fingerprint(other)
    np.testing.assert_array_equal(one.counts, other.counts)


NAN = float("nan")


@pytest.mark.parametrize(
    "broken",
    [
        {"vector": [1.0, NAN]},
        {"vector": [1.0, float("inf")]},
        {"segments": [[0.0] * VALUES, [NAN] * VALUES]},
        {"segments": [[0.0] * VALUES, [0.0] * 3]},
    ],
    ids=["vector", "infinite", "part", "length of a part"],
)
def test_load_leaves_a_track_out_whose_features_are_no_numbers(
    tmp_path: Path, normaliser: Normaliser, broken: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    whole = {"artist": "", "album": "", "vector": [0.6, 0.8], "segments": [[0.0] * VALUES] * 2}
    rows = [{"id": "before"} | whole, {"id": "broken"} | whole | broken, {"id": "after"} | whole]
    heard = sessions(tmp_path, [(["before", "broken", "after"], [1.0] * 3, 1, "train")])
    data = load(tracks(tmp_path, rows), heard, normaliser)
    assert data.track_ids == ["after", "before"]
    assert data.segments.offsets.tolist() == [0, 2, 4]
    assert data.train.items.tolist() == [1, 0]
    assert [record.getMessage().split(" is ")[0] for record in caplog.records] == ["track broken"]


def test_arrays_are_read_as_they_were_written(tmp_path: Path):
    data = checkerboard(12, 5)
    arrays.write(data, tmp_path / "data")
    found = arrays.read(tmp_path / "data")
    assert fingerprint(found) == fingerprint(data)
    np.testing.assert_array_equal(found.counts, data.counts)


def test_load_refuses_an_empty_library(tmp_path: Path):
    with pytest.raises(TrainingError, match="segue ingest"):
        load(tracks(tmp_path, []), sessions(tmp_path, []), None)


def test_from_sessions_sets_the_last_ones_aside(tmp_path: Path):
    path = tmp_path / "s.parquet"
    pq.write_table(pa.table({"session_id": [1, 2, 3, 4], "tracks": [[7, 9], [9], [7, 7, 9], [5, 9]]}), path)
    data = from_sessions(path, holdout_share=0.25)
    assert data.track_ids == ["5", "7", "9"]
    assert data.train.items.tolist() == [1, 2, 2, 1, 1, 2]
    assert data.holdout.items.tolist() == [0, 2]
    assert data.counts.tolist() == [0, 3, 3]
    assert data.sound.shape == (3, 0)


def test_from_sessions_refuses_an_empty_file(tmp_path: Path):
    path = tmp_path / "s.parquet"
    columns = {"session_id": pa.array([], pa.int64()), "tracks": pa.array([], pa.list_(pa.int64()))}
    pq.write_table(pa.table(columns), path)
    with pytest.raises(TrainingError):
        from_sessions(path)
