"""The listening page in a real browser, on a whole installation with real sound: as a person goes through it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from etl.demo.compose import compose
from infra.events import PlayEvent
from infra.models import UserId
from infra.store import Store
from tests.browser import chromium
from tests.data.installed import Installed, wait_for

TITLES = ["Harbour", "Lantern", "Meadow", "Orbit", '<img src=x onerror="window.ran=1">', "Quarry", "Ripple", "Signal"]
LOOPBACK = re.compile(r"(https?://127\.0\.0\.1:\d+/|data:|blob:)")


class Listening(NamedTuple):
    """Addresses of an installation that has music."""

    ui: str
    http: str
    store: Store


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    music, installed = tmp_path_factory.mktemp("music"), Installed(tmp_path_factory.mktemp("home"))
    for n, title in enumerate(TITLES):
        compose(music / f"{n}.mp3", seed=n, seconds=12, tags={"title": title})
    try:
        status = installed.up()
        installed.segue("ingest", str(music))
        health = f"{status['http']}/health"
        wait_for(lambda: httpx.get(health, timeout=10).json()["tracks"] == len(TITLES), "all tracks served")
        with Store(status["mongo"], "segue") as store:
            yield Listening(status["ui"], status["http"], store)
    finally:
        installed.down()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = chromium(playwright)
        yield started
        started.close()


PATIENCE_MS = 90_000
"""A machine that is busy with other things plays and answers, if not at once."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def page(browser: Browser, listening: Listening) -> Iterator[Page]:
    """The page, opened by somebody new; whatever a test does, nothing outside this machine is asked for."""
    asked: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(PATIENCE_MS)
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(listening.ui)
    expect(opened.locator(".segue-track")).to_have_count(len(TITLES))
    yield opened
    opened.close()
    assert [url for url in asked if not LOOPBACK.match(url)] == []


def history(listening: Listening) -> list[PlayEvent]:
    return listening.store.plays.history(UserId("me"), 1000)[0]


def stored(listening: Listening, true: Callable[[PlayEvent], bool]) -> PlayEvent:
    """The newest event in MongoDB for which `true` holds, once it is there."""
    return wait_for(lambda: next(filter(true, history(listening)), None), "the event in MongoDB")


def play_first(page: Page) -> str:
    """Play the first track of the list until it sounds; returns its id."""
    track = page.locator(".segue-track").first
    track.click()
    at_least(page, 0.5)
    return str(track.get_attribute("data-id"))


def at_least(page: Page, seconds: float) -> None:
    page.wait_for_function("s => document.querySelector('#segue-audio').currentTime > s", arg=seconds)


def up_next(page: Page) -> list[str]:
    return page.locator("#segue-upnext .segue-next-item").evaluate_all("items => items.map(i => i.dataset.id)")


def test_the_library_is_listed_and_a_click_plays_by_range(page: Page):
    audio: list[Response] = []
    page.on("response", lambda answer: audio.append(answer) if answer.url.endswith("/audio") else None)
    track = play_first(page)

    assert any(answer.status == 206 and track in answer.url for answer in audio)
    assert page.locator("#segue-title").inner_text() in TITLES
    expect(page.locator(".segue-current")).to_have_attribute("data-id", track)
    expect(page.locator("#segue-play")).to_have_attribute("aria-label", "Pause")


def test_covers_are_loaded_from_the_http_interface(page: Page):
    page.wait_for_function(
        "[...document.querySelectorAll('.segue-track img')].filter((i) => i.naturalWidth).length === "
        "document.querySelectorAll('.segue-track').length"
    )


def test_seeking_goes_there_and_the_end_plays_the_first_of_up_next(page: Page, listening: Listening):
    track = play_first(page)
    expect(page.locator(".segue-why").first).not_to_be_empty()
    page.locator("#segue-seek").fill("900")
    at_least(page, 10)
    following = up_next(page)[0]
    page.wait_for_function("id => document.querySelector('#segue-audio').src.includes(id)", arg=following)
    at_least(page, 0.3)

    finished = stored(listening, lambda e: e.kind == "finished" and e.track == track)
    assert finished.position_ms >= finished.duration_ms - 500


def test_a_skip_is_kept_with_its_position_and_changes_what_is_next(page: Page, listening: Listening):
    track = play_first(page)
    title = page.locator("#segue-title").inner_text()
    expect(page.locator(".segue-next-item").first).to_be_visible()
    before = up_next(page)
    page.locator("#segue-next").click()

    skipped = stored(listening, lambda e: e.kind == "skipped" and e.track == track)
    assert 400 <= skipped.position_ms < skipped.duration_ms
    assert skipped.client == "segue-page"
    page.wait_for_function(
        "b => [...document.querySelectorAll('.segue-next-item')].map(i => i.dataset.id).join() !== b",
        arg=",".join(before[1:]),
    )
    assert before[0] == page.locator(".segue-current").get_attribute("data-id")
    for why in page.locator(".segue-why").all_inner_texts():
        assert re.match(r"Because you played|Sounds like|Goes with|New here|Played most|Something", why)
    changed = page.locator("#segue-changed").inner_text()
    assert f"after you skipped {title}" in changed


def test_like_and_dislike_are_shown_and_kept(page: Page, listening: Listening):
    track = play_first(page)
    page.locator("#segue-like").click()
    expect(page.locator("#segue-like")).to_have_attribute("aria-pressed", "true")
    stored(listening, lambda e: e.kind == "liked" and e.track == track)

    page.locator("#segue-dislike").click()
    stored(listening, lambda e: e.kind == "disliked" and e.track == track)
    expect(page.locator(f".segue-track[data-id='{track}']")).not_to_have_class(re.compile("segue-current"))
    assert track not in up_next(page)


