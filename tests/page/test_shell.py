"""The frame of the page: any screen, any hand, nobody there, and who listens."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from infra.models import UserId
from tests.browser import drawn
from tests.data.installed import wait_for
from tests.page.conftest import Opened
from tests.page.listening import (
    Listening,
    at_least,
    history,
    play_first,
    stored,
    up_next_filled,
)

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
WIDTHS = (360, 768, 1440)
ROUTES = (
    "",
    "albums",
    "artists",
    "tracks",
    "genres",
    "playlists",
    "favourites",
    "history",
    "search/rust",
    "journey",
    "map",
    "taste",
    "pictures",
    "work",
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], "resultTypes": ["violations"]}


def settled(page: Page) -> None:
    """Until the view has drawn what it shows."""
    drawn(page)
    page.wait_for_timeout(500)


def barriers(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core calls serious or critical, with some of the elements at fault."""
    found = Axe().run(page, options=RULES).response["violations"]
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    return [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in serious]


@pytest.mark.parametrize("route", ROUTES)
def test_every_view_fits_every_screen_in_both_themes_and_has_no_barriers(opened: Opened, route: str):
    page = opened(f"#/{route}")
    up_next_filled(page)
    fits_without_barriers(page, route.replace("/", "-") or "home")


@pytest.mark.parametrize("kind", ["albums", "artists", "genres", "mixes", "playlists"])
def test_what_lists_lead_to_fits_every_screen_and_has_no_barriers(opened: Opened, listening: Listening, kind: str):
    playlists = f"{listening.http}/users/me/playlists"
    tracks = [track["id"] for track in httpx.get(f"{listening.http}/tracks?limit=5", timeout=30).json()["items"]]
    made = httpx.post(playlists, json={"name": "Sunday", "tracks": tracks}, timeout=30).raise_for_status().json()
    page = opened("#/" if kind == "mixes" else f"#/{kind}")
    page.locator(f"#segue-main a[href^='#/{kind}/']").first.click()
    expect(page).to_have_url(re.compile(f"#/{kind}/."))
    fits_without_barriers(page, f"one-of-{kind}")
    httpx.delete(f"{playlists}/{made['id']}", timeout=30).raise_for_status()


