"""What comes of listening: where one stopped, history, favourites, mixes, and ways from one track to another."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
from playwright.sync_api import Page, expect

from tests.data.installed import wait_for
from tests.page.conftest import Opened
from tests.page.listening import Listening, at_least, play_first, playing, stored


def address(page: Page, route: str) -> str:
    return f"{page.url.split('#')[0]}#/{route}"


def skip_first(page: Page, listening: Listening) -> str:
    """Skip the first track of the list; returns its title once the skip is kept."""
    began = datetime.now(UTC)
    track = play_first(page)
    title = page.locator(f"#segue-main .segue-track[data-id='{track}'] .segue-title").inner_text()
    page.keyboard.press("n")
    stored(listening, lambda event: event.kind == "skipped" and event.track == track and event.at >= began)
    return title


def test_the_history_says_what_became_of_each_listening_and_plays_it_again(page: Page, listening: Listening):
    title = skip_first(page, listening)
    page.goto(address(page, "history"))
    line = page.locator(".segue-line", has_text=title).first
    expect(page.get_by_role("heading", level=2).first).to_have_text("Today")
    expect(line.locator(".segue-chip").first).to_have_text(re.compile(r"Skipped at 0:\d\d"))
    line.hover()
    line.get_by_role("button", name=f"Play {title}").click()
    at_least(page, 0.3)
    expect(page.locator("#segue-bar")).to_contain_text(title)


def test_a_listening_can_be_kept_from_being_learned_from(page: Page, listening: Listening):
    title = skip_first(page, listening)
    page.goto(address(page, "history"))
    line = page.locator(".segue-line", has_text=title).first
    line.get_by_role("button", name=f"More about {title}").click()
    page.get_by_role("menuitem", name="Do not learn from this").click()
    expect(line.locator(".segue-chip-private")).to_have_text("Not learned from")
    page.wait_for_timeout(1_000)
    page.reload()
    expect(page.locator(".segue-line", has_text=title).first.locator(".segue-chip-private")).to_be_visible()


def test_favourites_are_what_is_liked_and_the_banned_can_be_allowed_again(page: Page, listening: Listening):
    rows = page.locator("#segue-main .segue-track")
    liked, banned = (rows.nth(place).locator(".segue-title").inner_text() for place in (2, 3))
    rows.nth(2).hover()
    rows.nth(2).locator(".segue-row-like").click()
    rows.nth(3).hover()
    rows.nth(3).locator(".segue-row-more").click()
    page.get_by_role("menuitem", name="Never again").click()
    ids = [rows.nth(place).get_attribute("data-id") for place in (2, 3)]
    stored(listening, lambda event: event.kind == "liked" and event.track == ids[0])
    stored(listening, lambda event: event.kind == "disliked" and event.track == ids[1])

    page.goto(address(page, "favourites"))
    expect(page.locator("#segue-main .segue-track", has_text=liked)).to_be_visible()
    page.get_by_role("button", name=f"Allow {banned} again").click()
    expect(page.get_by_role("button", name=f"Allow {banned} again")).to_have_count(0)
    opinions = f"{listening.http}/users/me/opinions"
    wait_for(
        lambda: ids[1] not in [one["track"]["id"] for one in httpx.get(opinions, timeout=30).json()["disliked"]],
        "allowed",
    )
    page.reload()
    expect(page.locator("#segue-main .segue-track", has_text=liked)).to_be_visible()
    expect(page.get_by_role("button", name=f"Allow {banned} again")).to_have_count(0)


def test_home_goes_on_where_one_stopped(page: Page, listening: Listening, opened: Opened):
    track = play_first(page)
    at_least(page, 4)
    page.goto("about:blank")
    stored(listening, lambda event: event.track == track and event.position_ms > 3_000)
    again = opened("#/")
    again.get_by_role("button", name=re.compile("Go on at 0:")).click()
    at_least(again, 3)
    assert playing(again) == track


def test_a_mix_opens_plays_and_is_kept_as_a_playlist(page: Page, listening: Listening):
    play_first(page)
    page.goto(address(page, ""))
    mix = page.locator(".segue-mix").first
    name = mix.locator(".segue-card-title").inner_text()
    mix.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.get_by_role("button", name="Play", exact=True).first.click()
    page.wait_for_function(
        "document.querySelector('#segue-audio').dataset.track === document.querySelector('#segue-main .segue-track').dataset.id"
    )
    page.get_by_role("button", name="Save as playlist").click()
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".segue-toast").last).to_contain_text(f"{name} is kept")
    kept = httpx.get(f"{listening.http}/users/me/playlists", timeout=30).json()["items"]
    assert name in [one["name"] for one in kept]


def test_a_journey_is_found_by_typing_and_played(opened: Opened):
    page = opened("#/journey")
    page.get_by_role("combobox", name="From").press_sequentially("golden")
    page.locator(".segue-picker-option").first.click()
    expect(page.get_by_role("combobox", name="To")).to_be_focused()
    page.keyboard.type("velvet")
    page.locator(".segue-picker-option").first.wait_for()
    page.get_by_role("combobox", name="To").press("Enter")
    stops = page.locator(".segue-stop")
    expect(stops.first).to_be_visible()
    assert 3 <= stops.count() <= 12
    expect(stops.first).to_contain_text("Golden")
    expect(stops.last).to_contain_text("Velvet")
    page.get_by_role("button", name="Play the journey").click()
    at_least(page, 0.3)
    assert playing(page) == stops.first.get_attribute("data-id")
    expect(stops.first).to_have_class(re.compile("segue-current"))
