"""A library of which only what is near the screen stands in the document; and music that comes while one looks."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.data.installed import wait_for
from tests.data.large_library import LargeLibrary
from tests.page.conftest import Opened
from tests.page.listening import TRACKS, Listening

COME = LargeLibrary(4_000)
MOST_ELEMENTS = 4_000
"""Of the whole page, whatever is listed."""


def served(listening: Listening, tracks: int) -> None:
    health = f"{listening.http}/health"
    wait_for(lambda: httpx.get(health, timeout=10).json()["tracks"] == tracks, f"{tracks} tracks served", 120)


@pytest.fixture
def grown(listening: Listening) -> Iterator[None]:
    """The library with many more tracks in it, until the test is over."""
    records = list(COME.records())
    listening.store.tracks.upsert(records)
    served(listening, TRACKS + len(records))
    yield
    listening.store.tracks.set_missing([record.track.id for record in records], missing=True)
    served(listening, TRACKS)


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


@pytest.mark.usefixtures("grown")
def test_thousands_of_rows_are_scrolled_and_walked_through(opened: Opened):
    page = opened("#/tracks?order=title")
    rows = page.locator("#segue-main .segue-track")
    expect(rows.first).to_be_visible()
    expect(page.locator(".segue-count")).to_have_text(f"{TRACKS + COME.tracks:,} tracks")
    rows.first.focus()
    for _ in range(30):
        page.keyboard.press("End")
        page.wait_for_timeout(150)
        assert elements(page) < MOST_ELEMENTS
    place = page.evaluate("Number(document.activeElement.dataset.place)")
    assert place > 1_000
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("Number(document.activeElement.dataset.place)") == place - 1


@pytest.mark.usefixtures("grown")
def test_hundreds_of_covers_are_drawn_where_there_are_none(opened: Opened):
    page = opened("#/albums?order=year")
    cards = page.locator("#segue-main .segue-card")
    expect(cards.first).to_be_visible()
    expect(cards.first.locator(".segue-cover svg")).to_be_visible()
    for _ in range(10):
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(100)
        assert elements(page) < MOST_ELEMENTS
    page.wait_for_function("scrollY > 5000")
    expect(page.locator("#segue-main .segue-card:visible").first).to_be_attached()


def test_albums_that_come_while_one_looks_are_shown_without_a_reload(opened: Opened, listening: Listening):
    page = opened("#/albums?order=newest")
    expect(page.locator("#segue-main .segue-card")).not_to_have_count(0)
    page.evaluate("window.stayed = true")
    page.wait_for_timeout(1_000)
    few = list(LargeLibrary(20, seed=9).records())
    listening.store.tracks.upsert(few)
    try:
        expect(page.get_by_role("link", name=few[0].track.album, exact=True).first).to_be_visible()
        assert page.evaluate("window.stayed")
    finally:
        listening.store.tracks.set_missing([record.track.id for record in few], missing=True)
        served(listening, TRACKS)
    expect(page.get_by_role("link", name=few[0].track.album, exact=True)).to_have_count(0)
