"""The player as a person uses it: sound that really plays, and what becomes a play event."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from playwright.sync_api import APIResponse, BrowserContext, Page, Response, Route, expect

from tests.data.installed import wait_for
from tests.page.conftest import Opened
from tests.page.listening import (
    HOSTILE,
    SECONDS,
    Listening,
    at_least,
    history,
    play_first,
    playing,
    stored,
    up_next,
    up_next_filled,
)

AWAY = re.compile(r"/api/plays\?")
WAITING = (
    "Object.keys(localStorage).filter(k => k.startsWith('segue.outbox.me.')).map(k => JSON.parse(localStorage[k]))"
)


def test_a_click_in_the_library_plays_by_range(page: Page):
    audio: list[Response] = []
    page.on("response", lambda answer: audio.append(answer) if answer.url.endswith("/audio") else None)
    track = play_first(page)

    assert any(answer.status == 206 and track in answer.url for answer in audio)
    expect(page.locator("#segue-title")).not_to_be_empty()
    expect(page.locator(".segue-track.segue-current")).to_have_attribute("data-id", track)
    expect(page.locator("#segue-play")).to_have_attribute("aria-label", "Pause")


def test_one_click_on_play_is_music(opened: Opened):
    page = opened("#/")
    first = up_next_filled(page)[0]
    page.locator("#segue-play").click()
    at_least(page, 0.5)
    assert playing(page) == first


def test_the_next_track_is_there_before_it_is_asked_for(page: Page):
    play_first(page)
    following = up_next_filled(page)[0]
    page.wait_for_function(
        "id => (a => a.dataset.track === id && a.readyState === 4)(document.querySelector('#segue-audio-ahead'))",
        arg=following,
    )
    waited = page.evaluate("""() => new Promise((answer) => {
        const began = performance.now();
        const ahead = document.querySelector('#segue-audio-ahead');
        ahead.addEventListener('playing', () => answer(performance.now() - began), { once: true });
        document.querySelector('#segue-next').click();
    })""")
    assert playing(page) == following
    assert waited < 300


def test_the_end_of_a_track_is_the_beginning_of_the_next(page: Page, listening: Listening):
    track = play_first(page)
    following = up_next_filled(page)[0]
    page.evaluate("""() => {
        const [heard, ahead] = ['', '-ahead'].map((name) => document.querySelector(`#segue-audio${name}`));
        heard.addEventListener('ended', () => (window.endedAt = performance.now()));
        ahead.addEventListener('playing', () => {
            window.left = heard.duration - heard.currentTime;
            window.gap = performance.now() - (window.endedAt ?? performance.now());
        }, { once: true });
    }""")
    page.locator("#segue-seek").fill("930")
    page.wait_for_function("id => document.querySelector('#segue-audio').dataset.track === id", arg=following)
    at_least(page, 0.3)

    finished = stored(listening, lambda e: e.kind == "finished" and e.track == track)
    assert finished.position_ms >= finished.duration_ms - 500
    assert page.evaluate("window.left") < 0.3
    assert page.evaluate("window.gap") < 250


def test_going_on_is_kept_with_its_position(page: Page, listening: Listening):
    track = play_first(page)
    page.locator("#segue-next").click()

    skipped = stored(listening, lambda e: e.kind == "skipped" and e.track == track)
    assert 400 <= skipped.position_ms < skipped.duration_ms
    assert skipped.client == "segue-page"
    assert not skipped.private


def test_like_and_dislike_are_shown_and_kept_and_taken_back(page: Page, listening: Listening):
    track = play_first(page)
    like = page.locator("#segue-like")
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    stored(listening, lambda e: e.kind == "liked" and e.track == track)
    like.click()
    expect(like).to_have_attribute("aria-pressed", "false")

    page.locator("#segue-dislike").click()
    stored(listening, lambda e: e.kind == "disliked" and e.track == track)
    page.wait_for_function("id => document.querySelector('#segue-audio').dataset.track !== id", arg=track)
    assert track not in up_next(page)
    page.locator("#segue-previous").click()
    expect(page.locator("#segue-dislike")).to_have_attribute("aria-pressed", "true")
    page.locator("#segue-dislike").click()
    expect(page.locator("#segue-dislike")).to_have_attribute("aria-pressed", "false")


def test_not_now_goes_on_without_counting_as_a_skip(page: Page, listening: Listening):
    track = play_first(page)
    page.locator("#segue-notnow").click()
    at_least(page, 0.3)
    assert playing(page) != track
    stored(listening, lambda e: e.kind == "progress" and e.track == track)
    page.reload()
    assert track not in up_next_filled(page)


def test_all_of_the_player_answers_to_keys(page: Page, listening: Listening):
    track = play_first(page)
    page.locator("#segue-main").focus()
    page.keyboard.press("Space")
    assert page.evaluate("document.querySelector('#segue-audio').paused")
    page.keyboard.press("ArrowRight")
    at_least(page, 9)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('#segue-audio').currentTime < 3")
    before = page.evaluate("document.querySelector('#segue-audio').volume")
    page.keyboard.press("Shift+ArrowDown")
    assert page.evaluate("document.querySelector('#segue-audio').volume") < before
    page.keyboard.press("m")
    assert page.evaluate("document.querySelector('#segue-audio').muted")
    page.keyboard.press("n")
    stored(listening, lambda e: e.kind == "skipped" and e.track == track)
    page.keyboard.press("p")
    page.wait_for_function("id => document.querySelector('#segue-audio').dataset.track === id", arg=track)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile("#/albums$"))


def test_place_queue_and_volume_outlive_a_reload_in_silence(page: Page):
    track = play_first(page)
    page.locator("#segue-seek").fill("400")
    at_least(page, SECONDS * 0.4)
    page.locator("#segue-volume").fill("40")
    following = up_next_filled(page)
    page.reload()

    page.wait_for_function("id => document.querySelector('#segue-audio')?.dataset.track === id", arg=track)
    at_least(page, SECONDS * 0.39)
    assert page.evaluate("document.querySelector('#segue-audio').paused")
    assert up_next(page)[:3] == following[:3]
    expect(page.locator("#segue-volume")).to_have_value("40")
    page.locator("#segue-play").click()
    page.wait_for_function("!document.querySelector('#segue-audio').paused")
    assert page.evaluate("document.querySelector('#segue-audio').currentTime") >= SECONDS * 0.39


def test_loud_tracks_are_turned_down(page: Page):
    play_first(page)
    loudness = page.evaluate(
        "fetch('api/tracks').then(a => a.json()).then(a => Object.fromEntries(a.items.map(t => [t.id, t.loudness_lufs])))"
    )
    wanted = min(1.0, 10 ** ((-18 - loudness[playing(page)]) / 20))
    heard = page.evaluate("document.querySelector('#segue-audio').volume")
    assert wanted < 1
    assert abs(heard - wanted) < 0.02
    page.locator(".segue-header .segue-icon").click()
    page.get_by_role("menuitemcheckbox", name="Even volume").click()
    assert page.evaluate("document.querySelector('#segue-audio').volume") == 1


def test_the_keys_of_the_keyboard_and_the_lock_screen_know_what_plays(page: Page):
    play_first(page)
    told = page.evaluate("""(({ metadata: m, playbackState }) => ({ title: m.title, artist: m.artist, art: m.artwork.length, playbackState }))
        (navigator.mediaSession)""")
    assert told["title"] == page.locator("#segue-title").inner_text()
    assert (told["art"], told["playbackState"]) == (1, "playing")


def test_events_wait_while_the_service_is_away_and_count_once(page: Page, listening: Listening):
    play_first(page)
    page.route(AWAY, lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: AWAY.search(request.url) is not None):
        page.locator("#segue-like").click()
    waiting = page.evaluate(WAITING)
    assert "liked" in {event["kind"] for event in waiting}
    page.unroute(AWAY)
    page.reload()
    for event in waiting:
        stored(listening, lambda e, event=event: str(e.event_id) == event["event_id"])
    page.wait_for_function(f"{WAITING}.length === 0")
    ids = [e.event_id for e in history(listening)]
    assert len(ids) == len(set(ids))


def test_closing_the_tab_tells_how_far_it_got(page: Page, listening: Listening):
    track = play_first(page)
    page.goto("about:blank")
    stored(listening, lambda e: e.kind == "progress" and e.track == track and e.position_ms >= 500)


def test_two_tabs_share_one_listening_and_send_each_event_once(opened: Opened):
    one, other = opened(), opened()
    posted: list[str] = []
    for tab in (one, other):
        tab.on(
            "request",
            lambda r: posted.extend(e["event_id"] for e in json.loads(r.post_data)) if AWAY.search(r.url) else None,
        )
    play_first(one)
    play_first(other)
    one.wait_for_function("document.querySelector('#segue-audio').paused")
    one.locator("#segue-next").click()
    other.wait_for_function("document.querySelector('#segue-audio').paused")
    one.wait_for_timeout(5000)
    one.wait_for_function(f"{WAITING}.length === 0")
    assert posted
    assert len(posted) == len(set(posted))


def test_private_listening_is_seen_in_the_bar_and_in_the_events(page: Page, listening: Listening):
    began = datetime.now(UTC)
    page.keyboard.press("i")
    expect(page.locator(".segue-bar .segue-private")).to_be_visible()
    track = play_first(page)
    assert stored(listening, lambda e: e.kind == "started" and e.track == track and e.at > began).private
    page.locator(".segue-bar .segue-private").click()
    expect(page.locator(".segue-bar .segue-private")).to_be_hidden()
    page.locator("#segue-next").click()
    assert not stored(listening, lambda e: e.kind == "skipped" and e.track == track and e.at > began).private


def test_a_track_that_cannot_be_played_is_told_and_passed_over(opened: Opened, context: BrowserContext):
    broken: set[str] = set()

    def answer(route: Route) -> None:
        """The first track that is asked for is not there."""
        if not broken:
            broken.add(route.request.url)
        if route.request.url in broken:
            route.fulfill(status=404)
        else:
            route.continue_()

    context.route(re.compile("/audio"), answer)
    page = opened("#/tracks")
    first = up_next_filled(page)[0]
    page.locator("#segue-play").click()
    expect(page.locator(".segue-toast", has_text="cannot be played")).to_be_visible()
    at_least(page, 0.3)
    assert first in broken.pop()
    assert playing(page) != first


def test_a_title_with_markup_is_shown_as_text(page: Page):
    page.locator(".segue-track", has_text="<img").locator(".segue-title").click()
    expect(page.locator("#segue-title")).to_have_text(HOSTILE)
    at_least(page, 0.3)
    assert page.locator(".segue-title img").count() == 0
    assert page.evaluate("window.ran") is None


def test_a_double_click_plays(page: Page):
    track = page.locator(".segue-track").nth(2)
    track.locator(".segue-title").dblclick()
    at_least(page, 0.5)
    assert playing(page) == track.get_attribute("data-id")
    assert not page.evaluate("document.querySelector('#segue-audio').paused")


def test_the_way_back_is_the_way_on(page: Page, listening: Listening):
    began, heard = datetime.now(UTC), [play_first(page)]
    for _ in range(2):
        up_next_filled(page)
        page.locator("#segue-next").click()
        at_least(page, 0.3)
        heard.append(playing(page))
    for track in (heard[1], heard[0]):
        page.locator("#segue-previous").click()
        page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track === t", arg=track)
        at_least(page, 0.2)
    stored(listening, lambda e: e.kind == "started" and e.track == heard[0])
    for track in heard[1:]:
        page.locator("#segue-next").click()
        page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track === t", arg=track)
    skipped = [e.track for e in history(listening) if e.kind == "skipped" and e.at >= began]
    assert heard[2] not in skipped


def test_a_radio_from_what_is_paused_sounds(page: Page):
    track = play_first(page)
    page.locator("#segue-play").click()
    page.locator(".segue-bar-more").first.click()
    page.get_by_role("menuitem", name="Start radio", exact=True).click()
    page.wait_for_function("!document.querySelector('#segue-audio').paused")
    assert playing(page) == track


def test_from_what_plays_one_gets_to_its_album_and_artist(page: Page):
    play_first(page)
    title, artist = (page.locator(f"#segue-{name}").inner_text() for name in ("title", "artist"))
    page.locator("#segue-title a").click()
    expect(page.locator(".segue-masthead-title")).to_be_visible()
    expect(page.locator("#segue-main .segue-track .segue-title").filter(has_text=title)).not_to_have_count(0)
    page.locator("#segue-artist a").click()
    expect(page.locator(".segue-masthead-title")).to_have_text(artist)


def test_a_dislike_by_key_can_be_taken_back_and_the_track_comes_back(page: Page, listening: Listening):
    track = play_first(page)
    up_next_filled(page)
    page.locator("#segue-main").focus()
    page.keyboard.press("d")
    page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track !== t", arg=track)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track === t", arg=track)
    opinions = f"{listening.http}/users/me/opinions"
    wait_for(lambda: httpx.get(opinions, timeout=30).json()["disliked"] == [], "no dislike is left")


def test_single_letters_do_nothing_for_who_does_not_want_them(page: Page):
    play_first(page)
    page.locator(".segue-header .segue-icon").click()
    page.get_by_role("menuitemcheckbox", name="Single letters as shortcuts").click()
    page.locator("#segue-main").focus()
    page.keyboard.press("m")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('#segue-audio').paused")
    assert not page.evaluate("document.querySelector('#segue-audio').muted")


def test_a_like_is_seen_in_another_tab(page: Page, opened: Opened):
    play_first(page)
    other = opened("#/tracks")
    page.locator("#segue-like").click()
    expect(other.locator(".segue-track .segue-row-like[aria-pressed=true]")).to_have_count(1)


def test_a_tab_that_was_just_asking_for_opinions_does_not_lose_a_like(page: Page, opened: Opened, listening: Listening):
    track = play_first(page)
    held: list[tuple[Route, APIResponse]] = []
    page.context.route("**/api/me/opinions", lambda route: held.append((route, route.fetch())), times=1)
    other = opened("#/tracks")
    wait_until(page, lambda: held)
    page.locator("#segue-like").click()
    stored(listening, lambda e: e.kind == "liked" and e.track == track)
    page.wait_for_function("!Object.keys(localStorage).some(k => k.startsWith('segue.outbox.me.'))")
    ((route, answer),) = held
    assert answer.json()["liked"] == []
    with other.expect_response("**/api/me/opinions"):
        route.fulfill(response=answer)
    expect(other.locator(".segue-track .segue-row-like[aria-pressed=true]")).to_have_count(1)
    expect(page.locator("#segue-like")).to_have_attribute("aria-pressed", "true")


def wait_until(page: Page, true: Callable[[], object]) -> None:
    """Playwright hears of requests only while it is asked something."""
    while not true():
        page.wait_for_timeout(50)