def fits_without_barriers(page: Page, name: str) -> None:
    """Looks at the view in both themes on every screen; keeps screenshots by its `name`."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900 if width > 400 else 740})
            settled(page)
            page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert barriers(page) == []


def test_both_themes_are_there_and_can_be_chosen(page: Page):
    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="dark")
    dark = ground()
    page.emulate_media(color_scheme="light")
    light = ground()
    assert dark != light
    page.locator(".segue-header .segue-icon").click()
    page.get_by_role("menuitemcheckbox", name="Dark").click()
    assert ground() == dark
    page.reload()
    expect(page.locator("#segue-main")).to_be_visible()
    assert ground() == dark


def test_all_of_the_frame_is_reached_by_keys(page: Page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#segue-main")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("rust")
    expect(page).to_have_url(re.compile("#/search/rust$"))
    expect(page.locator("#segue-search")).to_be_focused()
    page.keyboard.press("Escape")
    settings = page.locator(".segue-header .segue-icon")
    settings.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu").locator(":focus")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(settings).to_be_focused()


def test_back_leads_to_the_place_one_came_from(page: Page):
    page.set_viewport_size({"width": 1280, "height": 500})
    page.evaluate("scrollTo(0, 300)")
    page.wait_for_timeout(200)
    page.locator(".segue-nav").get_by_role("link", name="Albums").click()
    expect(page.locator(".segue-nav [aria-current='page']")).to_have_text("Albums")
    page.go_back()
    expect(page.locator(".segue-nav [aria-current='page']")).to_have_text("Tracks")
    page.wait_for_function("Math.abs(scrollY - 300) < 5")


def test_the_search_box_follows_the_address_but_keeps_what_is_typed(page: Page):
    box = page.get_by_role("searchbox")
    page.keyboard.press("/")
    page.keyboard.type(" rust")
    expect(page).to_have_url(re.compile("#/search/rust$"))
    expect(box).to_have_value(" rust")
    page.go_back()
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    page.go_forward()
    expect(box).to_have_value("rust")


@pytest.mark.parametrize(
    "address",
    ["no/such/place", "albums/none", "artists/none", "playlists/none", f"playlists/{'0' * 32}", "pictures/none"],
)
def test_an_address_that_leads_nowhere_says_so(opened: Opened, address: str):
    page = opened(f"#/{address}")
    expect(page.locator("#segue-main")).to_contain_text("There is nothing here")


def test_nothing_of_the_framework_is_seen(page: Page):
    assert page.locator("footer:visible").count() == 0
    assert page.title() == "Tracks · Segue"


def test_a_service_that_is_away_is_told_and_looked_for_again(opened: Opened, listening: Listening):
    page = opened()
    page.route("**/api/**", lambda route: route.abort())
    page.goto("about:blank")
    page.goto(listening.ui)
    expect(page.locator("#segue-banner")).to_contain_text("does not answer")
    page.unroute("**/api/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#segue-play")).to_be_enabled()
    expect(page.locator("#segue-banner")).to_be_hidden()


def test_a_view_that_could_not_be_had_is_there_once_the_service_is(opened: Opened):
    page = opened("#/tracks")
    page.route("**/api/**", lambda route: route.abort())
    page.evaluate("location.hash = '#/genres'")
    expect(page.locator("#segue-main .segue-failure")).to_be_visible()
    expect(page.locator("#segue-banner")).to_be_visible()
    page.unroute("**/api/**")
    expect(page.locator("#segue-main .segue-genre-tile-link")).not_to_have_count(0)


def test_on_a_phone_back_closes_what_is_open(opened: Opened):
    page = opened("#/albums")
    page.set_viewport_size({"width": 360, "height": 740})
    tabs = page.locator(".segue-tabs")
    for open_it, is_open in (("Up next", ".segue-aside.segue-open"), ("More", "dialog[open]")):
        page.evaluate("location.hash = '#/artists'")
        tabs.get_by_role("button", name=open_it).click()
        expect(page.locator(is_open)).to_be_visible()
        page.go_back()
        expect(page).to_have_url(re.compile("#/albums$"))
        expect(page.locator(is_open)).to_have_count(0)


def test_offline_music_goes_on_and_comes_back_by_itself(page: Page, listening: Listening):
    track = play_first(page)
    up_next_filled(page)
    page.wait_for_function("document.querySelector('#segue-audio-ahead').readyState === 4")
    page.context.set_offline(True)
    following = page.locator("#segue-audio-ahead").get_attribute("data-track")
    page.locator("#segue-next").click()
    page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track === t", arg=following)
    at_least(page, 0.3)
    expect(page.locator("#segue-banner")).to_contain_text("does not answer")
    page.context.set_offline(False)
    expect(page.locator("#segue-banner")).to_be_hidden()
    stored(listening, lambda e: e.kind == "skipped" and e.track == track)


def test_a_library_without_music_says_how_to_bring_some(opened: Opened):
    page = opened("#/tracks")
    empty = {"items": [], "cursor": None}
    page.route(re.compile(r"/api/(tracks|albums)\b"), lambda route: route.fulfill(json=empty))
    page.goto(page.url.split("#")[0] + "#/albums")
    expect(page.locator("#segue-main")).to_contain_text("segue ingest")


def test_with_accounts_one_signs_in_with_a_password_and_two_never_see_each_other(
    browser: Browser, listening: Listening
):
    secrets = {UserId("ann"): "correct horse", UserId("bob"): "battery staple"}

    def asks(status: int) -> bool:
        """Both applications remember for a moment whether there are accounts, each by itself."""
        paths = ("/tracks", "/users/me/history")
        return all(httpx.get(listening.http + path, timeout=10).status_code == status for path in paths)

    def tokens(user: UserId) -> list[str]:
        return [token.label for token in listening.store.users.tokens(user)]

    contexts = {user: browser.new_context() for user in secrets}
    for user, secret in secrets.items():
        listening.store.users.add(user, password=secret)
    try:
        wait_for(lambda: asks(401), "the service asks for a token")
        pages = {user: context.new_page() for user, context in contexts.items()}
        for user, page in pages.items():
            page.goto(f"{listening.ui}/#/tracks")
            sign_in(page, user, "guess again")
            expect(page.locator("#segue-signin-error")).to_contain_text("do not go together")
            sign_in(page, user, secrets[user])
            expect(page.locator(".segue-track")).not_to_have_count(0)
            assert tokens(user) == ["listening page"]
        heard = {user: play_nth(page, n) for n, (user, page) in enumerate(pages.items())}
        for user, track in heard.items():
            stored(listening, lambda e, track=track: e.track == track, user)
        for user, page in pages.items():
            others = {track for other, track in heard.items() if other != user}
            assert {e.track for e in history(listening, user)} == {heard[user]}
            told = page.evaluate("fetch('api/me/listens').then(a => a.text())")
            assert heard[user] in told
            assert not any(track in told for track in others)
        other_tab = contexts[UserId("ann")].new_page()
        other_tab.goto(f"{listening.ui}/#/tracks")
        sign_out(other_tab, "ann")
        assert tokens(UserId("ann")) == []
        sign_in(other_tab, "bob", secrets[UserId("bob")])
        expect(other_tab.locator(".segue-track")).not_to_have_count(0)
        page = pages[UserId("ann")]
        # As when one comes back to a tab; a Chromium without a screen has none in front.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        sign_out(page, "bob")
        assert tokens(UserId("bob")) == ["listening page"]
    finally:
        for context in contexts.values():
            context.close()
        for user in secrets:
            listening.store.users.remove(user)
        wait_for(lambda: asks(200), "the service asks for none")


def sign_in(page: Page, user: str, secret: str) -> None:
    form = page.locator("#segue-signin")
    form.locator("[name=name]").fill(user)
    form.locator("[name=secret]").fill(secret)
    form.get_by_role("button").click()


def sign_out(page: Page, user: str) -> None:
    page.locator(".segue-header .segue-icon").click()
    page.get_by_role("menuitem", name=f"Sign out {user}").click()
    expect(page.locator("#segue-signin")).to_be_visible()


def play_nth(page: Page, n: int) -> str:
    track = page.locator(".segue-track").nth(n)
    track.locator(".segue-title").click()
    at_least(page, 0.5)
    return str(track.get_attribute("data-id"))


def test_the_documentation_is_drawn_with_what_its_policy_allows(page: Page, listening: Listening):
    page.goto(f"{listening.http}/docs")
    expect(page.locator(".opblock-summary-path", has_text="/sign-in").first).to_be_visible()


def test_on_a_phone_what_plays_opens_as_a_sheet(opened: Opened):
    page = opened("#/tracks")
    page.set_viewport_size({"width": 360, "height": 740})
    play_first(page)
    page.locator("#segue-expand").click()
    sheet = page.get_by_role("dialog", name="Player")
    expect(sheet.get_by_role("slider", name="Position")).to_be_enabled()
    expect(sheet.get_by_role("button", name="Pause")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "playing-light-360.png")
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_be_hidden()
