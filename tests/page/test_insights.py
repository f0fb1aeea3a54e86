"""The map, what Segue knows, pictures and what goes on behind the scenes, as a person goes through them after a year of listening."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from infra.models import Track
from tests.data.installed import wait_for
from tests.page.conftest import Opened
from tests.page.listening import HOSTILE, ME, TRACKS, Listening, at_least, history, playing

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], "resultTypes": ["violations"]}
FRAME = {"landmark-main-is-top-level", "landmark-no-duplicate-main"}
"""About Gradio's own frame around the page."""
LISTENINGS = 48
OPEN_PLOT = "document.querySelector('.segue-chart #segue-chart-{} svg.marks [aria-roledescription]')"


@pytest.fixture(scope="module")
def library(listening: Listening) -> list[Track]:
    """Every track, in the order of artists."""
    found = httpx.get(f"{listening.http}/tracks", params={"limit": 200, "order": "artist"}, timeout=60).json()
    return [Track.model_validate(item) for item in found["items"]]


@pytest.fixture(autouse=True)
def year(
    context: BrowserContext,  # noqa: ARG001 - it takes back what others had said, before all this is said
    listening: Listening,
    library: list[Track],
) -> Iterator[list[Track]]:
    """A listener who played for most of a year: the first tracks again and again, always skipping the last; then nobody."""
    chosen = [library[(n * n) % 7] if n % 6 else library[-1] for n in range(LISTENINGS)]
    events = [
        event(track, "skipped" if track == library[-1] else "finished", days=7 * n) for n, track in enumerate(chosen)
    ]
    events += [event(library[0], "liked"), event(library[-1], "disliked")]
    httpx.post(f"{listening.http}/plays", json=events, timeout=60).raise_for_status()
    wait_for(lambda: len(history(listening)) >= len(events), "all plays in MongoDB")
    yield chosen
    httpx.delete(f"{listening.http}/users/{ME}", timeout=60).raise_for_status()


def event(track: Track, kind: str, *, days: int = 0) -> dict[str, object]:
    """A play event, so many days ago."""
    at = datetime.now(UTC) - timedelta(days=days, minutes=5)
    heard = 2_000 if kind == "skipped" else track.duration_ms
    told = {"event_id": str(uuid.uuid4()), "user": ME, "track": track.id, "kind": kind, "at": at.isoformat()}
    return {"v": 1, "position_ms": heard, "duration_ms": track.duration_ms, "client": "test", "private": False, **told}


def taste(listening: Listening) -> dict[str, list[dict[str, object]]]:
    answer: dict[str, list[dict[str, object]]] = httpx.get(f"{listening.http}/users/{ME}/taste", timeout=60).json()
    return answer


def toast(page: Page, words: str | re.Pattern[str]) -> None:
    expect(page.locator(".segue-toast", has_text=words).first).to_be_visible()


# --- map ------------------------------------------------------------------------------------------------------------


def map_of(opened: Opened, address: str = "#/map") -> Page:
    page = opened(address)
    expect(page.locator(".segue-map-stage canvas").first).to_be_visible()
    expect(page.locator(".segue-legend-chip").first).to_be_visible()
    return page


def test_a_dot_of_the_map_plays_when_it_is_clicked(opened: Opened):
    page = map_of(opened)
    stage = page.locator(".segue-map-stage")
    stage.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".segue-chosen .segue-title")).not_to_be_empty()
    title = page.locator(".segue-chosen .segue-title").inner_text()
    page.keyboard.press("Enter")
    at_least(page, 0.5)
    expect(page.locator("#segue-title")).to_have_text(title)


