"""Training by itself: enough plays come and a new version appears; killed in the middle, it goes on where it was."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from mlflow import MlflowClient

from infra.addresses import Addresses
from infra.errors import NotFound
from infra.services import Services
from infra.services.state import doing, wanting
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.installed import wait_for
from tests.data.loud_and_soft import bring_in, evenings
from training.alone import who_trains
from training.due import Attempt
from training.learn.model import ModelConfig
from training.pipeline import TrainingReport, train
from training.registry import versions as registry
from training.retrain import Watch

WANTED, EPOCHS = 80, 60
FEW = 3
"""Looks after which what has not begun will not."""
COMMAND = [sys.executable, "-m", "ui.cli", "train", "--dim", "16", "--epochs", str(EPOCHS)]


@pytest.fixture(scope="module")
def addresses(services: Services) -> Addresses:
    return services.ensure("mongo", "mlflow")


@pytest.fixture(scope="module")
def settings(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home of its own on the services of all: what a killed training leaves there disturbs nobody."""
    return Settings.load(
        home=tmp_path_factory.mktemp("retrain"),
        mongo_uri=addresses.mongo,
        mlflow_uri=addresses.mlflow,
        mongo_database=f"test_{uuid.uuid4().hex[:12]}",
        retrain_plays=WANTED,
        models_kept=1_000,
    )


class Learned(NamedTuple):
    """What came of a training that was interrupted, and gone on with after a listener had been forgotten."""

    report: TrainingReport
    said_before: list[str]


@pytest.fixture(scope="module")
def library(addresses: Addresses, settings: Settings) -> Iterator[Store]:
    with Store(addresses.mongo, settings.mongo_database).prepare() as store:
        bring_in(store)
        yield store


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


class Watching(Watch):
    """A watch in a thread of its own, whose looks are counted."""

    def __init__(self, settings: Settings, command: list[str]) -> None:
        self._ended = threading.Event()
        super().__init__(settings, command, self._ended)
        self.looks = 0
        self._thread = threading.Thread(target=self.run, args=(0.1,))

    def look(self) -> None:
        super().look()
        self.looks += 1

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def looked_again(self) -> None:
        """Wait until it has looked a few times from now on."""
        enough = self.looks + FEW
        wait_for(lambda: self.looks >= enough, f"{FEW} looks")


def test_a_listener_forgotten_during_an_interruption_is_not_learned_from(learned: Learned) -> None:
    assert any("13 sessions" in line for line in learned.said_before)
    assert learned.report.sessions == 10
    assert "spark" in learned.report.seconds


