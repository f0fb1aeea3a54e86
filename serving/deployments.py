"""The two applications as Ray Serve runs them.

In: settings and addresses, given at deployment (replicas read no environment). Out: two Serve applications behind one ingress.
Imported only when the environment is ready: Ray reads its own variables while it is imported.
"""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig
from starlette.types import ASGIApp

from infra.errors import ServiceError
from infra.logs import log_to_file
from infra.models import TrackId
from serving.answers import Neighbours, RecommenderState
from serving.args import ServeArgs
from serving.documentation import Document
from serving.library import Library
from serving.recommender import Recommending

__all__ = ["LIBRARY", "RECOMMENDER", "library_application", "recommender_application"]

RECOMMENDER, LIBRARY = "recommender", "library"

NO_CORES = {"num_cpus": 0}
"""Cores are for ingest and training: a replica takes what it needs and reserves none."""


class RecommenderDeployment:
    """One replica of the recommender application."""

    def __init__(self, args: ServeArgs) -> None:
        log_to_file(args.settings, RECOMMENDER)
        self._recommending = Recommending(args.settings, args.addresses)
        self._recommending.start()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """What answers HTTP; called by Serve after the constructor."""
        return self._recommending.application()

    async def neighbours(self, track: TrackId, n: int) -> Neighbours:
        """See `Recommending.neighbours`."""
        return self._recommending.neighbours(track, n)

    async def state(self) -> RecommenderState:
        """See `Recommending.state`."""
        return self._recommending.state()

    async def numbers(self) -> str:
        """See `Recommending.numbers`."""
        return self._recommending.numbers()

    async def document(self) -> Document:
        """See `Recommending.document`."""
        return self._recommending.document()

    def __del__(self) -> None:
        self._recommending.close()


class LibraryDeployment:
    """One replica of the library application."""

    def __init__(self, args: ServeArgs) -> None:
        log_to_file(args.settings, LIBRARY)
        self._library = Library(args.settings, args.addresses, _Handle())
        self._library.start()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """What answers HTTP; called by Serve after the constructor."""
        return self._library.application()

    def __del__(self) -> None:
        self._library.close()


class _Handle:
    """The recommender application as the library reaches it."""

    def __init__(self) -> None:
        self._found: DeploymentHandle[Any] | None = None

    async def neighbours(self, track: str, n: int) -> Neighbours:
        """Up to `n` tracks like `track`; raises `ServiceError`."""
        answer: Neighbours = await self._call("neighbours", TrackId(track), n)
        return answer

    async def state(self) -> RecommenderState:
        """How it is; raises `ServiceError`."""
        answer: RecommenderState = await self._call("state")
        return answer

    async def numbers(self) -> str:
        """Its numbers for Prometheus; raises `ServiceError`."""
        answer: str = await self._call("numbers")
        return answer

    async def document(self) -> Document:
        """Its routes; raises `ServiceError`."""
        answer: Document = await self._call("document")
        return answer

    async def _call(self, method: str, *given: Any) -> Any:
        try:
            if self._found is None:
                self._found = serve.get_deployment_handle(RECOMMENDER, app_name=RECOMMENDER)
            return await getattr(self._found, method).remote(*given)
        except (RayError, RayServeException) as error:
            raise ServiceError(f"the recommender application does not answer: {error!r}") from error


def recommender_application(args: ServeArgs) -> serve.Application:
    """The application for the prefix `/users`."""
    return _deployed(RecommenderDeployment, RECOMMENDER, args, most_at_once=256)


def library_application(args: ServeArgs) -> serve.Application:
    """The application for the prefix `/`; listeners who stream slowly hold many requests open."""
    return _deployed(LibraryDeployment, LIBRARY, args, most_at_once=512)


def _deployed(replica: type, name: str, args: ServeArgs, *, most_at_once: int) -> serve.Application:
    deployment = serve.deployment(
        name=name,
        num_replicas=args.replicas,
        ray_actor_options=NO_CORES,
        max_ongoing_requests=most_at_once,
        health_check_period_s=5.0,
        health_check_timeout_s=15.0,
        graceful_shutdown_timeout_s=5.0,
        logging_config=LoggingConfig(enable_access_log=False),
    )
    return deployment(serve.ingress()(replica)).bind(args)