def test_pointing_at_a_dot_names_it_and_a_click_plays_it(opened: Opened, listening: Listening):
    page = map_of(opened)
    shown = httpx.get(f"{listening.http}/users/{ME}/map", timeout=60).json()
    box = page.locator(".segue-map-stage").bounding_box()
    assert box is not None
    down = box["height"] - 52
    across = min(box["width"] - 52, 1.7 * down)
    # The dot that is farthest from all others cannot be taken for another one.
    alone = max(range(len(shown["ids"])), key=lambda n: nearest_other(shown, n))
    x = box["x"] + box["width"] / 2 + (shown["x"][alone] - 0.5) * across
    y = box["y"] + box["height"] / 2 + (0.5 - shown["y"][alone]) * down
    page.mouse.move(x, y)
    expect(page.locator(".segue-map-tip")).to_be_visible()
    page.mouse.click(x, y)
    at_least(page, 0.5)
    assert playing(page) == shown["ids"][alone]


def nearest_other(shown: dict[str, list[float]], of: int) -> float:
    places = list(zip(shown["x"], shown["y"], strict=True))
    return min(abs(complex(*places[of]) - complex(*place)) for n, place in enumerate(places) if n != of)


def test_two_fingers_zoom_the_map_and_not_the_page(browser: Browser, listening: Listening):
    with closing(
        browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    ) as context:
        page = context.new_page()
        page.goto(f"{listening.ui}/#/map")
        stage = page.locator(".segue-map-stage")
        expect(page.locator(".segue-legend-chip").first).to_be_visible()
        box = stage.bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.wait_for_timeout(500)
        before = drawn(page)
        page.wait_for_timeout(500)
        assert drawn(page) == before  # nothing moves by itself
        touch = context.new_cdp_session(page)
        for kind, apart in [("touchStart", 20), *(("touchMove", 20 + 10 * step) for step in range(1, 9))]:
            points = [{"x": middle[0] + side * apart, "y": middle[1], "id": int(side > 0)} for side in (-1, 1)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(500)
        assert drawn(page) != before
        assert page.evaluate("visualViewport.scale") == 1


def drawn(page: Page) -> str:
    """The map's picture."""
    return str(page.evaluate("document.querySelector('.segue-map-stage canvas').toDataURL()"))


def test_the_map_is_told_in_words_and_walked_by_keys(opened: Opened):
    page = map_of(opened)
    page.locator(".segue-map-stage").focus()
    for key in ("ArrowRight", "ArrowDown", "+", "ArrowLeft", "0"):
        page.keyboard.press(key)
    expect(page.locator(".segue-near-track")).to_have_count(8)
    near = page.locator(".segue-near-track").first
    title = near.locator(".segue-title").inner_text()
    near.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".segue-chosen .segue-title")).to_have_text(title)
    expect(page.locator(".segue-map [role=status].segue-unseen")).to_contain_text(title)


def test_a_track_is_found_on_the_map_and_hostile_tags_are_text(opened: Opened):
    page = map_of(opened)
    page.locator(".segue-map-find").fill("onerror")
    found = page.locator(".segue-near-track", has_text=HOSTILE)
    expect(found).to_be_visible()
    found.click()
    expect(page.locator(".segue-chosen .segue-title")).to_have_text(HOSTILE)
    assert page.evaluate("window.ran") is None
    page.get_by_text("By album").click()
    expect(page.locator(".segue-legend-chip").first).not_to_contain_text("warm")
    chip = page.locator(".segue-legend-chip").first
    chip.click()
    expect(page.locator(".segue-legend-chip").first).to_have_attribute("aria-pressed", "true")


def test_a_journey_is_drawn_and_played(opened: Opened, library: list[Track]):
    page = map_of(opened, f"#/map?journey={library[0].id},{library[-1].id}")
    expect(page.locator(".segue-step").first).to_have_text("1")
    steps = page.locator(".segue-near-track")
    expect(steps.first).to_contain_text(library[0].title)
    expect(steps.last).to_contain_text(library[-1].title)
    page.get_by_role("button", name="Play the journey").click()
    at_least(page, 0.5)
    assert playing(page) == library[0].id


# --- what Segue knows -------------------------------------------------------------------------------------------------


