"""MLflow's library as every part of a training uses it: quiet, soon tired of waiting, and telling nobody.

In: an address. Out: a client; the names under which our runs and their models are found.
"""

from __future__ import annotations

import logging

from mlflow import MlflowClient
from mlflow.environment_variables import (
    MLFLOW_DISABLE_TELEMETRY,
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
)
from mlflow.telemetry import set_telemetry_client

__all__ = ["EXPERIMENT", "LOGGED", "tracking_client"]

EXPERIMENT = "segue"
"""Where all runs are."""
LOGGED = "recommender"
"""What a run calls the model it logs."""
RETRIES = 2


def tracking_client(uri: str) -> MlflowClient:
    """A client of the MLflow at `uri`; nothing is asked yet."""
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
    return MlflowClient(uri)
