"""`segue evaluate` as people and programs use it: figures of tiny files, and one clear line where a file cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ui.summaries import evaluation_summary

SESSIONS = [[start, start + 2, start + 4, start + 6] for start in range(40)]
PAIRS = {"context": [[0, 2], [1], [], None, [999]], "target": [4, 3, 0, 1, 12345]}
BESIDE = {"popular", "cooccurrence", "session_knn"}


def evaluated(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ui.cli", "evaluate", *arguments]
    environment = {**os.environ, "SEGUE_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def train(tmp_path: Path) -> str:
    pq.write_table(pa.table({"session_id": range(len(SESSIONS)), "tracks": SESSIONS}), tmp_path / "train.parquet")
    return str(tmp_path / "train.parquet")


@pytest.fixture
def test(tmp_path: Path) -> str:
    pq.write_table(pa.table(PAIRS), tmp_path / "test.parquet")
    return str(tmp_path / "test.parquet")


def test_every_pair_is_scored_beside_the_baselines(tmp_path: Path, train: str, test: str):
    done = evaluated(tmp_path, "--train", train, "--test", test, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["pairs"] == len(PAIRS["target"])
    assert 0 < found["p@20"] <= 80, "the last target is a track that nobody knows"
    assert 0 < found["mrr@20"] <= found["p@20"]
    assert set(found["on_a_sample"]) == {"segue", *BESIDE}
    for of in (found, *found["on_a_sample"].values()):
        assert {"p@20", "mrr@20", "coverage", "novelty", "intra_list_distance", "repeat_rate"} <= set(of)
    assert set(found["not_measured"]) == {"sound", "artist_entropy"}
    told = evaluation_summary(found).splitlines()
    assert f"p@20: {found['p@20']:.6g}" in told
    assert {line.split()[0] for line in told if line.startswith("  ")} == {"segue", *BESIDE}
    assert "sound: not measured: sound alone needs tracks' sound, and sessions of track ids come without" in told


def test_a_file_that_cannot_be_used_is_told_in_one_line_before_anything_is_learned(tmp_path: Path, train: str):
    done = evaluated(tmp_path, "--train", train, "--test", train)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"segue: {train}: it needs a column `context` of lists of integers; its columns: `session_id`, `tracks`\n"
    )


def test_a_file_that_is_not_given_is_misuse(tmp_path: Path, train: str):
    done = evaluated(tmp_path, "--train", train)
    assert done.returncode == 2
    assert "--test" in done.stderr
