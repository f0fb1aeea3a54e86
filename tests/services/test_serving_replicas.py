"""Two replicas of each application: they answer alike, and the end of one fails nothing but what it had in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import psutil
import pytest

from infra.services import Services
from infra.settings import Settings
from tests.data.deployed import Service, replicas, small_service, until
from tests.data.records import play

CLIENTS = 8


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    two = installation.model_copy(update={"replicas": 2, "most_replicas": 2})
    with small_service(services, two, tmp_path_factory.mktemp("music")) as opened:
        yield opened


def test_every_replica_has_a_listener_s_event_in_the_next_answer(service: Service):
    assert len(replicas("recommender")) == 2
    for minute in range(20):
        event = play("Anchor", user="two", minute=minute)
        service.post(event)
        answers = [service.recommendations("two") for _ in range(4)]
        assert {answer["as_of"] for answer in answers} == {str(event.event_id)}
        assert len({tuple(item["track"]["id"] for item in answer["items"]) for answer in answers}) == 1
    told = service.http.get("/metrics").text
    asked = [line for line in told.splitlines() if 'route="/users/{user}/recommendations"' in line]
    assert len({line for line in asked if line.startswith("segue_http_requests_total")}) == 2


def test_a_killed_replica_fails_what_it_had_in_hand_and_another_comes(service: Service):
    before = replicas("recommender")
    statuses = asyncio.run(asked_while_one_is_killed(str(service.http.base_url), before))
    assert statuses.count(200) > 100
    assert len([status for status in statuses if status != 200]) <= CLIENTS
    until(lambda: len(replicas("recommender")) == 2 and replicas("recommender") != before, 60)
    until(lambda: service.http.get("/health").json()["status"] == "ok", 60)


async def asked_while_one_is_killed(address: str, before: set[psutil.Process]) -> list[int]:
    """Statuses of answers to eight clients, 0 for none, from before one of the replicas is killed until a while after it."""
    statuses: list[int] = []
    stopped = asyncio.Event()

    async def client(http: httpx.AsyncClient) -> None:
        while not stopped.is_set():
            try:
                statuses.append((await http.get("/users/two/recommendations")).status_code)
            except httpx.HTTPError:
                statuses.append(0)

    async with httpx.AsyncClient(base_url=address, timeout=20, trust_env=False) as http, asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(client(http))
        while statuses.count(200) < 200:
            await asyncio.sleep(0.05)
        next(iter(before)).kill()
        while statuses.count(200) < 1000:
            await asyncio.sleep(0.05)
        stopped.set()
    return statuses
