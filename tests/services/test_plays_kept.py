"""What Kafka has acknowledged is never lost: the durable reader killed again and again, the broker killed under load."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pymongo import MongoClient

from etl.demo.compose import compose
from infra.addresses import Addresses
from infra.bus import Bus, PlayProducer
from infra.events import PlayEvent
from infra.models import TrackId
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.installed import Installed, wait_for
from tests.data.records import play

KILLS = 20
LISTENERS = 5


class Load:
    """Events at a steady rate from a thread, each after the one before it was acknowledged."""

    def __init__(self, producer: PlayProducer, rate: float) -> None:
        self._producer, self._pause_s = producer, 1 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged: list[PlayEvent] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            number = len(self.acknowledged)
            event = play(f"track {number}", user=f"listener {number % LISTENERS}", minute=number)
            asyncio.run(self._producer.publish([event]))
            self.acknowledged.append(event)


def test_a_durable_reader_killed_at_any_moment_stores_each_event_once_and_in_order(
    addresses: Addresses, settings: Settings, store: Store, bus: Bus
):
    given = child_environment(**settings.environment())
    command = [sys.executable, "-m", "etl.plays"]
    chance = random.Random(7)
    producer = PlayProducer(bus, timeout_s=20)
    with Load(producer, rate=100) as load:
        for _ in range(KILLS):
            reader = subprocess.Popen(command, env=given)
            try:
                before = store.plays.count()
                wait_for(lambda before=before: store.plays.count() > before, "an event stored by the reader", 60)
                time.sleep(chance.uniform(0, 0.5))
            finally:
                reader.kill()
                reader.wait()
    producer.close()
    last = subprocess.Popen(command, env=given)
    try:
        wait_for(lambda: store.plays.count() == len(load.acknowledged), "every event stored", 60)
    finally:
        last.send_signal(signal.SIGTERM)
        assert last.wait(60) == 0
    with MongoClient[dict[str, Any]](addresses.mongo) as mongo:
        found = {d["_id"]: d["stored_ms"] for d in mongo[settings.mongo_database]["plays"].find()}
    assert found.keys() == {str(event.event_id) for event in load.acknowledged}
    for listener in range(LISTENERS):
        stored = [found[str(event.event_id)] for event in load.acknowledged[listener::LISTENERS]]
        assert stored == sorted(stored)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Everything up, with three tracks and no training."""
    monkeypatch.setenv("SEGUE_RETRAIN_PLAYS", "0")
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(3):
        compose(music / f"{seed}.mp3", seed=seed, seconds=3)
    one = Installed(tmp_path / "home")
    try:
        yield one
    finally:
        one.down()


class Posting:
    """Events over HTTP at a steady rate, whatever the answers are."""

    def __init__(self, http: str, tracks: list[TrackId]) -> None:
        self._http, self._tracks = http, tracks
        self.answers: Counter[int] = Counter()
        self.accepted: list[PlayEvent] = []
        self.told_to_wait: list[bool] = []
        self.refused_after_s: list[float] = []
        self._stop = asyncio.Event()

    async def run(self, rate: float) -> None:
        """Post until `stop`, then wait for the last answers."""
        number = 0
        async with (
            httpx.AsyncClient(base_url=self._http, timeout=10, trust_env=False, limits=httpx.Limits()) as client,
            asyncio.TaskGroup() as posts,
        ):
            while not self._stop.is_set():
                posts.create_task(self._post(client, number))
                number += 1
                await asyncio.sleep(1 / rate)

    def stop(self) -> None:
        self._stop.set()

    async def _post(self, client: httpx.AsyncClient, number: int) -> None:
        track = self._tracks[number % len(self._tracks)]
        event = play("-", user=f"listener-{number % LISTENERS}", minute=number).model_copy(update={"track": track})
        began = time.perf_counter()
        answer = await client.post("/plays", content=event.model_dump_json())
        self.answers[answer.status_code] += 1
        if answer.status_code == 202:
            self.accepted.append(event)
        else:
            self.told_to_wait.append("retry-after" in answer.headers)
            self.refused_after_s.append(time.perf_counter() - began)


def kafka_process(installed: Installed) -> psutil.Process:
    pid = next(p["pid"] for p in installed.json("status")["parts"] if p["name"] == "kafka")
    return psutil.Process(pid)


async def parts(installed: Installed) -> list[dict[str, Any]]:
    """What `segue status` tells while plays are posted; each part that runs takes memory."""
    found = (await asyncio.to_thread(installed.json, "status"))["parts"]
    assert all(part["rss_mb"] > 5 for part in found)
    return list(found)


def history(client: httpx.Client, listener: int) -> list[str]:
    """Ids of all stored events, newest first."""
    found, cursor = [], None
    while True:
        query = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = client.get(f"/users/listener-{listener}/history", params=query).raise_for_status().json()
        found += [item["event_id"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            return found


def test_a_broker_killed_under_load_loses_nothing_and_listening_goes_on(installed: Installed, tmp_path: Path):
    http = installed.up(str(tmp_path / "music"), "--no-ui")["http"]
    with httpx.Client(base_url=http, timeout=10, trust_env=False) as client:
        wait_for(lambda: len(client.get("/tracks").json()["items"]) == 3, "three tracks", 120)
        tracks = [item["id"] for item in client.get("/tracks").json()["items"]]
        posting = Posting(http, tracks)

        async def outage() -> None:
            posts = asyncio.create_task(posting.run(rate=100))
            await until(lambda: len(posting.accepted) > 100)
            assert {part["state"] for part in await parts(installed)} == {"up"}
            os.kill(kafka.pid, signal.SIGSTOP)
            await until(lambda: posting.answers[503] > 0)
            for _ in range(5):
                assert (await asyncio.to_thread(client.get, "/users/listener-1/recommendations")).status_code == 200
                assert (await asyncio.to_thread(client.get, f"/tracks/{tracks[0]}/audio")).status_code == 200
            (told,) = [part for part in await parts(installed) if part["name"] == "kafka"]
            assert (told["state"], "does not answer" in told["fix"]) == ("down", True)
            os.kill(kafka.pid, signal.SIGKILL)
            before = len(posting.accepted)
            await until(lambda: len(posting.accepted) > before + 100)
            posting.stop()
            await posts

        kafka = kafka_process(installed)
        asyncio.run(outage())
        assert set(posting.answers) == {202, 503}
        assert all(posting.told_to_wait)
        # All but a few that waited for a busy machine beside.
        assert sorted(posting.refused_after_s)[int(0.9 * len(posting.refused_after_s))] < 2.0
        accepted = {str(event.event_id) for event in posting.accepted}
        wait_for(
            lambda: accepted <= {one for listener in range(LISTENERS) for one in history(client, listener)},
            "every accepted event in the histories",
            60,
        )
        for listener in range(LISTENERS):
            stored = history(client, listener)
            assert len(stored) == len(set(stored))
        wait_for(lambda: client.get("/health").json()["status"] == "ok", "health", 60)
        answered = client.get("/users/listener-1/recommendations").json()
        assert answered["as_of"] in history(client, 1)


async def until(true: Any) -> None:
    """Wait, while other tasks go on, until something holds."""
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline, "it did not come to hold"
        await asyncio.sleep(0.05)