def test_a_training_of_its_own_killed_in_the_middle_goes_on_where_it_was(
    library: Store, learned: Learned, addresses: Addresses, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    before = _took_no_time(addresses)
    assert before.version == learned.report.version
    with Watching(settings, COMMAND):
        wait_for(lambda: "0 of 80 new plays" in doing(settings, "retrain"), "the first look")
        library.plays.append(evenings(20, first=10, seed=6))
        kept = wait_for(lambda: _kept(settings.home), "a checkpoint", 240)
        assert "training since" in doing(settings, "retrain")
        trainer = _trainer(settings)
        assert int(Path(f"/proc/{trainer}/oom_score_adj").read_text()) > 0, "it goes before what plays music"
        os.kill(trainer, signal.SIGKILL)
        assert kept.exists()
        new = wait_for(lambda: _newer(addresses, before), "a new version", 240)
        wait_for(lambda: "0 of 80 new plays" in doing(settings, "retrain"), "the next look")
    told = capfd.readouterr().err
    assert told.count("\nspark\n") + told.startswith("spark\n") == 1
    assert "going on with the training that was interrupted" in told
    assert int(new.tags["data.plays"]) == 120
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


def ending(status: int, began: Path) -> list[str]:
    """A command that notes that it was run and ends so."""
    return [sys.executable, "-c", f"open({str(began)!r}, 'a').write('x'); raise SystemExit({status})"]


def test_a_failed_attempt_is_not_repeated_until_as_many_plays_have_come(
    library: Store,
    learned: Learned,
    addresses: Addresses,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    assert int(_took_no_time(addresses).version) >= int(learned.report.version)
    began = tmp_path / "began"
    fails = ending(1, began)
    with caplog.at_level(logging.WARNING, "segue.retrain"):
        with Watching(settings, fails) as watch:
            library.plays.append(evenings(20, first=100))
            wait_for(lambda: "the last attempt failed: status 1" in doing(settings, "retrain"), "the failure")
            watch.looked_again()
        with Watching(settings, fails) as watch:
            watch.looked_again()
            assert began.read_text() == "x"
            library.plays.append(evenings(20, first=140))
            wait_for(lambda: began.read_text() == "xx", "another attempt")
    assert "the training ended with status 1" in caplog.text
    _begin_anew(settings)


def test_a_part_that_was_away_is_no_failure(
    library: Store, learned: Learned, settings: Settings, tmp_path: Path
) -> None:
    assert learned.report.version
    library.plays.append(evenings(20, first=180))
    began = tmp_path / "began"
    with Watching(settings, ending(os.EX_TEMPFAIL, began)) as watch:
        wait_for(lambda: "the last attempt met what passes" in doing(settings, "retrain"), "the attempt")
        watch.looked_again()
    assert began.read_text() == "x"
    note = settings.home / "retrain.json"
    attempt = Attempt.model_validate_json(note.read_bytes())
    assert attempt.state == "away"
    note.write_text(attempt.model_copy(update={"at_ms": 0}).model_dump_json())
    with Watching(settings, ending(0, began)):
        wait_for(lambda: began.read_text() == "xx" and not note.exists(), "another attempt, without another play")


def test_it_gives_way_to_everything_else_and_so_does_what_it_trains(
    library: Store, learned: Learned, addresses: Addresses, settings: Settings, tmp_path: Path
) -> None:
    """The process that a supervisor starts, and in place of the training one that notes what it may take."""
    assert learned.report.version
    _took_no_time(addresses)
    library.plays.append(evenings(20, first=220))
    noted = tmp_path / "niceness"
    notes = [sys.executable, "-c", f"import os; open({str(noted)!r}, 'w').write(str(os.nice(0)))"]
    environment = child_environment(**settings.environment())
    with subprocess.Popen([sys.executable, "-m", "training.retrain", *notes], env=environment) as process:
        try:
            assert wait_for(lambda: noted.exists() and noted.read_text(), "a training", 60) == "19"
            assert psutil.Process(process.pid).nice() == 19
        finally:
            process.terminate()
    assert process.returncode == 0
    _begin_anew(settings)


def test_what_a_forgotten_listener_taught_goes_without_a_new_play(
    library: Store, learned: Learned, addresses: Addresses, settings: Settings, installation: Settings
) -> None:
    library.plays.append(evenings(5, user="eve", first=300))
    train(settings, addresses, ModelConfig(dim=16, epochs=2), progress=lambda _: None)
    knowing = registry.versions(addresses.mlflow)[0]
    registry.promote(addresses.mlflow, knowing.version)
    left = settings.home / "training" / "interrupted"
    (left / "sessions").mkdir(parents=True)
    (left / "job.json").write_text('{"begun_ms": 1, "run_id": ""}')
    off = settings.model_copy(update={"retrain_plays": 0})
    with Watching(off, COMMAND):
        wait_for(lambda: "switched off" in doing(off, "retrain"), "the first look")
        assert (wanting(off, "retrain"), (left / "sessions").exists()) == ("", True)
        library.plays.forget("eve")
        told = wait_for(lambda: wanting(off, "retrain"), "what is due")
        wait_for(lambda: not (left / "sessions").exists(), "the end of what an interrupted training kept")
    assert f"version {knowing.version}" in told
    assert "learned from a listener who was forgotten since; `segue train`" in told
    with Watching(settings, [*COMMAND[:-1], "2"]):
        wait_for(lambda: _newer(addresses, knowing), "a new version", 240)
        wait_for(lambda: not (settings.home / "retrain.json").exists(), "the end of the training", 60)
    assert library.plays.forgettings() == []
    known = {one.version: one for one in registry.versions(addresses.mlflow)}
    assert knowing.version not in known
    assert learned.report.version in known, "it was there before that listener came"
    assert max(known.values(), key=lambda one: int(one.version)).champion
    assert not (settings.models / knowing.version).exists()
    with pytest.raises(NotFound, match="no model version"):
        registry.fetch(addresses.mlflow, knowing.version, settings.models)
    assert not [path for path in (installation.home / "mlflow").rglob(f"{knowing.model_id}/**/*") if path.is_file()]
    assert list((settings.home / "training").iterdir()) == []


def _took_no_time(addresses: Addresses) -> registry.ModelVersion:
    """The newest version, as if its training had been over at once: the next need not rest."""
    newest = registry.versions(addresses.mlflow)[0]
    MlflowClient(addresses.mlflow).set_model_version_tag(registry.MODEL, newest.version, registry.SECONDS, "0")
    return newest


def _begin_anew(settings: Settings) -> None:
    (settings.home / "retrain.json").unlink(missing_ok=True)


def _kept(home: Path) -> Path | None:
    return next((home / "training").glob("*/checkpoints/all/state.pt"), None)


def _trainer(settings: Settings) -> int:
    pid = int(who_trains(settings).split()[1])
    assert psutil.Process(pid).parent().pid == os.getpid()
    return pid


def _newer(addresses: Addresses, before: registry.ModelVersion) -> registry.ModelVersion | None:
    newest = registry.versions(addresses.mlflow)[0]
    return newest if int(newest.version) > int(before.version) else None
