"""The training loop on two workers of the embedded Ray cluster, one of which is killed in the middle."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest

from infra.addresses import Addresses
from infra.errors import TrainingError
from infra.services import Services
from tests.unit.checkerboard import checkerboard
from training.data.dataset import TrainingData
from training.learn.distributed import fit_on_ray
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.encoder import FittedModel

# Ray's own code, which Ray Train imports.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")

CONFIG = ModelConfig(dim=16, epochs=3)
WORKERS = 2

Figures = list[dict[str, float]]


@pytest.fixture(scope="module")
def ray(services: Services) -> Addresses:
    return services.ensure("ray")


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return dataclasses.replace(checkerboard(120, 300), holdout=checkerboard(120, 100).train)


@pytest.fixture(scope="module")
def undisturbed(data: TrainingData, ray: Addresses) -> tuple[FittedModel, Figures]:
    told: Figures = []
    model = fit_on_ray(CONFIG, data, lambda _epoch, figures: told.append(figures), address=ray.ray, workers=WORKERS)
    return model, told


def test_ctrl_c_ends_all_workers(data: TrainingData, ray: Addresses) -> None:
    endless = CONFIG.model_copy(update={"epochs": 100_000})
    seen: list[psutil.Process] = []

    def interrupt(_epoch: int, _figures: dict[str, float]) -> None:
        seen.extend(psutil.Process(pid) for pid in _workers())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_on_ray(endless, data, interrupt, address=ray.ray, workers=WORKERS)
    assert len(seen) == WORKERS
    assert psutil.wait_procs(seen, timeout=30)[1] == []


def test_two_workers_are_as_good_as_one(undisturbed: tuple[FittedModel, Figures], data: TrainingData) -> None:
    alone: Figures = []
    fit(CONFIG, data, lambda _epoch, figures: alone.append(figures))
    told = undisturbed[1]
    assert len(told) == CONFIG.epochs
    pairs = len(data.holdout.items) - data.holdout.number
    noise = np.sqrt(0.25 / pairs)
    assert told[-1]["holdout_p_at_20"] > alone[-1]["holdout_p_at_20"] - 3 * noise
    assert told[-1]["loss"] == pytest.approx(alone[-1]["loss"], rel=0.02)


def test_a_worker_that_is_killed_changes_nothing(
    undisturbed: tuple[FittedModel, Figures],
    data: TrainingData,
    ray: Addresses,
    tmp_path: Path,
) -> None:
    told: list[tuple[int, dict[str, float]]] = []

    def log(epoch: int, figures: dict[str, float]) -> None:
        told.append((epoch, figures))
        if len(told) == 1:
            os.kill(max(_workers()), signal.SIGKILL)

    model = fit_on_ray(CONFIG, data, log, checkpoints=tmp_path, address=ray.ray, workers=WORKERS)
    np.testing.assert_array_equal(model.items, undisturbed[0].items)
    last = dict(told)
    assert [last[epoch]["loss"] for epoch in range(CONFIG.epochs)] == [figures["loss"] for figures in undisturbed[1]]
    assert len(told) > CONFIG.epochs, "no epoch was told again: the worker was not killed in time"


def test_more_workers_than_cores_are_refused(data: TrainingData, ray: Addresses) -> None:
    with pytest.raises(TrainingError, match=f"5000 workers: the Ray cluster has {os.cpu_count()} cores"):
        fit_on_ray(CONFIG, data, address=ray.ray, workers=5000)


def _workers() -> list[int]:
    """Processes below this one that do a share of a training."""
    below = psutil.Process().children(recursive=True)
    return [process.pid for process in below if "RayTrainWorker" in " ".join(process.cmdline())]
