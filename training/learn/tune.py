"""The search itself: trials on the Ray cluster, one core each, hopeless ones stopped early by ASHA.

In: a `ModelConfig` to begin with, `TrainingData`, the cluster's address. Out: a `Search`.
Import it when the address is known and not before: Ray reads its environment while it is imported.
"""

from __future__ import annotations

import logging
import os
import re
import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

from infra.errors import TrainingError
from infra.services.ray_client import connected
from infra.settings import export
from training.data.dataset import TrainingData
from training.learn.crew import alone
from training.learn.model import ModelConfig
from training.learn.search import JUDGE, Search, Trial, TrialLog, best_of, set_aside
from training.learn.train import fit_in_crew

__all__ = ["SPACE", "search"]

SPACE: dict[str, Any] = {
    "lr": tune.loguniform(0.0006, 0.015),
    "batch_size": tune.choice([128, 256, 512, 1024]),
    "dim": tune.choice([64, 96, 128, 192]),
    "temperature": tune.loguniform(0.03, 0.15),
    "dropout": tune.uniform(0.1, 0.7),
}
"""What is drawn from, about a factor of five around the defaults."""
GRACE, REDUCTION = 2, 3
"""Epochs before a trial may be stopped, and of how many at a rung one goes on."""
NICENESS = 10
"""Of trials: whoever listens meanwhile comes first."""
QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
"""Trials are told of by us alone, and Ctrl-C ends a search as it ends everything else."""


def search(
    config: ModelConfig, data: TrainingData, trials: int, *, address: str, folder: Path, log: TrialLog
) -> Search:
    """Try `trials` sets of parameters; Ray Tune keeps its own files in `folder`.

    A parameter that `config` was given by name is not searched. Raises `TrainingError` when nothing is left to search,
    there are too few sessions to judge by, or every trial failed; `ServiceError` when Ray is away.
    """
    space = {name: drawn for name, drawn in SPACE.items() if name not in config.model_fields_set}
    if not space:
        raise TrainingError(f"{', '.join(SPACE)} are all given, nothing is left to search: leave some, or --tune, out")
    judged = set_aside(data)
    export(QUIET)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    with connected(address) as ray:
        follower = _Follower(log, config, space)
        # Handed over once: every trial reads the same copy in the cluster's shared memory.
        task = tune.with_parameters(_trial, config=config, data=judged)
        tune.Tuner(
            tune.with_resources(task, _share_of(ray.cluster_resources())),
            param_space=space,
            tune_config=tune.TuneConfig(
                metric=JUDGE,
                mode="max",
                num_samples=trials,
                search_alg=BasicVariantGenerator(
                    points_to_evaluate=[{name: getattr(config, name) for name in space}], random_state=config.seed
                ),
                scheduler=ASHAScheduler(
                    max_t=config.epochs, grace_period=min(GRACE, config.epochs), reduction_factor=REDUCTION
                ),
            ),
            run_config=tune.RunConfig(name="search", storage_path=str(folder), callbacks=[follower], verbose=0),
        ).fit()
    return best_of(sorted(follower.seen.values(), key=lambda one: one.number))


def _trial(drawn: dict[str, Any], *, config: ModelConfig, data: TrainingData) -> None:
    """One trial, in a process of its own."""
    os.nice(max(0, NICENESS - os.nice(0)))
    # One thread: every core has a trial of its own.
    crew = alone()._replace(neighbours=os.cpu_count() or 1)
    fit_in_crew(config.model_copy(update=drawn), data, lambda _epoch, figures: tune.report(figures), None, crew)


def _share_of(cluster: dict[str, float]) -> dict[str, float]:
    """A core, and the same share of the GPUs where there are any."""
    gpus, cores = cluster.get("GPU", 0.0), max(cluster.get("CPU", 1.0), 1.0)
    return {"cpu": 1, **({"gpu": round(min(gpus / cores, 1.0), 4)} if gpus else {})}


class _Follower(tune.Callback):
    """Keeps what Ray Tune tells of trials, and passes it on."""

    def __init__(self, log: TrialLog, config: ModelConfig, space: dict[str, Any]) -> None:
        self.seen: dict[str, Trial] = {}
        self._log, self._epochs, self._names = log, config.epochs, list(space)
        self._began: dict[str, float] = {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        """Ray Tune started one."""
        drawn = {name: trial.config[name] for name in self._names}
        self._began[trial.trial_id] = time.monotonic()
        # Its id ends with its place in the order in which they were drawn, which is not the order of their starts.
        number = int(trial.trial_id.rpartition("_")[2]) + 1
        self._log.began(self._note(trial, Trial(number=number, parameters=drawn)))

    def on_trial_result(
        self,
        iteration: int,  # noqa: ARG002
        trials: list[Any],  # noqa: ARG002
        trial: Any,
        result: dict[str, Any],
        **_: Any,
    ) -> None:
        """An epoch of one is over."""
        epochs = int(result["training_iteration"])
        figures = {name: float(result[name]) for name in ("loss", JUDGE) if name in result}
        now = self.seen[trial.trial_id].model_copy(update={"epochs": epochs, "judged": figures.get(JUDGE)})
        self._log.epoch(self._note(trial, now), figures)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        """One is over, by itself or stopped."""
        state = "finished" if self.seen[trial.trial_id].epochs >= self._epochs else "stopped early"
        self._end(trial, state)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        """One failed."""
        self._end(trial, "failed", _reason(trial))

    def _end(self, trial: Any, state: str, reason: str = "") -> None:
        seconds = round(time.monotonic() - self._began[trial.trial_id], 2)
        ended = {"state": state, "seconds": seconds, "reason": reason}
        self._log.ended(self._note(trial, self.seen[trial.trial_id].model_copy(update=ended)))

    def _note(self, trial: Any, now: Trial) -> Trial:
        self.seen[trial.trial_id] = now
        return now


def _reason(trial: Any) -> str:
    """The last line of what a trial's process died of, without the name of the error's class."""
    lines = Path(trial.error_file).read_text(errors="replace").strip().splitlines()
    return re.sub(r"^[\w.]+(Error|Exception): ", "", lines[-1].strip())
