"""What `segue up` does about a model once everything is up: a training that something keeps from its end is repeated."""

from __future__ import annotations

import fcntl
import re
import uuid
from pathlib import Path

import numpy as np
import pytest

from etl.sound.normalise import Normaliser
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from tests.data.loud_and_soft import WIDTH
from tests.data.records import record
from ui.commands.installation import _bring_in


def test_a_training_that_another_kept_away_is_repeated_and_one_that_failed_is_not(
    services: Services, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """The right to train is taken when the first begins and given back when it has ended; no track has a sound yet."""
    addresses = services.ensure("mongo", "mlflow")
    name = f"test_{uuid.uuid4().hex[:12]}"
    settings = Settings.load(home=tmp_path, mongo_uri=addresses.mongo, mlflow_uri=addresses.mlflow, mongo_database=name)
    settings.run.mkdir(parents=True)
    told = ""
    with (settings.run / "training.lock").open("w") as held, Store(addresses.mongo, name).prepare() as store:
        store.tracks.upsert([record("silent")])
        store.normalisers.save(1, Normaliser.fit(np.random.default_rng(1).normal(size=(4, WIDTH))).to_state())
        fcntl.flock(held, fcntl.LOCK_EX)

        def meanwhile() -> None:
            nonlocal told
            told += capfd.readouterr().err
            if _ended(told):
                fcntl.flock(held, fcntl.LOCK_UN)

        _bring_in(settings, addresses, None, demo=False, meanwhile=meanwhile)
    told += capfd.readouterr().err
    assert _ended(told) == ["75", "1"]
    assert "a training runs already" in told
    assert "no track has a sound vector" in told


def _ended(told: str) -> list[str]:
    """The exit statuses of the trainings so far."""
    return re.findall(r"`segue train --tuned` ended with status (\d+)", told)
