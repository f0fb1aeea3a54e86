"""Replicas as they are needed: each application by itself, down to the least, and nobody notices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import aiohttp
import httpx
import psutil
import pytest

from infra.services import Services
from infra.settings import Settings
from tests.data.deployed import Service, replicas, small_service

CLIENTS = 40
"""Five times what one replica of the recommender is meant to have in hand."""
FEW = 4
PATIENCE_S, SECONDS = 300.0, 60.0


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    some = installation.model_copy(update={"replicas": 1, "most_replicas": 2})
    with small_service(services, some, tmp_path_factory.mktemp("music")) as opened:
        yield opened


@pytest.mark.slow
def test_many_requests_bring_a_replica_and_their_end_takes_it_away(service: Service):
    assert (len(replicas("recommender")), len(replicas("library"))) == (1, 1)
    statuses = asyncio.run(asked_until_it_has_shrunk(str(service.http.base_url)))
    assert set(statuses) == {200}
    assert (len(replicas("recommender")), len(replicas("library"))) == (1, 1)
    assert service.http.get("/health").json()["status"] == "ok"


async def asked_until_it_has_shrunk(address: str) -> list[int]:
    """Statuses of all answers: to many clients until there is another recommender, then to one until it is gone."""
    statuses: list[int] = []

    async def client(http: aiohttp.ClientSession, until: asyncio.Event, pause_s: float = 0.0) -> None:
        while not until.is_set():
            async with http.get("/users/crowd/recommendations") as answer:
                await answer.read()
                statuses.append(answer.status)
            await asyncio.sleep(pause_s)

    grown, shrunk = asyncio.Event(), asyncio.Event()
    # Not httpx: it takes more of the processor for a request than the recommender does.
    connections = aiohttp.TCPConnector(limit=CLIENTS + 1)
    async with aiohttp.ClientSession(address, connector=connections) as http, asyncio.TaskGroup() as clients:
        clients.create_task(client(http, shrunk, 0.2))
        for _ in range(CLIENTS):
            clients.create_task(client(http, grown))
        await number_of_recommenders(2)
        # The library had nothing to do: it has not grown with the other one.
        assert len(replicas("library")) == 1
        grown.set()
        await number_of_recommenders(1)
        shrunk.set()
    return statuses


async def number_of_recommenders(wanted: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(await asyncio.to_thread(replicas, "recommender")) != wanted:
            await asyncio.sleep(0.5)


def test_the_only_replica_killed_fails_what_it_had_in_hand_and_the_next_one_is_there_in_seconds(service: Service):
    (first,) = replicas("recommender")
    statuses, away_s = asyncio.run(asked_over_a_kill(str(service.http.base_url), first))
    assert len([status for status in statuses if status != 200]) <= FEW
    assert away_s < SECONDS
    (second,) = replicas("recommender")
    assert second.pid != first.pid


async def asked_over_a_kill(address: str, replica: psutil.Process) -> tuple[list[int], float]:
    """Statuses of answers to some clients (0: none) until there are many after the kill, and how long there were none."""
    statuses: list[int] = []
    answered_at: list[float] = []
    stopped = asyncio.Event()

    async def client(http: httpx.AsyncClient) -> None:
        while not stopped.is_set():
            try:
                statuses.append((await http.get("/users/few/recommendations")).status_code)
            except httpx.HTTPError:
                statuses.append(0)
            if statuses[-1] == 200:
                answered_at.append(time.perf_counter())

    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as http, asyncio.TaskGroup() as clients:
        for _ in range(FEW):
            clients.create_task(client(http))
        while len(answered_at) < 200:
            await asyncio.sleep(0.05)
        replica.kill()
        killed_at, before = time.perf_counter(), len(answered_at)
        async with asyncio.timeout(PATIENCE_S):
            while len(answered_at) < before + 300:
                await asyncio.sleep(0.05)
        stopped.set()
    return statuses, next(at for at in answered_at[before + FEW :]) - killed_at
