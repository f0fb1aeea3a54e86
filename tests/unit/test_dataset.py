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
from training.dataset import from_sessions, load

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
            ("segments", pa.list_(pa.list_(pa.float32()))),
        ]
    )
    return written(folder / "tracks", pa.Table.from_pylist(list(rows), schema))


def sessions(folder: Path, rows: Sequence[tuple[list[str], list[float], int, str]]) -> Path:
    columns = {
        "session_id": [str(i) for i in range(len(rows))],
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
    rows = [{"id": name, "artist": "", "album": "", "vector": None, "segments": None} for name in "abc"]
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


def test_load_names_the_track_whose_features_are_no_numbers(tmp_path: Path):
    rows = [{"id": "broken", "artist": "", "album": "", "vector": [1.0, float("nan")], "segments": None}]
    with pytest.raises(TrainingError, match="broken"):
        load(tracks(tmp_path, rows), sessions(tmp_path, []), None)


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
