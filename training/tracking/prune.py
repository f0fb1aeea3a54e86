"""A model that goes for good: out of the registry, and its files out of the artifact store.

In: a version, or a model that never became one. Out: nothing left of it but its run, which holds figures and plots.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Run
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils import get_results_from_paginated_fn

from infra.errors import ServiceError
from training.registry import versions as registry
from training.registry.versions import MODEL, ModelVersion
from training.tracking.client import EXPERIMENT, LOGGED, tracking_client

__all__ = ["remove", "remove_unregistered", "unregistered"]

PAGE = 100
OBJECT_STORES = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "azure.core.exceptions": ("AzureError",),
    "google.api_core.exceptions": ("GoogleAPIError",),
    "google.auth.exceptions": ("GoogleAuthError",),
}
"""What the libraries of object stores raise, none of which Segue needs: MLflow passes their errors on as they are."""


def remove(uri: str, version: ModelVersion) -> None:
    """Remove it, the files first: killed in between, the next try finds it still. Raises `ServiceError`."""
    client = tracking_client(uri)
    try:
        _remove_files(client, uri, version.model_id)
        client.delete_model_version(MODEL, version.version)
    except _failures() as error:
        raise ServiceError(f"MLflow at {uri}: version {version.version} cannot be removed: {error}") from error


def unregistered(uri: str, interrupted: Collection[str]) -> list[str]:
    """Models of trainings that were killed before they had registered them; raises `ServiceError`.

    `interrupted` are runs that nobody is in: those who go on with them log their model anew. In any other run that has
    not ended a training may be about to register its model, on another machine for instance.
    """
    client = tracking_client(uri)
    try:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return []
        # In this order: a run that ends meanwhile had its model registered before.
        logged = _logged(client, experiment.experiment_id)
        going_on = _going_on(client, experiment.experiment_id) - set(interrupted)
        registered = {version.model_id for version in registry.versions(uri)}
    except _failures() as error:
        raise ServiceError(f"MLflow at {uri} does not list its models: {error}") from error
    return [one.model_id for one in logged if one.model_id not in registered and one.source_run_id not in going_on]


def remove_unregistered(uri: str, model_id: str) -> None:
    """Remove one of them; raises `ServiceError`."""
    try:
        _remove_files(tracking_client(uri), uri, model_id)
    except _failures() as error:
        raise ServiceError(f"MLflow at {uri}: model {model_id} cannot be removed: {error}") from error


def _logged(client: MlflowClient, experiment: str) -> list[LoggedModel]:
    """All that our runs have logged."""
    ours = f"name = '{LOGGED}'"
    found: list[LoggedModel] = get_results_from_paginated_fn(
        lambda most, token: client.search_logged_models([experiment], ours, max_results=most, page_token=token), PAGE
    )
    return [one for one in found if one.source_run_id]


def _going_on(client: MlflowClient, experiment: str) -> set[str]:
    """Runs that have not ended, as far as MLflow was told."""
    running = "attributes.status = 'RUNNING'"
    found: list[Run] = get_results_from_paginated_fn(
        lambda most, token: client.search_runs([experiment], running, max_results=most, page_token=token), PAGE
    )
    return {run.info.run_id for run in found}


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
