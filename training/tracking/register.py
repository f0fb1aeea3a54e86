"""Every training as a run in MLflow, its trials as runs below it, and its model as a version in the registry.

In: parameters, curves, metrics, files, a bundle. Out: a run that shows them and, when asked, a registered version
that `training.registry.versions` can fetch and `mlflow.pyfunc` can load.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Param
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from infra.errors import ServiceError
from training.registry import registered
from training.registry.versions import LOGGED_MODEL, MODEL
from training.tracking.client import EXPERIMENT, LOGGED, tracking_client
from training.tracking.register_trials import TrialRuns, end_trials, environment, points

__all__ = ["TrackedRun", "abandon", "track_run"]

NEEDED = ("annoy", "numpy", "pandas", "pydantic")
"""What a registered model needs beside our own package."""
LOSS = "loss"
"""What every epoch measures."""

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(Array(DataType.string), registered.RECENT)]),
    outputs=Schema([ColSpec(Array(DataType.string), "tracks"), ColSpec(Array(DataType.double), "scores")]),
    params=ParamSchema([ParamSpec("n", DataType.long, registered.DEFAULT_N)]),
)
Curve = list[tuple[int, float]]


class TrackedRun:
    """One run in progress."""

    def __init__(self, client: MlflowClient, run_id: str, recorded: Collection[int] = ()) -> None:
        """`recorded` are the epochs that an interrupted training has recorded: told again, they are not recorded twice."""
        self.id = run_id
        self._client, self._recorded = client, recorded
        self._curves: dict[str, dict[int, float]] = {}

    def parameters(self, values: Mapping[str, object]) -> None:
        """Record what it was trained with."""
        self._client.log_batch(self.id, params=[Param(name, str(value)) for name, value in values.items()])

    def epoch(self, epoch: int, measured: Mapping[str, float]) -> None:
        """Record what one epoch measured; becomes a curve."""
        for name, value in measured.items():
            self._curves.setdefault(name, {})[epoch] = value
        if epoch not in self._recorded:
            self._client.log_batch(self.id, metrics=points(measured, epoch))

    def curves(self) -> dict[str, Curve]:
        """What every epoch measured, `(epoch, value)` by name."""
        return {name: sorted(by_epoch.items()) for name, by_epoch in self._curves.items()}

    def metrics(self, values: Mapping[str, float]) -> None:
        """Record what was measured at the end; `p@20` is `p_at_20` there, since MLflow takes no `@` in a name."""
        named = {name.replace("@", "_at_"): value for name, value in values.items()}
        self._client.log_batch(self.id, metrics=points(named, 0))

    def report(self, name: str, content: Mapping[str, object]) -> None:
        """Keep a JSON document with the run."""
        self._client.log_dict(self.id, dict(content), name)

    def text(self, name: str, content: str) -> None:
        """Keep a text with the run."""
        self._client.log_text(self.id, content, name)

    def figure(self, name: str, figure: Figure) -> None:
        """Keep a picture with the run."""
        with warnings.catch_warnings():
            # An artist's name in a script that the font lacks is drawn as boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            self._client.log_figure(self.id, figure, name)

    def tag(self, name: str, value: str) -> None:
        """Mark the run."""
        self._client.set_tag(self.id, name, value)

    def trials(self) -> TrialRuns:
        """Where the trials of a search are recorded: runs below this one."""
        return TrialRuns(self._client, self.id)

    def register(self, bundle: Path, example: Sequence[str], tags: Mapping[str, str]) -> str:
        """Log the bundle as a model that loads by itself and register it with these tags; returns the version.

        `example` is a list of track ids to ask with. `bundle` must be a folder with the registry's name for one.
        """
        with warnings.catch_warnings():
            # Said by MLflow of its own types, when it loads this part of itself.
            warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
            model = mlflow.pyfunc.log_model(
                name=LOGGED,
                loader_module=registered.__name__,
                data_path=str(bundle),
                signature=SIGNATURE,
                input_example=pd.DataFrame({registered.RECENT: [list(example)]}),
                pip_requirements=_pinned(NEEDED),
            )
        return self._new_version(model.model_id, tags)

    def _new_version(self, model_id: str, tags: Mapping[str, str]) -> str:
        # By the client, because the fluent call prints what it does.
        try:
            self._client.create_registered_model(MODEL)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
        source = f"{LOGGED_MODEL}{model_id}"
        made = self._client.create_model_version(
            MODEL, source, self.id, tags=dict(tags), model_id=model_id, await_creation_for=0
        )
        return str(made.version)


@contextmanager
def track_run(uri: str, tags: Mapping[str, str], *, again: str = "") -> Iterator[TrackedRun]:
    """A run in the experiment `segue`, or the run `again` taken up where it was interrupted, if it is still there.

    An error inside marks it as failed. Raises `ServiceError` when MLflow is away.
    """
    client = tracking_client(uri)
    mlflow.set_tracking_uri(uri)
    try:
        mlflow.set_experiment(EXPERIMENT)
        known = end_trials(client, again) if again else False
        with mlflow.start_run(
            again if known else None, tags={**environment(), **tags}, log_system_metrics=False
        ) as run:
            recorded = {point.step for point in client.get_metric_history(run.info.run_id, LOSS)} if known else ()
            yield TrackedRun(client, run.info.run_id, recorded)
    except MlflowException as error:
        raise ServiceError(f"MLflow at {uri}: {error.message}") from error


def abandon(uri: str, run_id: str) -> None:
    """Mark a run that nobody will go on with; raises `ServiceError` when MLflow is away."""
    client = tracking_client(uri)
    try:
        if end_trials(client, run_id):
            client.set_terminated(run_id, "KILLED")
    except MlflowException as error:
        raise ServiceError(f"MLflow at {uri}: {error.message}") from error


def _pinned(packages: Sequence[str]) -> list[str]:
    return [f"{name}=={installed(name)}" for name in packages]
