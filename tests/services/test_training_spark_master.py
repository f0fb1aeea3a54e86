"""The Spark stage on a standalone cluster: a master and a worker in processes of their own, on loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyspark
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from infra.errors import ServiceError
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.crowd import BEGAN_MS, VERSION, YEAR_MS, Crowd, write_plays, write_tracks
from tests.data.loud_and_soft import TRACKS, bring_in, evenings
from training.data import dataset
from training.data.dataset import TrainingData
from training.spark.prepare import prepare_frames
from training.spark.session import session
from training.spark.source import read

SPARK = Path(pyspark.__file__).parent
CROWD = Crowd(tracks=100, listeners=20, plays=2_000)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster of one worker with one core."""
    folder = tmp_path_factory.mktemp("standalone")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"spark://127.0.0.1:{port}"
    of_worker = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder)]
    begun = []
    try:
        begun.append(daemon("master.Master", folder, "--port", str(port)))
        assert answers(port)
        begun.append(daemon("worker.Worker", folder, *of_worker, address))
        yield address
    finally:
        for process in reversed(begun):
            process.terminate()
            process.wait(30)


def daemon(name: str, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    environment = child_environment(
        SPARK_HOME=str(SPARK),
        SPARK_LOCAL_IP="127.0.0.1",
        SPARK_DAEMON_MEMORY="256m",
        SPARK_DAEMON_JAVA_OPTS="-XX:TieredStopAtLevel=1 -Dspark.master.rest.enabled=false",
    )
    program = [str(SPARK / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}"]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [*program, "--host", "127.0.0.1", "--webui-port", "0", *options], env=environment, stdout=log, stderr=log
        )


@retry(retry=retry_if_result(lambda found: not found), stop=stop_after_delay(60), wait=wait_fixed(0.1))
def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def killed(settings: Settings, asked: bool) -> None:
    """A session whose Java process dies; with nothing `asked` of it since, it is the stopping that finds out."""
    with session(settings, rows=0) as spark:
        java = spark.sparkContext._gateway.proc
        java.kill()
        java.wait()
        if asked:
            spark.range(5).count()


@pytest.mark.parametrize("asked", [True, False], ids=["asked before", "not asked"])
def test_java_that_ends_too_early_is_told_with_the_way_out_and_another_begins(
    installation: Settings, asked: bool
) -> None:
    with pytest.raises(ServiceError, match=r"Spark's Java process ended; .*spark\.log.* SEGUE_SPARK_MEMORY .* than 1g"):
        killed(installation, asked)
    with session(installation, rows=0) as another:
        assert another.range(5).count() == 5


def prepared(settings: Settings, folder: Path, name: str) -> TrainingData:
    with session(settings, rows=CROWD.plays) as spark:
        tracks, plays = (spark.read.parquet(str(folder / kind)) for kind in ("tracks", "plays"))
        made = prepare_frames(
            tracks, plays, folder / name, normaliser_version=VERSION, gap_minutes=30, now_ms=BEGAN_MS + 2 * YEAR_MS
        )
    assert made.n_plays == CROWD.plays
    return dataset.load(made.tracks, made.sessions, None)


def test_a_cluster_makes_of_plays_what_one_machine_makes(master: str, installation: Settings, tmp_path: Path) -> None:
    write_tracks(CROWD, tmp_path / "tracks")
    write_plays(CROWD, tmp_path / "plays")
    here = prepared(installation, tmp_path, "here")
    there = prepared(installation.model_copy(update={"spark_master": master}), tmp_path, "there")
    assert there.track_ids == here.track_ids
    for one, other in zip(
        (there.sound, there.counts, *there.train, *there.holdout),
        (here.sound, here.counts, *here.train, *here.holdout),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_the_workers_of_a_cluster_read_the_store(master: str, store: Store, settings: Settings) -> None:
    bring_in(store)
    store.plays.append(evenings(5))
    with session(settings.model_copy(update={"spark_master": master}), rows=0) as spark:
        assert spark.sparkContext.master == master
        tracks, plays = (read(spark, store.uri, store.database, kind, 2, 1).collect() for kind in ("tracks", "plays"))
    stored = {record.track.id: np.float32(record.vectors[1]) for record in store.tracks.scan()}
    assert len(tracks) == len(TRACKS)
    np.testing.assert_equal({row["id"]: np.float32(row["vector"]) for row in tracks}, stored)
    assert sorted(tuple(row) for row in plays) == sorted(store.plays.scan())
