"""A version that goes for good: out of the registry, and its files out of the artifact store.

In: a version. Out: nothing left of it but its run, which holds figures and plots.
"""

from __future__ import annotations

import sys

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from infra.errors import ServiceError
from training.registry.versions import MODEL, ModelVersion

__all__ = ["remove"]

OBJECT_STORES = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "azure.core.exceptions": ("AzureError",),
    "google.api_core.exceptions": ("GoogleAPIError",),
    "google.auth.exceptions": ("GoogleAuthError",),
}
"""What the libraries of object stores raise, none of which Segue needs: MLflow passes their errors on as they are."""


def remove(uri: str, version: ModelVersion) -> None:
    """Remove it, the files first: killed in between, the next try finds it still. Raises `ServiceError`."""
    client = MlflowClient(uri)
    try:
        _remove_files(client, uri, version.model_id)
        client.delete_model_version(MODEL, version.version)
    except _failures() as error:
        raise ServiceError(f"MLflow at {uri}: version {version.version} cannot be removed: {error}") from error


def _failures() -> tuple[type[Exception], ...]:
    """What MLflow raises, the errors of those libraries included that it has loaded or did not find."""
    loaded = ((sys.modules.get(module), names) for module, names in OBJECT_STORES.items())
    of_stores = [getattr(module, name) for module, names in loaded if module is not None for name in names]
    return (MlflowException, OSError, ImportError, *of_stores)


def _remove_files(client: MlflowClient, uri: str, model_id: str) -> None:
    try:
        place = client.get_logged_model(model_id).artifact_location
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return
        raise
    get_artifact_repository(place, tracking_uri=uri).delete_artifacts()
    client.delete_logged_model(model_id)