def test_what_is_known_is_said_in_words_and_shown(opened: Opened, library: list[Track]):
    page = opened("#/taste")
    most = library[0].artist
    expect(page.locator(".segue-sentence").first).to_be_visible()
    expect(page.locator(".segue-leaning", has_text=most).first).to_be_visible()
    expect(page.locator(".segue-unwanted", has_text=library[-1].title).first).to_be_visible()
    page.wait_for_function(OPEN_PLOT.format("hours"))
    assert page.locator(".segue-judgement").count() == 2


def test_what_is_taken_out_is_not_known_any_more(opened: Opened, listening: Listening):
    page = opened("#/taste")
    row = page.locator("section", has=page.get_by_role("heading", name="Artists")).locator(".segue-leaning").first
    name = row.locator(".segue-leaning-name").inner_text()
    row.get_by_role("button", name=f"Do not learn from {name}").click()
    expect(page.get_by_role("dialog")).to_contain_text("marked as private")
    page.get_by_role("button", name="Do not learn from it").click()
    toast(page, re.compile(rf"play.* of {re.escape(name)} .* no longer learned from"))
    wait_for(lambda: name not in {one["name"] for one in taste(listening)["artists"]}, "it is not known any more")
    of_it = {track.id for track in map(Track.model_validate, all_tracks(listening)) if track.artist == name}
    assert all(play.private for play in history(listening) if play.track in of_it)
    expect(page.locator(".segue-leaning-name", has_text=name)).to_have_count(0)


def all_tracks(listening: Listening) -> list[dict[str, object]]:
    items: list[dict[str, object]] = httpx.get(f"{listening.http}/tracks?limit=200", timeout=60).json()["items"]
    return items


def test_a_dislike_is_taken_back(opened: Opened, listening: Listening, library: list[Track]):
    page = opened("#/taste")
    page.get_by_role("button", name=f"Take back what you said of {library[-1].title}").click()
    toast(page, "taken back")
    wait_for(lambda: "disliked" not in {play.kind for play in history(listening)}, "the dislike is gone")
    assert "liked" in {play.kind for play in history(listening)}


def test_private_listening_is_switched_where_it_is_explained(opened: Opened):
    page = opened("#/taste")
    switch = page.get_by_role("switch", name="Private listening")
    switch.click()
    expect(switch).to_be_checked()
    page.reload()
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()


def test_everything_can_be_taken_along(opened: Opened):
    page = opened("#/taste")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download your data").click()
    told = json.loads(Path(coming.value.path()).read_text(encoding="utf-8"))
    assert told["listener"] == ME
    assert len(told["plays"]) == LISTENINGS + 2


