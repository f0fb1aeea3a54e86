"""The two applications as Ray Serve runs them.

In: settings and addresses, given at deployment (replicas read no environment). Out: two Serve applications behind one ingress.
Imported only when the environment is ready: Ray reads its own variables while it is imported.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.config import AutoscalingConfig
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentBroadcastResponse, DeploymentHandle
from ray.serve.schema import LoggingConfig
from starlette.types import ASGIApp
from threadpoolctl import threadpool_limits

from infra.errors import ServiceError
from infra.logs import log_to_file
from infra.models import TrackId
from serving.answers import Neighbours, RecommenderState
from serving.args import ServeArgs
from serving.http.documentation import Document
from serving.library import Library
from serving.recommender import Recommending

__all__ = ["LIBRARY", "RECOMMENDER", "library_application", "recommender_application"]

RECOMMENDER, LIBRARY = "recommender", "library"

SERVE_ALLOWS_ON_A_NODE = 100
GIVES_WAY_S = 0.0005
"""How long a thread of Python keeps another waiting that could go on; a few of these are an answer."""
NO_CORES = {"num_cpus": 0}
"""Cores are for ingest and training: a replica takes what it needs and reserves none."""


class RecommenderDeployment:
    """One replica of the recommender application."""

    def __init__(self, args: ServeArgs) -> None:
        log_to_file(args.settings, RECOMMENDER)
        # An answer is too small for more than one thread, and others answer meanwhile.
        threadpool_limits(1, user_api="blas")
        # Whoever keeps the model and the numbers up to date gives way to answers at once, not after Python's 5 ms.
        sys.setswitchinterval(GIVES_WAY_S)
        self._recommending = Recommending(args.settings, args.addresses, replica=_replica())
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
        self._library = Library(args.settings, args.addresses, _Replicas(), replica=_replica())
        self._library.start()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """What answers HTTP; called by Serve after the constructor."""
        return self._library.application()

    async def numbers(self) -> str:
        """See `Library.numbers`."""
        return self._library.numbers()

    def __del__(self) -> None:
        self._library.close()


class _Replicas:
    """The replicas of both applications, as the library reaches them."""

    def __init__(self) -> None:
        self._found: dict[str, DeploymentHandle[Any]] = {}

    async def neighbours(self, track: str, n: int) -> Neighbours:
        """Up to `n` tracks like `track`, by any recommender; raises `ServiceError`."""
        with _answering(RECOMMENDER):
            answer: Neighbours = await self._handle(RECOMMENDER).neighbours.remote(TrackId(track), n)
        return answer

    async def document(self) -> Document:
        """The recommender's routes; raises `ServiceError`."""
        with _answering(RECOMMENDER):
            answer: Document = await self._handle(RECOMMENDER).document.remote()
        return answer

    async def states(self) -> list[RecommenderState]:
        """How each recommender is; raises `ServiceError`."""
        with _answering(RECOMMENDER):
            return await _heard(self._handle(RECOMMENDER).broadcast("state"))

    async def numbers(self) -> list[str]:
        """The numbers of all replicas of both applications for Prometheus; raises `ServiceError`."""
        told: list[str] = []
        for application in (LIBRARY, RECOMMENDER):
            with _answering(application):
                told += await _heard(self._handle(application).broadcast("numbers"))
        return told

    def _handle(self, application: str) -> DeploymentHandle[Any]:
        if application not in self._found:
            self._found[application] = serve.get_deployment_handle(application, app_name=application)
        return self._found[application]


async def _heard(asked: DeploymentBroadcastResponse) -> list[Any]:
    """The answers of the replicas that answer; raises what the first one says when none does."""
    told = await asked.results_async(return_exceptions=True)
    answers = [one for one in told if not isinstance(one, Exception)]
    if told and not answers:
        raise told[0]
    return answers


@contextmanager
def _answering(application: str) -> Iterator[None]:
    try:
        yield
    except (RayError, RayServeException) as error:
        raise ServiceError(f"the {application} application does not answer: {error!r}") from error


def _replica() -> str:
    return serve.get_replica_context().replica_id.unique_id


def recommender_application(args: ServeArgs) -> serve.Application:
    """The application for the prefix `/users`."""
    return _deployed(RecommenderDeployment, RECOMMENDER, args, usual_at_once=8, most_at_once=256)


def library_application(args: ServeArgs) -> serve.Application:
    """The application for the prefix `/`; listeners who stream slowly hold many requests open."""
    # As many as the ingress lets in: a listener who reads nothing takes memory and no time, and must keep nobody waiting.
    return _deployed(LibraryDeployment, LIBRARY, args, usual_at_once=128, most_at_once=4096)


def _deployed(replica: type, name: str, args: ServeArgs, *, usual_at_once: int, most_at_once: int) -> serve.Application:
    """Each application grows and shrinks by itself: `usual_at_once` requests to a replica are what is aimed at."""
    least, most = args.settings.replicas, args.settings.most_replicas
    deployment = serve.deployment(
        name=name,
        num_replicas=least if most <= least else None,
        autoscaling_config=AutoscalingConfig(
            min_replicas=least,
            max_replicas=most,
            target_ongoing_requests=usual_at_once,
            upscale_delay_s=5.0,
            downscale_delay_s=60.0,
        )
        if most > least
        else None,
        ray_actor_options=NO_CORES,
        max_replicas_per_node=_on_one_node(max(least, most)),
        max_ongoing_requests=most_at_once,
        health_check_period_s=5.0,
        health_check_timeout_s=15.0,
        # Only replicas that are one too many go while somebody listens: those may come to the end of the song.
        graceful_shutdown_timeout_s=300.0 if most > least else 5.0,
        # Serve's own words for each request would be put together even where nobody reads them.
        logging_config=LoggingConfig(log_level="WARNING", enable_access_log=False),
    )
    return deployment(serve.ingress()(replica)).bind(args)


def _on_one_node(replicas: int) -> int:
    """So many at most that each node there is gets its share: left alone, Ray puts what reserves nothing anywhere."""
    nodes = sum(node["Alive"] for node in ray.nodes()) if ray.is_initialized() else 1
    return min(math.ceil(replicas / max(nodes, 1)), SERVE_ALLOWS_ON_A_NODE)
