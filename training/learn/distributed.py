"""The training loop on several workers of a Ray cluster, through Ray Train's TorchTrainer.

In: what `fit` takes, a cluster's address and a number of workers. Out: what `fit` gives.
Every step's sessions are dealt out among the workers and their gradients averaged: as many steps, of the same size, as
one process makes. A worker that dies costs the epoch it was in; GPUs are used where there is one for every worker.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from infra.errors import TrainingError
from infra.scratch import scratch
from infra.services.ray_client import connected
from training.data import arrays
from training.data.dataset import TrainingData
from training.learn.crew import Crew
from training.learn.model import ModelConfig
from training.learn.train import Log, check, fit_in_crew, quiet
from training.recommend.encoder import FittedModel

__all__ = ["fit_on_ray"]

NICENESS = 10
"""Of the workers: whoever listens meanwhile comes first."""
DEATHS = 2
"""So many times the workers are started again after one of them died."""
LOOK_EVERY_S = 0.5


class _Work(NamedTuple):
    """What travels to the workers: not the data, only where it lies."""

    config: ModelConfig
    data: Path
    checkpoints: Path
    told: Any
    """A Ray queue for the figures of the epochs."""
    given_up: Path
    """Once there is such a file, nobody waits for the training any more."""


def fit_on_ray(
    config: ModelConfig,
    data: TrainingData,
    log: Log = quiet,
    *,
    checkpoints: Path | None = None,
    address: str,
    workers: int,
    shared: Path | None = None,
) -> FittedModel:
    """Train as `fit` does, on `workers` workers of the Ray cluster at `address`.

    `shared` is a folder that all machines of the cluster see under this name, and `checkpoints` another; the data travels
    through it. After the death of a worker, `log` is told again of the epochs already done.
    Raises `TrainingError` as `fit` does, for more workers than the cluster has cores, and when workers keep dying;
    `ServiceError` when the cluster cannot be used.
    """
    check(data)
    with scratch(shared, "segue-fit") as folder:
        arrays.write(data, folder / "data")
        # Ray Train's call ends before the connection does: cut off, it may wait for ever.
        with connected(address) as ray, ThreadPoolExecutor(1) as beside:
            from ray.util.queue import Queue  # noqa: PLC0415 - as in `connected`

            told = Queue(actor_options={"num_cpus": 0})
            work = _Work(config, folder / "data", checkpoints or folder / "checkpoints", told, folder / "given-up")
            # Beside, because `log` is to be called where `fit` would call it: in this thread.
            running = beside.submit(_train, ray, work, workers, folder)
            try:
                for epoch, figures in _until_done(running, told):
                    log(epoch, figures)
            except BaseException:
                work.given_up.touch()
                raise
            return running.result()


def _train(ray: Any, work: _Work, workers: int, folder: Path) -> FittedModel:
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError  # noqa: PLC0415 - as in `connected`
    from ray.train.torch import TorchTrainer  # noqa: PLC0415

    from training.learn.meeting import meeting  # noqa: PLC0415

    there = ray.cluster_resources()
    if workers > there.get("CPU", 0):
        raise TrainingError(f"{workers} workers: the Ray cluster has {int(there.get('CPU', 0))} cores")
    torch_config, environment = meeting(folder)
    run: Any = RunConfig
    trainer: Any = TorchTrainer(
        _share,  # type: ignore[arg-type]  # it returns something
        train_loop_config={"work": work},
        torch_config=torch_config,
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=there.get("GPU", 0) >= workers),
        run_config=run(
            name="run",
            storage_path=str(folder / "ray"),
            failure_config=FailureConfig(max_failures=DEATHS),
            worker_runtime_env={"env_vars": environment},
        ),
    )
    try:
        answer = trainer.fit().return_value
    except TrainingFailedError as error:
        raise TrainingError(f"the training's workers died {DEATHS + 1} times: {error}") from error
    if isinstance(answer, str):
        raise TrainingError(answer)
    return answer  # type: ignore[no-any-return]


def _share(given: dict[str, _Work]) -> FittedModel | str | None:
    """What one worker does; the first returns the model, or what is wrong with the training."""
    import ray.train  # noqa: PLC0415 - as in `connected`
    from ray.train.torch import get_device  # noqa: PLC0415

    os.nice(max(0, NICENESS - os.nice(0)))
    work, context = given["work"], ray.train.get_context()
    if work.given_up.exists():
        return "the training was given up"
    threading.Thread(target=_end_when_given_up, args=(work.given_up,), daemon=True).start()
    crew = Crew(get_device(), context.get_world_rank(), context.get_world_size(), context.get_local_world_size())

    def log(epoch: int, figures: dict[str, float]) -> None:
        if crew.rank == 0:
            work.told.put((epoch, figures))

    try:
        fitted = fit_in_crew(work.config, arrays.read(work.data), log, work.checkpoints, crew)
    except TrainingError as error:
        return str(error)
    return fitted if crew.rank == 0 else None


def _end_when_given_up(file: Path) -> None:
    while not file.exists():
        time.sleep(LOOK_EVERY_S)
    # In the middle of a step: those that take this worker's place find the file before they begin.
    os._exit(1)


def _until_done(running: Future[FittedModel], told: Any) -> Iterator[tuple[int, dict[str, float]]]:
    """What the first worker tells, until the training has ended and all is told."""
    from ray.util.queue import Empty  # noqa: PLC0415 - as in `connected`

    ended = False
    while not ended:
        ended = running.done()
        try:
            while True:
                yield told.get(timeout=LOOK_EVERY_S)
        except Empty:
            continue
