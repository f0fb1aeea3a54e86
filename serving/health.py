"""How the service is.

In: one question to each part, asked at once and at most once a second. Out: `Health`, and the HTTP status that goes with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import httpx

from infra.addresses import Addresses
from infra.bus import cluster_reachable
from infra.errors import SegueError, ServiceError
from infra.store import Store
from serving.answers import Health, Neighbours, RecommenderState, ServiceHealth
from serving.http.documentation import Document

__all__ = ["HealthCheck", "Replicas"]

log = logging.getLogger("segue.health")

KNOWN_S = 1.0
"""How long an answer is good."""
PATIENCE_S = 3.0
"""How long a part is waited for."""
NEEDED = {"mongo", "kafka", "recommender"}

OK = ServiceHealth(state="ok")


class Replicas(Protocol):
    """The replicas of both applications, as the library reaches them; each call may raise `ServiceError`."""

    async def neighbours(self, track: str, n: int) -> Neighbours:
        """Up to `n` tracks like `track`, by any recommender."""
        ...

    async def document(self) -> Document:
        """The recommender's routes, as an OpenAPI document."""
        ...

    async def states(self) -> list[RecommenderState]:
        """How each recommender is; at least one."""
        ...

    async def numbers(self) -> list[str]:
        """The numbers of all replicas for Prometheus."""
        ...


class HealthCheck:
    """Asks all parts when the last answer has grown old; many callers share one answer."""

    def __init__(self, store: Store, addresses: Addresses, replicas: Replicas, tracks: Callable[[], int]) -> None:
        self._store, self._addresses, self._replicas, self._tracks = store, addresses, replicas, tracks
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._health: Health | None = None

    async def health(self) -> Health:
        """How all parts are, as of a second ago at most."""
        async with self._lock:
            if self._health is None or time.monotonic() - self._asked_at >= KNOWN_S:
                self._health = await self._ask()
                self._asked_at = time.monotonic()
            return self._health

    async def _ask(self) -> Health:
        mongo, kafka, mlflow, (recommender, state) = await asyncio.gather(
            _checked(self._store.ping),
            _checked(lambda: cluster_reachable(self._addresses.kafka)),
            _checked(lambda: _mlflow(self._addresses.mlflow)),
            self._ask_recommender(),
        )
        services = {"mongo": mongo, "kafka": kafka, "mlflow": mlflow, "recommender": recommender}
        wrong = {name for name, service in services.items() if service.state != "ok"}
        away = {name for name in wrong if services[name].state == "away"}
        return Health(
            status="down" if away & NEEDED else "degraded" if wrong else "ok",
            model_version=state.model_version if state else None,
            tracks=self._tracks(),
            services=services,
            lag=state.lag if state else None,
        )

    async def _ask_recommender(self) -> tuple[ServiceHealth, RecommenderState | None]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                states = await self._replicas.states()
        except (ServiceError, TimeoutError) as error:
            log.warning("the recommender application does not answer: %r", error)
            return ServiceHealth(state="away", detail="does not answer; its log says why"), None
        return _of_all(states)


def _of_all(states: Sequence[RecommenderState]) -> tuple[ServiceHealth, RecommenderState]:
    """The replica that is worst off speaks for all: one that fails, that does not read, that is furthest behind."""
    worst = max(states, key=lambda state: (bool(state.fault), not state.live, state.lag.live))
    if worst.fault:
        return ServiceHealth(state="failing", detail=worst.fault), worst
    if not worst.live:
        return ServiceHealth(state="failing", detail="events are not being read from Kafka"), worst
    return OK, worst


async def _checked(question: Callable[[], object]) -> ServiceHealth:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.to_thread(question)
    except (SegueError, TimeoutError) as error:
        log.warning("a part does not answer: %s", error)
        return ServiceHealth(state="away", detail="does not answer; `segue doctor` says what to do")
    return OK


def _mlflow(uri: str) -> None:
    try:
        httpx.get(f"{uri.rstrip('/')}/health", timeout=2.0, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise ServiceError(f"MLflow at {uri} does not answer: {error}") from error
