"""A training that is killed goes on from its checkpoint, to the model that it would have come to."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unit.checkerboard import checkerboard
from training.data import arrays
from training.data.dataset import TrainingData
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.encoder import FittedModel

CONFIG = ModelConfig(dim=16, epochs=4)
FIT = """
import sys
import time
from pathlib import Path
from training.data import arrays
from training.learn.model import ModelConfig
from training.learn.train import fit

config, data, checkpoints, kept = sys.argv[1:]


def log(epoch, figures):
    if epoch == int(kept):
        print("killed here", flush=True)
        time.sleep(600)


fit(ModelConfig.model_validate_json(config), arrays.read(Path(data)), log, checkpoints=Path(checkpoints))
"""

Told = list[tuple[int, float]]


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return dataclasses.replace(checkerboard(100, 400), holdout=checkerboard(100, 30).train)


@pytest.fixture(scope="module")
def undisturbed(data: TrainingData) -> tuple[FittedModel, Told]:
    return fitted(data, None)


def fitted(data: TrainingData, checkpoints: Path | None, config: ModelConfig = CONFIG) -> tuple[FittedModel, Told]:
    told: Told = []
    return fit(config, data, lambda epoch, of: told.append((epoch, of["loss"])), checkpoints=checkpoints), told


def killed(data: TrainingData, folder: Path, after: int) -> Path:
    """The checkpoints of a training in another process, killed in the epoch that came `after` as many kept ones."""
    arrays.write(data, folder / "data")
    checkpoints = folder / "checkpoints"
    child = subprocess.Popen(
        [sys.executable, "-c", FIT, CONFIG.model_dump_json(), str(folder / "data"), str(checkpoints), str(after)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL, "it had ended before it was killed"
    return checkpoints


def same(one: FittedModel, other: FittedModel) -> bool:
    assert one.encoder is not None
    assert other.encoder is not None
    assert one.content is not None
    assert other.content is not None
    return np.array_equal(one.items, other.items) and all(
        np.array_equal(a[name], b[name])
        for a, b in ((one.encoder.weights, other.encoder.weights), (one.content.weights, other.content.weights))
        for name in a
    )


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_training_comes_to_the_same_model(
    undisturbed: tuple[FittedModel, Told], data: TrainingData, tmp_path: Path, after: int
) -> None:
    checkpoints = killed(data, tmp_path, after)
    model, told = fitted(data, checkpoints)
    assert same(model, undisturbed[0])
    assert told == undisturbed[1], "curves are whole after a resumption"
    again, told = fitted(data, checkpoints)
    assert same(again, model)
    assert told == undisturbed[1]
    assert [path.name for path in checkpoints.iterdir()] == ["state.pt"]


def test_the_checkpoint_of_another_training_is_not_taken(
    undisturbed: tuple[FittedModel, Told], data: TrainingData, tmp_path: Path
) -> None:
    fitted(data, tmp_path, CONFIG.model_copy(update={"seed": 8}))
    assert same(fitted(data, tmp_path)[0], undisturbed[0])
    fitted(dataclasses.replace(data, train=data.train.select(np.arange(300))), tmp_path)
    assert same(fitted(data, tmp_path)[0], undisturbed[0])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_checkpoint_that_was_cut_short_is_not_taken(
    undisturbed: tuple[FittedModel, Told], data: TrainingData, tmp_path: Path, share: float
) -> None:
    fitted(data, tmp_path)
    whole = (tmp_path / "state.pt").read_bytes()
    (tmp_path / "state.pt").write_bytes(whole[: int(len(whole) * share)])
    assert same(fitted(data, tmp_path)[0], undisturbed[0])
