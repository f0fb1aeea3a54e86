"""Training by itself: enough plays come and a new version appears; killed in the middle, it goes on where it was."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from mlflow import MlflowClient

from infra.addresses import Addresses
from infra.services import Services
from infra.services.state import doing
from infra.settings import Settings
from infra.store import Store
from tests.data.installed import wait_for
from tests.data.loud_and_soft import bring_in, evenings
from training.alone import who_trains
from training.learn.model import ModelConfig
from training.pipeline import TrainingReport, train
from training.registry import versions as registry
from training.retrain import Watch
from training.spark.new_plays import TELLING_PLAYS, telling_plays

WANTED, EPOCHS = 80, 60
COMMAND = [sys.executable, "-m", "ui.cli", "train", "--dim", "16", "--epochs", str(EPOCHS)]


@pytest.fixture(scope="module")
def addresses(services: Services) -> Addresses:
    return services.ensure("mongo", "mlflow")


@pytest.fixture(scope="module")
def settings(installation: Settings) -> Settings:
    name = f"test_{uuid.uuid4().hex[:12]}"
    return installation.model_copy(update={"retrain_plays": WANTED, "mongo_database": name})


class Learned(NamedTuple):
    """What came of a training that was interrupted, and gone on with after a listener had been forgotten."""

    report: TrainingReport
    said_before: list[str]


@pytest.fixture(scope="module")
def library(addresses: Addresses, settings: Settings) -> Iterator[Store]:
    with Store(addresses.mongo, settings.mongo_database).prepare() as store:
        bring_in(store)
        yield store
    (settings.home / "retrain.json").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def learned(library: Store, addresses: Addresses, settings: Settings) -> Learned:
    """Ten evenings of one listener; another, who is forgotten, had three."""
    config, said = ModelConfig(dim=16, epochs=2), []

    def interrupted(line: str) -> None:
        said.append(line)
        if line.startswith("epoch 1"):
            raise KeyboardInterrupt

    library.plays.append([*evenings(10), *evenings(3, user="ann", first=20)])
    with pytest.raises(KeyboardInterrupt):
        train(settings, addresses, config, progress=interrupted)
    library.plays.forget("ann")
    return Learned(train(settings, addresses, config, progress=lambda _: None), said)


class Watching:
    """A watch in a thread of its own."""

    def __init__(self, settings: Settings, command: list[str]) -> None:
        self._stop = threading.Event()
        watch = Watch(settings, command, self._stop)
        self._thread = threading.Thread(target=watch.run, args=(0.3,))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_a_listener_forgotten_during_an_interruption_is_not_learned_from(learned: Learned) -> None:
    assert any("13 sessions" in line for line in learned.said_before)
    assert learned.report.sessions == 10
    assert "spark" in learned.report.seconds


def test_a_training_of_its_own_killed_in_the_middle_goes_on_where_it_was(
    library: Store, learned: Learned, addresses: Addresses, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    before = registry.versions(addresses.mlflow)[0]
    assert before.version == learned.report.version
    assert int(before.tags[TELLING_PLAYS]) == telling_plays(library, time.time_ns() // 1_000_000) == 40
    with Watching(settings, COMMAND):
        wait_for(lambda: "0 of 80 new plays" in doing(settings, "retrain"), "the first look")
        library.plays.append(evenings(20, first=10, seed=6))
        kept = wait_for(lambda: _kept(settings.home), "a checkpoint", 240)
        assert "training since" in doing(settings, "retrain")
        os.kill(_trainer(settings), signal.SIGKILL)
        assert kept.exists()
        new = wait_for(lambda: _newer(addresses, before), "a new version", 240)
        wait_for(lambda: "0 of 80 new plays" in doing(settings, "retrain"), "the next look")
    told = capfd.readouterr().err
    assert told.count("\nspark\n") + told.startswith("spark\n") == 1
    assert "going on with the training that was interrupted" in told
    assert int(new.tags[TELLING_PLAYS]) == 120
    client = MlflowClient(addresses.mlflow)
    run = client.get_run(new.run_id)
    assert run.info.status == "FINISHED"
    assert sorted(point.step for point in client.get_metric_history(new.run_id, "loss")) == list(range(EPOCHS))
    runs = client.search_runs(
        [run.info.experiment_id], f"tags.`data.fingerprint` = '{run.data.tags['data.fingerprint']}'"
    )
    assert [one.info.run_id for one in runs] == [new.run_id]
    assert list((settings.home / "training").iterdir()) == []
    assert not (settings.home / "retrain.json").exists()


def test_a_failed_attempt_is_not_repeated_until_as_many_plays_have_come(
    library: Store, learned: Learned, settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert learned.report.version
    began = tmp_path / "began"
    fails = [sys.executable, "-c", f"open({str(began)!r}, 'a').write('x'); raise SystemExit(1)"]
    with caplog.at_level(logging.WARNING, "segue.retrain"):
        with Watching(settings, fails):
            library.plays.append(evenings(20, first=100))
            wait_for(lambda: "the last attempt failed: status 1" in doing(settings, "retrain"), "the failure")
            time.sleep(1.5)
        with Watching(settings, fails):
            time.sleep(1.5)
            assert began.read_text() == "x"
            library.plays.append(evenings(20, first=140))
            wait_for(lambda: began.read_text() == "xx", "another attempt")
    assert "the training ended with status 1" in caplog.text


def _kept(home: Path) -> Path | None:
    return next((home / "training").glob("*/checkpoints/all/state.pt"), None)


def _trainer(settings: Settings) -> int:
    pid = int(who_trains(settings).split()[1])
    assert psutil.Process(pid).parent().pid == os.getpid()
    return pid


def _newer(addresses: Addresses, before: registry.ModelVersion) -> registry.ModelVersion | None:
    newest = registry.versions(addresses.mlflow)[0]
    return newest if int(newest.version) > int(before.version) else None
