"""What is under way and how it went: `/work`, `/failures`, `/models`.

In: MongoDB and MLflow, asked no more often than anything can have changed. Out: ingest and training live, files that could
not be brought in and what to do about them, the model's quality over its versions.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Query, Response

from etl.advice import advice
from etl.scan import shown
from infra.clock import now_ms
from infra.store import Failure, Store
from infra.store import Work as Told
from infra.under_way import SILENT_MS, without_folders
from serving.answers import as_json
from serving.http.asking import asked
from serving.http.auth import Access
from serving.http.problems import PROBLEMS
from serving.music.library_answers import FailedFile, Failures, Model, Models, Work, WorkUnderWay
from training.registry import versions as registry
from training.registry.figures import figures
from training.registry.versions import ModelVersion

__all__ = ["Works"]

PATIENCE_S = 3.0
MODELS_KNOWN_S = 5.0
"""How long what MLflow said is good."""
SILENT = "nothing was heard of it any more: it was killed, perhaps; the same again goes on from there"

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most")]


class Works:
    """The three routes."""

    def __init__(self, store: Store, mlflow: str, access: Access) -> None:
        self._store, self._mlflow, self._access = store, mlflow, access
        self._lock = asyncio.Lock()
        self._models = Models(items=())
        self._asked_at = float("-inf")
        self._figures: dict[str, dict[str, float]] = {}
        """Of runs that have ended, which do not change any more."""

    def routes(self) -> APIRouter:
        """What needs a token once there are accounts."""
        guards = [Depends(self._access.listener)]
        routes = APIRouter(dependencies=guards, responses=PROBLEMS, tags=["service"])
        routes.add_api_route("/work", self.work, response_model=Work)
        routes.add_api_route("/failures", self.failures, response_model=Failures)
        routes.add_api_route("/models", self.models, response_model=Models)
        return routes

    async def work(self) -> Response:
        """The newest ingest and the newest training; live while they run."""
        told = await asked(self._store.work.newest, PATIENCE_S)
        return as_json(Work(items=tuple(map(_under_way, told))))

    async def failures(self, limit: Limit = 50) -> Response:
        """Files that could not be brought in, newest first, and what to do about each."""
        total, newest = await asked(lambda: self._store.failures.newest(limit), PATIENCE_S)
        return as_json(Failures(items=tuple(map(_failed, newest)), total=total))

    async def models(self) -> Response:
        """The versions of the model that are kept, and how good each is."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= MODELS_KNOWN_S:
                self._models = await asyncio.to_thread(self._ask)
                self._asked_at = time.monotonic()
        return as_json(self._models)

    def _ask(self) -> Models:
        """All versions; a run is asked for its figures once."""
        versions = registry.versions(self._mlflow)[::-1]
        known = self._figures
        self._figures = {
            run: known[run] if run in known else figures(self._mlflow, run) for run in {one.run_id for one in versions}
        }
        return Models(items=tuple(self._model(version) for version in versions))

    def _model(self, version: ModelVersion) -> Model:
        tags = version.tags
        return Model(
            version=version.version,
            champion=version.champion,
            created_at=_moment(version.created_ms),
            tracks=int(tags.get("data.tracks", 0)),
            plays=int(tags.get("data.plays", 0)),
            sessions=int(tags.get("data.sessions", 0)),
            metrics=self._figures[version.run_id],
        )


def _under_way(told: Told) -> WorkUnderWay:
    silent = told.state == "running" and now_ms() - told.changed_ms > SILENT_MS
    return WorkUnderWay(
        kind=told.kind,
        state="stopped" if silent else told.state,
        stage=told.stage,
        done=told.done,
        total=told.total,
        failed=told.failed,
        left_s=None if silent else told.left_s,
        began_at=_moment(told.began_ms),
        changed_at=_moment(told.changed_ms),
        told=SILENT if silent else told.told,
    )


def _failed(failure: Failure) -> FailedFile:
    where = shown(failure.uri)
    name = PurePosixPath(where if failure.uri.startswith("file:") else unquote(where)).name
    reason = without_folders(failure.reason.replace(where, name))
    return FailedFile(name=name, stage=failure.stage, reason=reason, advice=advice(failure.stage))


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
