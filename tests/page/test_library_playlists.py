"""Playlists: made, filled, put in order, taken apart, changed on two devices at once, deleted and brought back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.data.installed import wait_for
from tests.page.conftest import Opened
from tests.page.listening import Listening, at_least, playing

Stored = dict[str, Any]


@pytest.fixture
def kept(listening: Listening) -> Callable[[str], Stored]:
    """The playlist of a name, as the service has it."""

    def of(name: str) -> Stored:
        address = f"{listening.http}/users/me/playlists"
        found = next(one for one in httpx.get(address, timeout=30).json()["items"] if one["name"] == name)
        return dict(httpx.get(f"{address}/{found['id']}", timeout=30).json())

    return of


@pytest.fixture
def sunday(listening: Listening, opened: Opened) -> Page:
    """The page of a new playlist of five tracks."""
    tracks = httpx.get(f"{listening.http}/tracks?order=title&limit=5", timeout=30).json()["items"]
    body = {"name": "Sunday", "tracks": [track["id"] for track in tracks]}
    for old in httpx.get(f"{listening.http}/users/me/playlists", timeout=30).json()["items"]:
        httpx.delete(f"{listening.http}/users/me/playlists/{old['id']}", timeout=30)
    made = httpx.post(f"{listening.http}/users/me/playlists", json=body, timeout=30).json()
    page = opened(f"#/playlists/{made['id']}")
    expect(page.locator("#segue-main .segue-track")).to_have_count(5)
    return page


def titles(page: Page) -> list[str]:
    return page.locator("#segue-main .segue-track .segue-title").all_inner_texts()


def names(stored: Stored) -> list[str]:
    return [track["title"] for track in stored["items"]]


def test_a_track_goes_into_a_new_playlist_and_then_into_one_that_is_there(sunday: Page, kept: Callable[[str], Stored]):
    page = sunday
    page.goto(page.url.split("#")[0] + "#/tracks?order=title")
    row = page.locator("#segue-main .segue-track").nth(7)
    title = row.locator(".segue-title").inner_text()
    row.hover()
    row.locator(".segue-row-more").click()
    page.get_by_role("menuitem", name="Add to playlist").click()
    page.get_by_role("textbox", name="Find a playlist").fill("Evening")
    page.keyboard.press("Enter")
    expect(page.locator(".segue-toast")).to_contain_text("Evening is kept")
    wait_for(lambda: names(kept("Evening")) == [title], "the new playlist")

    row.hover()
    row.locator(".segue-row-more").click()
    page.get_by_role("menuitem", name="Add to playlist").click()
    page.get_by_role("textbox", name="Find a playlist").fill("sund")
    page.keyboard.press("Enter")
    expect(page.locator(".segue-toast").last).to_contain_text("Added to Sunday")
    assert names(kept("Sunday"))[-1] == title
    page.locator(".segue-toast").last.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday")


def test_it_is_put_in_another_order_with_keys_and_by_dragging(sunday: Page, kept: Callable[[str], Stored]):
    page = sunday
    a, b, c, d, e = titles(page)
    page.locator("#segue-main .segue-track").first.focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#segue-main .segue-track .segue-title")).to_have_text([b, a, c, d, e])
    expect(page.locator("#segue-main .segue-track").nth(1)).to_be_focused()
    wait_for(lambda: names(kept("Sunday")) == [b, a, c, d, e], "the order with keys")

    page.locator(".segue-grip").nth(4).hover()
    page.mouse.down()
    above = page.locator("#segue-main .segue-track").first.bounding_box()
    assert above
    page.mouse.move(above["x"] + 20, above["y"] + 5, steps=8)
    expect(page.locator(".segue-drop")).to_be_visible()
    page.mouse.up()
    expect(page.locator("#segue-main .segue-track .segue-title")).to_have_text([e, b, a, c, d])
    wait_for(lambda: names(kept("Sunday")) == [e, b, a, c, d], "the order by dragging")


def test_what_is_taken_out_can_be_put_back(sunday: Page, kept: Callable[[str], Stored]):
    page = sunday
    whole = titles(page)
    page.locator("#segue-main .segue-track").nth(2).focus()
    page.keyboard.press("Delete")
    expect(page.locator("#segue-main .segue-track")).to_have_count(4)
    wait_for(lambda: len(kept("Sunday")["items"]) == 4, "one less")
    page.locator(".segue-toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#segue-main .segue-track .segue-title")).to_have_text(whole)
    wait_for(lambda: names(kept("Sunday")) == whole, "all of them")


def test_a_change_on_another_device_is_shown_and_mine_can_be_kept(
    sunday: Page, listening: Listening, kept: Callable[[str], Stored]
):
    page, stored = sunday, kept("Sunday")
    theirs = {"name": "Theirs", "tracks": [stored["items"][0]["id"]], "revision": stored["revision"]}
    address = f"{listening.http}/users/me/playlists/{stored['id']}"
    assert httpx.put(address, json=theirs, timeout=30).status_code == 200
    page.locator("#segue-main .segue-track").first.focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_role("heading", level=1)).to_have_text("Theirs")
    expect(page.locator("#segue-main .segue-track")).to_have_count(1)
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday")
    wait_for(lambda: len(kept("Sunday")["items"]) == 5, "mine")


def test_it_is_renamed_played_deleted_and_brought_back(sunday: Page):
    page = sunday
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("Sunday morning")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday morning")
    page.get_by_role("button", name="Play", exact=True).first.click()
    at_least(page, 0.3)
    assert playing(page) == page.locator("#segue-main .segue-track").first.get_attribute("data-id")

    page.get_by_role("button", name="More about Sunday morning").click()
    page.get_by_role("menuitem", name="Delete playlist").click()
    expect(page).to_have_url(re.compile("#/playlists$"))
    expect(page.get_by_role("link", name="Sunday morning")).to_have_count(0)
    page.locator(".segue-toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday morning")
    expect(page.locator("#segue-main .segue-track")).to_have_count(5)


def test_with_keys_alone_it_is_renamed_emptied_and_deleted(sunday: Page):
    page = sunday
    page.get_by_role("button", name="Rename").press("Enter")
    page.get_by_role("textbox", name="Name").fill("Monday")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Monday")
    expect(page.get_by_role("button", name="Rename")).to_be_focused()
    page.locator("#segue-main .segue-track").first.focus()
    for left in range(4, -1, -1):
        page.keyboard.press("Delete")
        expect(page.locator("#segue-main .segue-track")).to_have_count(left)
    expect(page.locator("#segue-main")).to_be_focused()
    page.get_by_role("button", name="More about Monday").press("Enter")
    page.get_by_role("menuitem", name="Delete playlist").press("Enter")
    expect(page).to_have_url(re.compile("#/playlists$"))
    expect(page.locator("#segue-main")).to_be_focused()


def test_one_is_made_from_nothing(sunday: Page):
    page = sunday
    page.goto(page.url.split("#")[0] + "#/playlists")
    page.get_by_role("button", name="New playlist").click()
    page.get_by_role("textbox", name="Name").fill('<b onclick="ran=1">Loud</b>')
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text('<b onclick="ran=1">Loud</b>')
    expect(page.locator(".segue-state-title")).to_have_text("Nothing in it yet")
