"""The listening page in a real browser, on one whole installation with real sound for all of these tests.

In: eighteen composed pieces on six albums, one of them with markup for a title. Out: `listening`, its addresses and database;
`page`, opened by a browser that nobody has used before, which must ask for nothing outside this machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from etl.demo.compose import compose, piece
from infra.store import Store
from tests.browser import chromium
from tests.data.installed import Installed, wait_for
from tests.page.listening import HOSTILE, PATIENCE_MS, SECONDS, TRACKS, Listening

LOOPBACK = re.compile(r"(https?://127\.0\.0\.1:\d+/|data:|blob:)")
expect.set_options(timeout=PATIENCE_MS)

Opened = Callable[..., Page]


@pytest.fixture(scope="package")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """An installation that has music."""
    music, installed = tmp_path_factory.mktemp("music"), Installed(tmp_path_factory.mktemp("home"))
    for n in range(TRACKS):
        compose(music / f"{n}.mp3", seed=n, seconds=SECONDS, tags={"title": HOSTILE} if n == 4 else piece(n).tags)
    try:
        status = installed.up()
        installed.segue("ingest", str(music))
        health = f"{status['http']}/health"
        wait_for(lambda: httpx.get(health, timeout=10).json()["tracks"] == TRACKS, "all tracks served")
        with Store(status["mongo"], "segue") as store:
            yield Listening(status["ui"], status["http"], store)
    finally:
        installed.down()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = chromium(playwright)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, listening: Listening) -> Iterator[BrowserContext]:
    """A browser that nobody has used before, of somebody without opinions; nothing outside this machine may be asked for."""
    me = f"{listening.http}/users/me/opinions"
    for one in chain(*httpx.get(me, timeout=30).json().values()):
        httpx.delete(f"{me}/{one['track']['id']}", timeout=30)
    asked: list[str] = []
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(PATIENCE_MS)
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    opened.close()
    assert [url for url in asked if not LOOPBACK.match(url)] == []


@pytest.fixture
def opened(context: BrowserContext, listening: Listening) -> Iterator[Opened]:
    """Opens the page at an address such as `#/albums`, once more in the same browser each time; no script may fail."""
    faults: list[str] = []

    def open_at(address: str = "#/tracks") -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{listening.ui}/{address}")
        expect(page.locator("#segue-main")).to_be_visible()
        return page

    yield open_at
    assert faults == []


@pytest.fixture
def page(opened: Opened) -> Page:
    """The page at the list of all tracks."""
    page = opened()
    expect(page.locator(".segue-track")).not_to_have_count(0)
    return page
