"""A version that goes for good: out of the registry, and its files out of the artifact store.

In: a version. Out: nothing left of it but its run, which holds figures and plots.
"""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from infra.errors import ServiceError
from training.registry.versions import MODEL, ModelVersion

__all__ = ["remove"]


def remove(uri: str, version: ModelVersion) -> None:
    """Remove it, the files first: killed in between, the next try finds it still. Raises `ServiceError`."""
    client = MlflowClient(uri)
    try:
        _remove_files(client, uri, version.model_id)
        client.delete_model_version(MODEL, version.version)
    except (MlflowException, OSError) as error:
        raise ServiceError(f"MLflow at {uri}: version {version.version} cannot be removed: {error}") from error


def _remove_files(client: MlflowClient, uri: str, model_id: str) -> None:
    try:
        place = client.get_logged_model(model_id).artifact_location
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return
        raise
    get_artifact_repository(place, tracking_uri=uri).delete_artifacts()
    client.delete_logged_model(model_id)