def test_the_search_filters_while_one_types(page: Page):
    page.locator("#segue-search").press_sequentially("mead")
    expect(page.locator(".segue-track")).to_have_count(1)
    expect(page.locator(".segue-track .segue-title")).to_have_text("Meadow")
    page.locator("#segue-search").fill("nothing like it")
    expect(page.locator("#segue-none")).to_have_text("Nothing matches “nothing like it”.")
    page.locator("#segue-search").fill("")
    expect(page.locator(".segue-track")).to_have_count(len(TITLES))


def test_a_title_with_markup_is_shown_as_text(page: Page):
    track = page.locator(".segue-track", has_text="<img")
    expect(track.locator(".segue-title")).to_have_text('<img src=x onerror="window.ran=1">')
    track.click()
    expect(page.locator("#segue-title")).to_have_text('<img src=x onerror="window.ran=1">')
    assert page.locator(".segue-title img").count() == 0
    assert page.evaluate("window.ran") is None


def test_all_of_the_player_answers_to_keys(page: Page, listening: Listening):
    track = play_first(page)
    page.locator("#segue-title").click()
    page.keyboard.press("Space")
    assert page.evaluate("document.querySelector('#segue-audio').paused")
    page.keyboard.press("ArrowRight")
    at_least(page, 9)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('#segue-audio').currentTime < 3")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.querySelector('#segue-audio').volume") < 1
    page.keyboard.press("n")
    stored(listening, lambda e: e.kind == "skipped" and e.track == track)
    page.keyboard.press("p")
    expect(page.locator(".segue-current")).to_have_attribute("data-id", track)


def test_events_wait_while_the_service_is_away_and_count_once(page: Page, listening: Listening):
    play_first(page)
    away = re.compile(r"/api/plays\?")
    page.route(away, lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: away.search(request.url) is not None):
        page.locator("#segue-like").click()
    waiting = json.loads(page.evaluate("localStorage.getItem('segue.outbox.me')"))
    assert "liked" in {event["kind"] for event in waiting}
    page.unroute(away)
    page.reload()
    for event in waiting:
        stored(listening, lambda e, event=event: str(e.event_id) == event["event_id"])
    page.wait_for_function("JSON.parse(localStorage.getItem('segue.outbox.me')).length === 0")
    ids = [e.event_id for e in history(listening)]
    assert len(ids) == len(set(ids))


def test_closing_the_tab_tells_how_far_it_got(page: Page, listening: Listening):
    track = play_first(page)
    page.goto("about:blank")
    stored(listening, lambda e: e.kind == "progress" and e.track == track and e.position_ms >= 500)


def test_the_page_fits_a_phone_in_both_themes(page: Page):
    colours = set()
    page.set_viewport_size({"width": 360, "height": 740})
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        colours.add(page.evaluate("getComputedStyle(document.querySelector('#segue-title')).color"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert len(colours) == 2
    page.get_by_role("button", name="Up next").click()
    expect(page.locator("#segue-upnext")).to_be_visible()
    expect(page.locator("#segue-tracks")).to_be_hidden()


def test_with_accounts_one_signs_in_with_a_password_and_out_again(page: Page, listening: Listening):
    ann, secret = UserId("ann"), "correct horse"

    def asks(status: int) -> bool:
        """Both applications remember for a moment whether there are accounts, each by itself."""
        paths = ("/tracks", "/users/me/history")
        return all(httpx.get(listening.http + path, timeout=10).status_code == status for path in paths)

    def tokens() -> list[str]:
        return [token.label for token in listening.store.users.tokens(ann)]

    listening.store.users.add(ann, password=secret)
    try:
        wait_for(lambda: asks(401), "the service asks for a token")
        page.reload()
        form = page.locator("#segue-signin")
        form.locator("[name=name]").fill("ann")
        form.locator("[name=secret]").fill("guess again")
        form.get_by_role("button").click()
        expect(page.locator("#segue-signin-error")).to_contain_text("do not go together")
        form.locator("[name=secret]").fill(secret)
        form.get_by_role("button").click()
        expect(page.locator(".segue-track")).to_have_count(len(TITLES))
        assert tokens() == ["listening page"]
        track = play_first(page)
        wait_for(lambda: {e.track for e in listening.store.plays.history(ann, 10)[0]} == {track}, "the play in MongoDB")
        page.locator("#segue-signout").click()
        expect(form).to_be_visible()
        assert tokens() == []
    finally:
        listening.store.users.remove(ann)
        wait_for(lambda: asks(200), "the service asks for none")


def test_the_documentation_is_drawn_with_what_its_policy_allows(page: Page, listening: Listening):
    page.goto(f"{listening.http}/docs")
    expect(page.locator(".opblock-summary-path", has_text="/sign-in").first).to_be_visible()


def test_a_service_that_is_away_is_told_and_looked_for_again(page: Page, listening: Listening):
    page.route("**/api/session**", lambda route: route.abort())
    page.goto(listening.ui)
    expect(page.locator("#segue-notice")).to_contain_text("does not answer")
    page.unroute("**/api/session**")
    page.locator("#segue-retry").click()
    expect(page.locator(".segue-track")).to_have_count(len(TITLES))
    expect(page.locator("#segue-notice")).to_be_hidden()