def test_everything_is_erased_only_after_the_word_was_typed(opened: Opened, listening: Listening):
    page = opened("#/taste")
    page.get_by_role("button", name="Erase everything …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("Type")).fill("yes")
    dialog.get_by_role("button", name="Erase everything").click()
    expect(dialog.get_by_role("alert")).to_have_text("That is not “erase”.")
    assert len(history(listening)) == LISTENINGS + 2
    dialog.get_by_label(re.compile("Type")).fill("erase")
    dialog.get_by_label(re.compile("Type")).press("Enter")
    toast(page, "Everything about you is erased.")
    expect(dialog).to_be_hidden()
    past, steering = page.evaluate(
        "(({ past, steering }) => [past, steering])(JSON.parse(localStorage['segue.state.me']).queue)"
    )
    assert (past, steering) == ([], {"more": [], "less": []})
    wait_for(lambda: history(listening) == [], "nothing is left")
    expect(page.get_by_role("heading", name="Segue knows nothing about you yet")).to_be_visible()


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_plots_are_loaded_only_where_they_are_shown(opened: Opened, context: BrowserContext):
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = opened("#/albums")
    expect(page.locator(".segue-card").first).to_be_visible()
    assert not [url for url in asked if re.search(r"/embed-|gradio_api/run", url)]
    page.evaluate("location.hash = '#/pictures'")
    page.wait_for_function(OPEN_PLOT.format("months"))
    assert [url for url in asked if "/embed-" in url]


def test_the_taste_over_time_is_a_plot_by_genre_or_artist(opened: Opened, library: list[Track]):
    page = opened("#/pictures")
    page.wait_for_function(OPEN_PLOT.format("months"))
    genres = page.locator(".segue-legend-item").all_inner_texts()
    page.locator("#segue-main").get_by_text("Artists", exact=True).click()
    expect(page.locator(".segue-legend-item").first).not_to_have_text(genres[0])
    page.wait_for_function(
        "name => [...document.querySelectorAll('#segue-chart-months [aria-roledescription=bar]')]"
        ".some((bar) => bar.getAttribute('aria-label').includes(name))",
        arg=library[0].artist,
    )


def test_a_plot_comes_back_with_its_view(opened: Opened):
    page = opened("#/pictures")
    page.wait_for_function(OPEN_PLOT.format("months"))
    page.evaluate("location.hash = '#/work'")
    expect(page.get_by_role("heading", name="Behind the scenes")).to_be_visible()
    page.go_back()
    page.wait_for_function(OPEN_PLOT.format("months"))


def test_the_clock_says_each_hour_of_the_week(opened: Opened):
    page = opened("#/pictures")
    expect(page.locator("table.segue-week td[title]")).to_have_count(7 * 24)
    expect(page.get_by_role("img", name=re.compile("You listen most around"))).to_be_visible()


def test_the_year_has_a_page_of_its_own_that_plays(opened: Opened):
    page = opened("#/pictures")
    page.get_by_role("link", name=re.compile("in music")).click()
    expect(page.locator(".segue-hero-year")).to_have_text(re.compile(r"^\d{4}$"))
    expect(page.locator(".segue-top-tracks .segue-top-row")).not_to_have_count(0)
    page.get_by_role("button", name="Play your year").click()
    at_least(page, 0.5)
    first = page.locator(".segue-top-tracks .segue-title").first.inner_text()
    expect(page.locator("#segue-title")).to_have_text(first)


# --- behind the scenes ------------------------------------------------------------------------------------------------


def test_what_came_of_the_ingest_is_told(opened: Opened):
    page = opened("#/work")
    card = page.locator(".segue-work", has=page.get_by_role("heading", name="Music coming in"))
    expect(card).to_contain_text("All music is in.")
    expect(card).to_contain_text(str(TRACKS))
    expect(page.locator("code", has_text="segue train").first).to_be_visible()


# --- any screen, anybody ------------------------------------------------------------------------------------------------


def test_nobody_who_has_played_nothing_sees_empty_pictures(opened: Opened, listening: Listening):
    httpx.delete(f"{listening.http}/users/{ME}", timeout=60).raise_for_status()
    page = opened("#/pictures")
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    page.evaluate("location.hash = '#/taste'")
    expect(page.get_by_role("heading", name="Segue knows nothing about you yet")).to_be_visible()
    expect(page.get_by_role("heading", name="Your data")).to_be_visible()


@pytest.mark.parametrize("route", ["map", "taste", "pictures", "pictures/{year}", "work"])
def test_axe_finds_nothing_where_there_is_a_year_of_plays(opened: Opened, listening: Listening, route: str):
    year = httpx.get(f"{listening.http}/users/{ME}/statistics", timeout=60).json()["year"]
    page = opened(f"#/{route.format(year=year)}")
    expect(page.locator(".segue-insights h1")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("!document.querySelector('#segue-main .segue-bones')")
        for details in page.locator(".segue-insights details").all():
            details.evaluate("one => (one.open = true)")
        found = Axe().run(page, options=RULES).response["violations"]
        assert [one["id"] for one in found if one["id"] not in FRAME] == []
