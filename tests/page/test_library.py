"""The library as a listener goes through it: covers, pages, tables, searches."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from etl.demo.compose import STYLES
from tests.page.conftest import Opened
from tests.page.listening import HOSTILE, TRACKS, at_least, playing, up_next

ALBUMS = sorted(style.album for style in STYLES)


def titles(page: Page) -> list[str]:
    return page.locator("#segue-main .segue-track .segue-title").all_inner_texts()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_albums_are_covers_and_open_with_their_tracks(opened: Opened):
    page = opened("#/albums")
    expect(page.locator(".segue-card-title")).to_have_count(len(ALBUMS))
    page.wait_for_function(
        f"[...document.querySelectorAll('.segue-card img')].filter((i) => i.naturalWidth).length === {len(ALBUMS)}"
    )
    page.get_by_role("link", name="Porch Songs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Porch Songs")
    expect(page.locator("#segue-main .segue-track")).to_have_count(TRACKS // len(ALBUMS))
    expect(page.locator(".segue-facts")).to_contain_text("3 tracks")
    page.get_by_role("button", name="Play", exact=True).first.click()
    at_least(page, 0.3)
    assert playing(page) == page.locator("#segue-main .segue-track").first.get_attribute("data-id")
    page.locator(".segue-facts").get_by_role("link", name="The Lindens").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The Lindens")


def test_back_from_an_album_the_place_and_the_link_are_found_again(opened: Opened):
    page = opened("#/albums")
    page.set_viewport_size({"width": 800, "height": 500})
    link = page.get_by_role("link", name=ALBUMS[-1])
    link.focus()
    page.wait_for_function("scrollY > 0")
    page.wait_for_timeout(300)  # until it has come to rest
    there = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(ALBUMS[-1])
    page.go_back()
    expect(link).to_be_focused()
    page.wait_for_function("there => scrollY === there", arg=there)  # it is scrolled to in the next frame


def test_albums_are_ordered_and_filtered(opened: Opened):
    page = opened("#/albums")
    page.get_by_label("Order").select_option("title")
    expect(page.locator(".segue-card-title")).to_have_text(ALBUMS)
    page.get_by_label("Genre").select_option("Folk")
    expect(page.locator(".segue-card-title")).to_have_text(["Porch Songs"])
    page.reload()
    expect(page.locator(".segue-card-title")).to_have_text(["Porch Songs"])


def test_cards_are_walked_with_the_arrow_keys(opened: Opened):
    page = opened("#/albums?order=title")
    page.get_by_role("link", name=ALBUMS[0]).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("link", name=ALBUMS[1])).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(ALBUMS[0])


def test_an_artist_has_albums_and_tracks_and_a_radio(opened: Opened):
    page = opened("#/artists")
    expect(page.locator(".segue-card-title")).to_have_count(len(STYLES))
    page.get_by_role("link", name="Grindle").click()
    expect(page.locator(".segue-shelf .segue-card-title")).to_have_text(["Rust and Chrome"])
    theirs = page.locator("#segue-main .segue-track").evaluate_all("rows => rows.map(row => row.dataset.id)")
    page.get_by_role("button", name="Radio").click()
    at_least(page, 0.3)
    assert playing(page) in theirs


def test_the_table_is_sorted_by_its_heads(page: Page):
    page.get_by_role("columnheader", name="Title").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="Title")).to_have_attribute("aria-sort", "ascending")
    page.wait_for_function(
        "t => { const all = [...document.querySelectorAll('#segue-main .segue-track .segue-title')].map(e => e.textContent);"
        "return all.length === t && all.join() === [...all].sort((a, b) => a.localeCompare(b)).join() }",
        arg=TRACKS,
    )
    page.get_by_role("columnheader", name="Length").get_by_role("button").click()
    expect(page).to_have_url(re.compile("order=duration"))


def test_a_head_keeps_the_focus_and_turns_what_is_here_as_a_whole(page: Page):
    head = page.get_by_role("columnheader", name="Album")
    sort = head.get_by_role("button")
    sort.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#segue-main .segue-track")).to_have_count(TRACKS)
    expect(sort).to_be_focused()
    before = titles(page)
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert titles(page) == before[::-1]
    expect(sort).to_be_focused()


def test_a_row_is_played_and_placed_with_keys_alone(page: Page):
    page.locator("#segue-main .segue-track").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    assert focused(page).find(titles(page)[-1]) >= 0
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    at_least(page, 0.3)
    second = page.locator("#segue-main .segue-track").nth(1)
    expect(second).to_have_attribute("aria-current", "true")

    page.keyboard.press("End")
    last = page.locator("#segue-main .segue-track").last
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Play next").press("Enter")
    page.wait_for_function(
        "id => document.querySelector('.segue-next-item')?.dataset.id === id", arg=last.get_attribute("data-id")
    )
    expect(last).to_be_focused()


def test_the_menu_of_a_row_leads_to_its_album_artist_and_journey(page: Page):
    def choose(name: str) -> None:
        row = page.locator("#segue-main .segue-track", has_text="Porch Songs").first
        row.hover()
        row.locator(".segue-row-more").click()
        page.get_by_role("menuitem", name=name).click()

    choose("Go to album")
    expect(page.get_by_role("heading", level=1)).to_have_text("Porch Songs")
    page.go_back()
    choose("Go to artist")
    expect(page.get_by_role("heading", level=1)).to_have_text("The Lindens")
    page.go_back()
    choose("Journey to…")
    expect(page.get_by_role("combobox", name="To")).to_be_focused()


def test_a_journey_does_not_end_where_it_begins_and_can_be_turned_round(opened: Opened):
    page = opened("#/journey")
    choices = page.locator(".segue-picker-option .segue-title")
    page.get_by_role("combobox", name="From").press_sequentially("grindle")
    begins = choices.first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="To")).to_be_focused()
    page.keyboard.type("grindle")
    expect(choices.first).to_be_visible()
    assert begins not in choices.all_inner_texts()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Play the journey")).to_be_focused()
    page.get_by_role("button", name="Turn around").press("Enter")
    expect(page.locator(".segue-stop .segue-title").last).to_have_text(begins)
    expect(page.get_by_role("button", name="Turn around")).to_be_focused()


def test_a_menu_opens_again_as_soon_as_something_was_chosen_from_it(page: Page):
    row = page.locator("#segue-main .segue-track").first
    more = row.locator(".segue-row-more")
    row.hover()
    for _ in range(3):
        more.click()
        expect(page.get_by_role("menu")).to_be_visible(timeout=5_000)
        page.get_by_role("menuitem", name="Play next").click()
        expect(page.get_by_role("menu")).to_have_count(0)


def test_a_genre_has_its_albums_and_tracks(opened: Opened):
    page = opened("#/genres")
    expect(page.locator(".segue-genre-tile-name")).to_have_count(len(STYLES))
    page.get_by_role("link", name="Techno").click()
    expect(page.get_by_role("link", name="Night Circuits").first).to_be_visible()
    expect(page.locator("#segue-main .segue-track")).to_have_count(TRACKS // len(STYLES))


def test_the_search_finds_while_one_types_and_forgives(page: Page):
    search = page.get_by_role("searchbox")
    search.press_sequentially("rust and crome", delay=30)
    expect(page.get_by_role("heading", level=1)).to_have_text("Results for “rust and crome”")
    expect(page.locator(".segue-results .segue-card-title", has_text="Rust and Chrome")).to_be_visible()
    search.press("ArrowDown")
    expect(page.locator(".segue-results .segue-track").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(search).to_be_focused()
    search.press("ArrowDown")
    page.keyboard.press("Enter")
    at_least(page, 0.3)
    search.fill("zzzz qqqq")
    expect(page.locator(".segue-state-title")).to_have_text("Nothing for “zzzz qqqq”")


def test_an_answer_that_comes_late_does_not_replace_a_later_one(page: Page):
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/search?q=grindle*", hold)
    search = page.get_by_role("searchbox")
    search.fill("grindle")
    page.wait_for_function("location.hash.includes('grindle')")
    search.fill("lindens")
    shown = page.locator(".segue-results .segue-card-title", has_text="The Lindens")
    expect(shown).to_be_visible()
    for route in held:
        route.continue_()
    page.wait_for_timeout(500)
    expect(shown).to_be_visible()
    expect(page.locator(".segue-results .segue-card-title", has_text="Grindle")).to_have_count(0)


def test_markup_in_a_title_is_shown_and_not_run(page: Page):
    row = page.locator("#segue-main .segue-track", has_text="<img")
    expect(row.locator(".segue-title")).to_have_text(HOSTILE)
    row.hover()
    row.locator(".segue-row-more").click()
    page.get_by_role("menuitem", name="Add to playlist").click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    page.keyboard.press("Escape")
    page.goto(page.url.split("#")[0] + "#/search/img")
    expect(page.locator(".segue-results .segue-title", has_text="<img")).to_be_visible()
    assert page.evaluate("window.ran") is None


@pytest.mark.parametrize(
    ("route", "asked"),
    [
        ("albums", "albums?"),
        ("artists", "artists?"),
        ("tracks", "tracks?"),
        ("genres", "genres"),
        ("search/rust", "search?"),
    ],
)
def test_a_view_that_fails_says_so_and_can_be_asked_again(opened: Opened, route: str, asked: str):
    page = opened("#/history")
    page.route(lambda url: f"/api/{asked}" in url, lambda one: one.abort())
    page.evaluate("to => { location.hash = to }", f"#/{route}")
    failed = page.locator("#segue-main .segue-failure")
    expect(failed).to_contain_text("Segue does not answer")
    page.unroute_all()
    failed.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(0)
    expect(page.locator("#segue-main").locator(".segue-track, .segue-card, .segue-genre-tile").first).to_be_visible()


def test_up_next_goes_on_after_the_album(opened: Opened):
    page = opened("#/albums?order=title")
    page.get_by_role("link", name=ALBUMS[0]).click()
    rows = page.locator("#segue-main .segue-track")
    rows.first.locator(".segue-title").click()
    at_least(page, 0.3)
    rest = rows.evaluate_all("rows => rows.map(row => row.dataset.id)")[1:]
    page.wait_for_function("n => document.querySelectorAll('.segue-next-item[data-id]').length > n", arg=len(rest))
    assert up_next(page)[: len(rest)] == rest


@pytest.mark.parametrize("address", ["#/", "#/albums", "#/artists"])
def test_the_button_on_a_card_plays_and_leaves_one_where_one_is(opened: Opened, address: str):
    page = opened(address)
    card = page.locator("#segue-main .segue-card").first
    card.hover()
    card.locator(".segue-card-play").click()
    at_least(page, 0.3)
    assert page.evaluate("location.hash") == address
