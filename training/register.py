"""Every training as a run in MLflow, and its model as a version in the registry.

In: parameters, curves, metrics, files, a bundle. Out: a run that shows them and, when asked, a registered version
that `training.registry` can fetch and `mlflow.pyfunc` can load. The only file that imports mlflow.
"""

from __future__ import annotations

import logging
import platform
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.environment_variables import (
    MLFLOW_DISABLE_TELEMETRY,
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
)
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.telemetry import set_telemetry_client
from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from infra.errors import ServiceError
from training import registered
from training.registry import LOGGED_MODEL, MODEL

__all__ = ["EXPERIMENT", "TrackedRun", "track_run"]

EXPERIMENT = "segue"
PACKAGES = ("annoy", "numpy", "pandas", "pyarrow", "pydantic", "pymongo", "pyspark", "scikit-learn", "torch")
NEEDED = ("annoy", "numpy", "pandas", "pydantic")
"""What a registered model needs beside our own package."""
RETRIES = 2

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(Array(DataType.string), registered.RECENT)]),
    outputs=Schema([ColSpec(Array(DataType.string), "tracks"), ColSpec(Array(DataType.double), "scores")]),
    params=ParamSchema([ParamSpec("n", DataType.long, registered.DEFAULT_N)]),
)


class TrackedRun:
    """One run in progress."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.id = run_id
        self._client = client
        self._curves: dict[str, list[tuple[int, float]]] = {}

    def epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record what one epoch measured; becomes a curve."""
        mlflow.log_metrics(dict(metrics), step=epoch)
        for name, value in metrics.items():
            self._curves.setdefault(name, []).append((epoch, value))

    def metrics(self, values: Mapping[str, float]) -> None:
        """Record what was measured at the end; `p@20` is `p_at_20` there, since MLflow takes no `@` in a name."""
        mlflow.log_metrics({name.replace("@", "_at_"): value for name, value in values.items()})

    def report(self, name: str, content: Mapping[str, object]) -> None:
        """Keep a JSON document with the run."""
        mlflow.log_dict(dict(content), name)

    def tag(self, name: str, value: str) -> None:
        """Mark the run."""
        mlflow.set_tag(name, value)

    def register(self, bundle: Path, example: Sequence[str]) -> str:
        """Log the bundle as a model that loads by itself and register it; returns the version.

        `example` is a list of track ids to ask with. `bundle` must be a folder with the registry's name for one.
        """
        self._draw()
        with warnings.catch_warnings():
            # Said by MLflow of its own types, when it loads this part of itself.
            warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
            model = mlflow.pyfunc.log_model(
                name="recommender",
                loader_module=registered.__name__,
                data_path=str(bundle),
                signature=SIGNATURE,
                input_example=pd.DataFrame({registered.RECENT: [list(example)]}),
                pip_requirements=_pinned(NEEDED),
            )
        return self._new_version(model.model_id)

    def _new_version(self, model_id: str) -> str:
        # By the client, because the fluent call prints what it does.
        try:
            self._client.create_registered_model(MODEL)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
        source = f"{LOGGED_MODEL}{model_id}"
        made = self._client.create_model_version(MODEL, source, self.id, model_id=model_id, await_creation_for=0)
        return str(made.version)

    def _draw(self) -> None:
        if not self._curves:
            return
        figure = Figure(figsize=(4 * len(self._curves), 3), layout="constrained")
        for axes, (name, points) in zip(
            figure.subplots(1, len(self._curves), squeeze=False)[0], self._curves.items(), strict=True
        ):
            axes.plot(*zip(*points, strict=True), marker=".")
            axes.set(title=name, xlabel="epoch")
        mlflow.log_figure(figure, "curves.png")


@contextmanager
def track_run(uri: str, parameters: Mapping[str, object], tags: Mapping[str, str]) -> Iterator[TrackedRun]:
    """A run in the experiment `segue`; an error inside marks it as failed. Raises `ServiceError` when MLflow is away."""
    _quiet()
    mlflow.set_tracking_uri(uri)
    try:
        mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run(tags={**_environment(), **tags}, log_system_metrics=False) as run:
            mlflow.log_params(dict(parameters))
            yield TrackedRun(MlflowClient(uri), run.info.run_id)
    except MlflowException as error:
        raise ServiceError(f"MLflow at {uri}: {error.message}") from error


def _environment() -> dict[str, str]:
    """What the run was made with."""
    versions = " ".join(_pinned(PACKAGES))
    return {"segue.version": installed("segue"), "segue.python": platform.python_version(), "segue.packages": versions}


def _pinned(packages: Sequence[str]) -> list[str]:
    return [f"{name}=={installed(name)}" for name in packages]


def _quiet() -> None:
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    for variable, value in (
        (MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, False),
        (MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, True),
        (MLFLOW_HTTP_REQUEST_MAX_RETRIES, RETRIES),
        # Nothing about a listener's machine is sent to anyone.
        (MLFLOW_DISABLE_TELEMETRY, True),
    ):
        variable.set(value)
    set_telemetry_client()
