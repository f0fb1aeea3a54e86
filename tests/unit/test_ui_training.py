"""What commands say of trainings: that a part is away, and that another training has to end first."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.services.state import doing, tell_doing
from infra.settings import Settings
from training.alone import alone
from training.due import Attempt
from training.retrain import Watch
from ui.commands.installation import _wait_for_training

AWAY = {"SEGUE_MONGO_URI": "mongodb://127.0.0.1:9", "SEGUE_MLFLOW_URI": "http://127.0.0.1:9"}


def test_a_part_that_is_away_has_an_exit_status_of_its_own(tmp_path: Path):
    environment = {**os.environ, **AWAY, "SEGUE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "ui.cli", "promote", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_TEMPFAIL
    assert "MLflow at http://127.0.0.1:9 does not answer" in done.stderr


def test_up_waits_for_a_training_that_runs_already(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    settings, waited = Settings.load(home=tmp_path), []
    with ExitStack() as training:
        training.enter_context(alone(settings))

        def meanwhile() -> None:
            waited.append(1)
            if len(waited) == 2:
                training.close()

        _wait_for_training(settings, meanwhile)
    assert len(waited) == 2
    assert f"waits for the training of pid {os.getpid()}" in capsys.readouterr().err
    _wait_for_training(settings, meanwhile)
    assert len(waited) == 2


def test_after_a_restart_the_watch_does_not_tell_of_a_training_that_is_gone(tmp_path: Path):
    settings, told = Settings.load(home=tmp_path), []
    tell_doing(settings, "retrain", "training since 12:00:00")
    stop = threading.Event()

    class Looking(Watch):
        def look(self) -> None:
            told.append(doing(settings, "retrain"))
            stop.set()
            super().look()

    Looking(settings, [], stop).run(0.0)
    assert told == ["looks for the first time since its start"]
    assert doing(settings, "retrain") == "looks again later: MongoDB or MLflow does not answer yet"


def test_a_training_that_ends_with_the_watch_was_not_killed(tmp_path: Path):
    settings, stop = Settings.load(home=tmp_path), threading.Event()
    begun = Attempt(since="3", state="running", tries=1, at_ms=1)

    class Beginning(Watch):
        def look(self) -> None:
            stop.set()
            self._train(begun)

    Beginning(settings, ["sleep", "60"], stop).run(0.0)
    noted = Attempt.model_validate_json((settings.home / "retrain.json").read_bytes())
    assert noted == begun.model_copy(update={"tries": 0})
