"""The whole circle on real audio, as a person goes through it.

Music in, trained, served, listened to in a real browser; a skip changes what is next; the plays are in MongoDB and on Kafka;
training again learns from them and the new model is served; a track ingested after that is in its answers at once; stopped
and started again, all of it is still there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from confluent_kafka import Consumer
from playwright.sync_api import Page, Response, sync_playwright

from etl.demo.compose import compose
from infra.events import decode
from infra.models import UserId
from infra.store import Store
from tests.browser import chromium
from tests.data.installed import Installed, wait_for

TRACKS = 8
STYLES = 6
"""Seeds this far apart make music of one style."""
SOON_S = 5.0
"""What listeners wait at most for a track that was ingested."""


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two albums that sound different, and a file that is no music."""
    folder = tmp_path_factory.mktemp("music")
    for n in range(TRACKS):
        album, number = n % 2, n // 2
        (folder / f"Album {album}").mkdir(exist_ok=True)
        tags = {"title": f"Piece {n}", "artist": f"Band {album}", "album": f"Album {album}"}
        compose(folder / f"Album {album}" / f"{number}.mp3", seed=album + STYLES * number, seconds=20, tags=tags)
    (folder / "broken.mp3").write_text("this is no music")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    one = Installed(tmp_path_factory.mktemp("home"))
    yield one
    one.segue("down", check=False)


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        yield opened
        browser.close()


def test_the_whole_circle(installed: Installed, music: Path, page: Page, tmp_path: Path):
    status = installed.up(str(music))
    health = wait_for_model(status["http"], "1")
    assert health["tracks"] == TRACKS

    streamed = listen_and_skip(page, status["ui"])
    assert streamed

    with Store(status["mongo"], "segue") as store:
        stored = wait_for(lambda: kinds(store) >= {"started", "skipped", "liked"} and store.plays, "plays in MongoDB")
        history, _ = stored.history(UserId("me"), 100)
    on_kafka = events_on_kafka(status["kafka"].removeprefix("kafka://"), at_least=len(history))
    assert {e.event_id for e in history} <= on_kafka

    with asking_all_the_time(status["http"]) as answers:
        report = installed.json("train")
        wait_for_model(status["http"], "2")
    assert (report["version"], report["champion"]) == ("2", True)
    assert report["plays"] > 0
    # The new model came between two requests: none failed, and both versions answered.
    assert {code for code, _ in answers} == {200}
    assert [version for version, _ in groupby(version for _, version in answers)] == ["1", "2"]

    new = tmp_path / "newcomer"
    new.mkdir()
    compose(new / "new.mp3", seed=STYLES * TRACKS, seconds=20, tags={"title": "Newcomer", "artist": "Band 0"})
    assert installed.json("ingest", str(new))["ingested"] == 1
    wait_for(lambda: answered_with(status["http"], "Newcomer", version="2"), "a new track in the answers", SOON_S)

    pids = [part["pid"] for part in installed.json("status")["parts"] if part["pid"]]
    installed.interrupt()
    wait_for(lambda: not any(map(running, pids)), "all parts gone")

    again = installed.up()
    assert wait_for_model(again["http"], "2")["tracks"] == TRACKS + 1
    kept = httpx.get(again["http"] + "/users/me/history?limit=100").json()["items"]
    assert {e["event_id"] for e in kept} >= {str(e.event_id) for e in history}
    # The answer knows at once what was played until the end; the history has it when the durable reader has caught up.
    as_of = httpx.get(again["http"] + "/users/me/recommendations").json()["as_of"]
    newest = "/users/me/history?limit=1"
    wait_for(lambda: httpx.get(again["http"] + newest).json()["items"][0]["event_id"] == as_of, "the newest play", 60)

    second = installed.json("ingest", str(music))
    assert (second["found"], second["ingested"], second["unchanged"]) == (TRACKS + 1, 0, TRACKS)
    assert [f["file"].rsplit("/", 1)[-1] for f in second["failed"]] == ["broken.mp3"]

    pids = [part["pid"] for part in installed.json("status")["parts"] if part["pid"]]
    installed.down()
    assert not any(map(running, pids))


def listen_and_skip(page: Page, ui: str) -> bool:
    """Play a track, like it, skip to the next; what is up next changes. Returns whether audio came by Range."""
    partial: list[Response] = []
    page.on("response", lambda r: partial.append(r) if r.status == 206 and "/audio" in r.url else None)
    page.goto(f"{ui}/#/tracks")
    page.locator(".segue-track .segue-title").first.click()
    page.wait_for_function("document.querySelector('#segue-audio').currentTime > 1")
    first = page.locator("#segue-title").inner_text()

    page.locator("#segue-like").click()
    page.wait_for_selector("#segue-upnext .segue-next-item .segue-why")
    before = up_next(page)

    page.locator("#segue-next").click()
    page.wait_for_function(
        "before => [...document.querySelectorAll('#segue-upnext .segue-next-item')].map(e => e.dataset.id).join() !== before",
        arg=",".join(before),
    )
    page.wait_for_function("document.querySelector('#segue-audio').currentTime > 1")
    assert page.locator("#segue-title").inner_text() != first

    page.locator("#segue-next").click()
    page.wait_for_selector("#segue-changed:not(:empty)")
    return bool(partial)


@contextmanager
def asking_all_the_time(http: str) -> Iterator[list[tuple[int, str]]]:
    """Ask for recommendations in a thread, all the time; the list fills with status and model version."""
    answers: list[tuple[int, str]] = []
    stopped = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=http, timeout=30) as client:
            while not stopped.wait(0.02):
                answer = client.get("/users/other/recommendations")
                answers.append((answer.status_code, answer.json().get("model_version", "")))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        stopped.set()
        asking.join()


def answered_with(http: str, title: str, version: str) -> bool:
    """Whether a track is listed, and among those that a trained model finds similar to one that it was trained on."""
    listed = httpx.get(http + "/tracks", params={"q": title}).json()["items"]
    known = httpx.get(http + "/tracks", params={"q": "Piece 0"}).json()["items"][0]["id"]
    similar = httpx.get(f"{http}/tracks/{known}/similar").json()
    found = {item["track"]["id"] for item in similar["items"]}
    return similar["model_version"] == version and len(listed) == 1 and listed[0]["id"] in found


def up_next(page: Page) -> list[str]:
    return page.locator("#segue-upnext .segue-next-item").evaluate_all("items => items.map(i => i.dataset.id)")


def kinds(store: Store) -> set[str]:
    return {p.kind for p in store.plays.scan()}


def wait_for_model(http: str, version: str) -> dict[str, Any]:
    def served() -> dict[str, Any] | None:
        answer = httpx.get(http + "/health", timeout=10).json()
        return answer if answer["model_version"] == version and answer["status"] == "ok" else None

    return wait_for(served, f"model {version} served", timeout_s=180)


def events_on_kafka(bootstrap: str, at_least: int) -> set[Any]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "outside-observer", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["plays"])
    seen: set[Any] = set()

    def read() -> bool:
        seen.update(decode(m.value()).event_id for m in consumer.consume(100, 0.5) if m.error() is None)
        return len(seen) >= at_least

    wait_for(read, "plays on Kafka")
    consumer.close()
    return seen


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
