"""The trials of a search as runs below another run, and what every run of ours says of its making.

In: trials as they begin, learn and end. Out: MLflow runs with parameters, curves and a state.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version as installed

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.utils.git_utils import get_git_commit
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from infra.clock import now_ms
from training.learn.search import Trial

__all__ = ["TrialRuns", "end_trials", "environment", "points"]

PACKAGES = ("annoy", "numpy", "pandas", "pyarrow", "pydantic", "pymongo", "pyspark", "ray", "scikit-learn", "torch")
ENDED = {"finished": "FINISHED", "stopped early": "KILLED", "failed": "FAILED"}
"""States of a trial as MLflow names them."""


class TrialRuns:
    """Trials as runs below another; a `training.learn.search.TrialLog`."""

    def __init__(self, client: MlflowClient, parent: str) -> None:
        self._client, self._parent = client, parent
        self._experiment = client.get_run(parent).info.experiment_id
        self._runs: dict[int, str] = {}

    def began(self, trial: Trial) -> None:
        """A run for it, with its parameters."""
        tags = {MLFLOW_PARENT_RUN_ID: self._parent, MLFLOW_RUN_NAME: f"trial {trial.number}", **environment()}
        run = self._client.create_run(self._experiment, tags=tags)
        self._runs[trial.number] = run.info.run_id
        self._client.log_batch(run.info.run_id, params=[Param(k, str(v)) for k, v in trial.parameters.items()])

    def epoch(self, trial: Trial, figures: Mapping[str, float]) -> None:
        """A point of its curves."""
        self._client.log_batch(self._runs[trial.number], metrics=points(figures, trial.epochs - 1))

    def ended(self, trial: Trial) -> None:
        """What came of it."""
        run = self._runs[trial.number]
        for name, value in (("trial.state", trial.state), ("trial.reason", trial.reason)):
            if value:
                self._client.set_tag(run, name, value)
        self._client.set_terminated(run, ENDED[trial.state])


def end_trials(client: MlflowClient, run_id: str) -> bool:
    """Mark the trials below a run that an interruption left running; returns whether the run itself is there.

    A run that was deleted can be asked for and not be written to: it is not there.
    """
    try:
        run = client.get_run(run_id).info
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return False
        raise
    if run.lifecycle_stage != LifecycleStage.ACTIVE:
        return False
    left = client.search_runs([run.experiment_id], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{run_id}' and status = 'RUNNING'")
    for trial in left:
        client.set_terminated(trial.info.run_id, "KILLED")
    return True


def points(values: Mapping[str, float], step: int) -> list[Metric]:
    """Values measured now, as points of curves."""
    now = now_ms()
    return [Metric(name, float(value), now, step) for name, value in values.items()]


def environment() -> dict[str, str]:
    """What a run is made with, as tags."""
    commit = get_git_commit(__file__)
    return {
        "segue.version": installed("segue"),
        "segue.python": platform.python_version(),
        "segue.platform": platform.platform(),
        "segue.packages": " ".join(f"{name}=={installed(name)}" for name in PACKAGES),
        **({MLFLOW_GIT_COMMIT: commit} if commit else {}),
    }
