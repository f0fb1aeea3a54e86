"""Up next as a person uses it: it says why, it changes with what one does, and it goes where one puts it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import Opened
from tests.page.listening import (
    TRACKS,
    Listening,
    at_least,
    changed,
    play_first,
    playing,
    stored,
    up_next,
    up_next_filled,
)

SENTENCE = re.compile(
    r"Often heard with|Goes with|Sounds like|Played most|New in|Nobody has|A step|Also on|A little|A short|One to|Off your|.+, for a change"
)


def row(page: Page, track: str) -> Locator:
    return page.locator(f"#segue-upnext .segue-next-item[data-id='{track}']")


def choose(page: Page, track: str, name: str) -> None:
    """An entry of the menu of this item."""
    row(page, track).hover()
    row(page, track).locator(".segue-row-more").click()
    page.get_by_role("menuitem", name=name, exact=True).click()


@pytest.fixture
def playlist(opened: Opened, listening: Listening) -> Iterator[Page]:
    """A list of everything, as a playlist."""
    http = httpx.Client(base_url=listening.http, timeout=30)
    tracks = [track["id"] for track in http.get("/tracks?order=title").json()["items"]]
    made = http.post("/users/me/playlists", json={"name": "Everything", "tracks": tracks}).json()
    page = opened(f"#/playlists/{made['id']}")
    expect(page.locator(".segue-track")).to_have_count(TRACKS)
    yield page
    http.delete(f"/users/me/playlists/{made['id']}")
    http.close()


def artists(page: Page) -> list[str]:
    return page.locator("#segue-upnext .segue-next-item[data-id] .segue-artist").all_inner_texts()


def test_each_item_says_why_in_a_sentence(page: Page):
    play_first(page)
    up_next_filled(page)
    reasons = page.locator("#segue-upnext .segue-why").all_inner_texts()
    for reason in filter(None, reasons):
        assert SENTENCE.match(reason), reason
    assert len({*reasons}) > 2


def test_a_skip_changes_what_is_next_and_says_how(page: Page, listening: Listening):
    track = play_first(page)
    title = page.locator("#segue-title").inner_text()
    before = up_next_filled(page)
    page.locator("#segue-next").click()
    stored(listening, lambda e: e.kind == "skipped" and e.track == track)

    changed(page, before[1:])
    assert playing(page) == before[0]
    expect(page.locator("#segue-changed")).to_contain_text(f"after you skipped {title}")
    assert page.locator("#segue-changed").get_attribute("role") == "status"


def test_what_comes_and_what_leaves_can_be_seen_unless_one_wants_no_motion(page: Page):
    moving = """() => new Promise((answer) => {
        const seen = [];
        const list = document.querySelector('#segue-upnext');
        new MutationObserver(() => seen.push(list.getAnimations({ subtree: true }).length)).observe(list, { childList: true });
        document.querySelector('#segue-next').click();
        setTimeout(() => answer(Math.max(0, ...seen)), 1500);
    })"""
    play_first(page)
    up_next_filled(page)
    assert page.evaluate(moving) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


def test_it_never_runs_dry_and_repeats_nothing_while_there_is_something_else(page: Page):
    heard = [play_first(page)]
    for _ in range(TRACKS - 2):
        up_next_filled(page)
        page.locator("#segue-next").click()
        page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track !== t", arg=heard[-1])
        at_least(page, 0.05)
        heard.append(playing(page))
    assert len(set(heard)) == len(heard)
    for _ in range(4):
        page.locator("#segue-next").click()
        at_least(page, 0.05)
    assert up_next_filled(page)


def test_no_artist_comes_twice_in_a_row_where_others_are_left(page: Page):
    play_first(page)
    up_next_filled(page)
    following = artists(page)[:6]
    assert all(one != other for one, other in pairwise(following))


def test_an_item_is_dragged_to_another_place_and_stays_there(page: Page):
    play_first(page)
    before = up_next_filled(page)
    grip = row(page, before[3]).locator(".segue-grip")
    row(page, before[3]).hover()
    start, end = grip.bounding_box(), row(page, before[0]).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 5, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, end["y"] + 30, steps=8)
    page.mouse.move(start["x"] + 5, end["y"] + 5, steps=4)
    page.mouse.up()
    assert up_next(page)[:2] == [before[3], before[0]]
    page.locator("#segue-like").click()
    expect(page.locator("#segue-changed")).to_contain_text("after you liked")
    assert up_next(page)[0] == before[3]


def test_an_item_is_moved_by_keys_and_by_its_menu(page: Page):
    play_first(page)
    before = up_next_filled(page)
    row(page, before[1]).locator(".segue-grip").focus()
    page.keyboard.press("ArrowUp")
    assert up_next(page)[:2] == [before[1], before[0]]
    expect(page.locator("#segue-aside .segue-unseen")).to_contain_text("is now number 1")
    expect(row(page, before[1]).locator(".segue-grip")).to_be_focused()
    choose(page, before[1], "Move down")
    assert up_next(page)[:2] == before[:2]
    choose(page, before[4], "Play next")
    assert up_next(page)[0] == before[4]


def test_an_item_is_removed_and_brought_back(page: Page):
    play_first(page)
    before = up_next_filled(page)
    choose(page, before[1], "Remove")
    expect(row(page, before[1])).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    assert up_next(page)[:3] == before[:3]
    choose(page, before[0], "Remove")
    page.locator("#segue-like").click()
    expect(page.locator("#segue-changed")).to_contain_text("after you liked")
    assert before[0] not in up_next(page)


def test_more_and_less_steer_and_are_shown_until_taken_back(page: Page):
    play_first(page)
    before = up_next_filled(page)
    choose(page, before[0], "More like this")
    chips = page.locator(".segue-steer")
    expect(chips).to_have_count(1)
    expect(chips).to_contain_text("More like")
    expect(page.locator("#segue-changed")).to_contain_text("for more like")
    target = up_next(page)[1]
    choose(page, target, "Less like this")
    expect(chips).to_have_count(2)
    expect(row(page, target)).to_have_count(0)
    chips.first.get_by_role("button").click()
    expect(chips).to_have_count(1)


def test_with_keys_alone_the_focus_goes_on_to_what_is_in_that_place(page: Page):
    play_first(page)
    before = up_next_filled(page)
    row(page, before[1]).locator(".segue-row-more").press("Enter")
    page.get_by_role("menuitem", name="Remove", exact=True).press("Enter")
    expect(row(page, before[2]).locator(".segue-row-more")).to_be_focused()
    page.locator(".segue-toast").get_by_role("button", name="Undo").press("Enter")
    expect(row(page, before[1])).to_have_count(1)
    expect(row(page, before[2]).locator(".segue-row-more")).to_be_focused()
    row(page, before[2]).locator(".segue-row").press("Enter")
    expect(row(page, before[2])).to_have_count(0)
    expect(page.locator("#segue-upnext .segue-row:focus")).to_have_count(1)


def test_a_wish_that_is_taken_back_with_keys_leaves_the_focus_in_up_next(page: Page):
    play_first(page)
    chips = page.locator(".segue-steer")
    for n, track in enumerate(up_next_filled(page)[:2]):
        choose(page, track, "More like this")
        expect(chips).to_have_count(n + 1)
    chips.first.get_by_role("button").press("Enter")
    expect(chips).to_have_count(1)
    expect(chips.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(chips).to_have_count(0)
    expect(page.locator("#segue-aside")).to_be_focused()


def test_never_again_is_a_dislike_and_can_be_undone(page: Page, listening: Listening):
    play_first(page)
    track = up_next_filled(page)[0]
    choose(page, track, "Never again")
    expect(row(page, track)).to_have_count(0)
    stored(listening, lambda e: e.kind == "disliked" and e.track == track)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"fetch('api/me/opinions').then(a => a.text()).then(a => !a.includes('{track}'))")


def test_not_now_rests_until_tomorrow(page: Page):
    play_first(page)
    track = up_next_filled(page)[0]
    choose(page, track, "Not now")
    expect(row(page, track)).to_have_count(0)
    page.reload()
    assert track not in up_next_filled(page)


def test_a_radio_has_a_name_and_an_end(page: Page):
    play_first(page)
    track = up_next_filled(page)[1]
    title = row(page, track).locator(".segue-title").inner_text()
    choose(page, track, "Start radio")
    expect(page.locator(".segue-steer")).to_contain_text(f"Radio: {title}")
    page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track === t", arg=track)
    up_next_filled(page)
    page.get_by_role("button", name="End radio").click()
    expect(page.locator(".segue-steer")).to_have_count(0)


def test_a_list_is_played_to_its_end_and_then_the_recommender_goes_on(playlist: Page):
    rows = playlist.locator(".segue-track .segue-title").all_inner_texts()
    playlist.locator(".segue-track .segue-title").nth(len(rows) - 3).click()
    expect(playlist.locator(".segue-divider").first).to_contain_text("Next from")
    titles = playlist.locator("#segue-upnext .segue-next-item .segue-title")
    expect(playlist.locator(".segue-divider")).to_have_count(2)
    assert titles.all_inner_texts()[:2] == rows[-2:]
    assert titles.count() > 2
    playlist.locator("#segue-previous").click()
    expect(playlist.locator("#segue-title")).to_have_text(rows[-4])


@pytest.mark.parametrize("times", [1, 2])
def test_repeat_goes_round_the_list_or_the_track(playlist: Page, times: int):
    rows = playlist.locator(".segue-track .segue-title").all_inner_texts()
    last = playlist.locator(".segue-track .segue-title").last
    last.click()
    at_least(playlist, 0.3)
    for _ in range(times):
        playlist.locator("#segue-repeat").click()
    playlist.locator("#segue-seek").fill("950")
    playlist.wait_for_function("document.querySelector('#segue-audio').currentTime < 5")
    at_least(playlist, 0.2)
    expect(playlist.locator("#segue-title")).to_have_text(rows[0] if times == 1 else rows[-1])


def test_shuffle_mixes_the_rest_of_the_list_and_puts_it_back(playlist: Page):
    playlist.locator(".segue-track .segue-title").first.click()
    expect(playlist.locator(".segue-divider").first).to_contain_text("Next from")
    before = up_next(playlist)[: TRACKS - 1]
    playlist.locator("#segue-shuffle").click()
    mixed = up_next(playlist)[: TRACKS - 1]
    assert mixed != before
    assert sorted(mixed) == sorted(before)
    playlist.locator("#segue-shuffle").click()
    assert up_next(playlist)[: TRACKS - 1] == before


def test_on_a_phone_it_is_a_drawer(opened: Opened):
    page = opened("#/")
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.locator("#segue-aside")).to_be_hidden()
    page.locator(".segue-tabs").get_by_role("button", name="Up next").click()
    expect(page.locator("#segue-upnext .segue-next-item").first).to_be_visible()
    expect(page.get_by_role("button", name="Close Up next")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#segue-aside")).to_be_hidden()


def test_a_double_click_plays_that_track_and_not_the_one_after_it(page: Page):
    play_first(page)
    third = up_next_filled(page)[2]
    row(page, third).locator(".segue-row").dblclick()
    page.wait_for_function("t => document.querySelector('#segue-audio').dataset.track === t", arg=third)
    at_least(page, 0.3)
    assert playing(page) == third


def test_what_is_never_to_be_played_again_comes_back_where_it_was_or_is_left_out_of_its_list(playlist: Page):
    page = playlist
    play_all = page.locator("#segue-main").get_by_role("button", name="Play", exact=True)
    play_all.click()
    at_least(page, 0.3)
    expect(page.locator("#segue-upnext .segue-divider").first).to_have_text("Next from Everything")
    before = up_next(page)
    choose(page, before[2], "Never again")
    expect(row(page, before[2])).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row(page, before[2])).to_have_count(1)
    assert up_next(page)[2] == before[2]

    choose(page, before[2], "Never again")
    expect(row(page, before[2])).to_have_count(0)
    page.locator("#segue-next").click()
    play_all.click()
    expect(row(page, before[0])).to_have_count(1)
    expect(row(page, before[2])).to_have_count(0)
