"""Every view of the page, with something in it.

In: the HTTP API of an installation that was lived in. Out: for each picture its name, the address of the view, what is opened
in it, and how much of it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from playwright.sync_api import Page

from tests.screenshots.installation import Service
from tests.screenshots.year import ME

__all__ = ["View", "every_view"]

LOW, HIGH = 480, 720
"""How high a view's pictures are in its sheet, in pixels."""
DRAWN = "document.querySelector('#segue-chart-{} svg.marks [aria-roledescription]')"


def nothing(page: Page) -> None:
    """The view is shown as it opens."""


class View(NamedTuple):
    """A view in its sheet."""

    name: str
    address: str
    ready: Callable[[Page], None] = nothing
    """What is done, at each width, before the picture is taken."""
    height: int = LOW


def every_view(service: Service) -> list[View]:
    """All views that the router knows, then what opens over them."""
    album = max(
        service.get("/albums", limit=200)["items"], key=lambda one: (one["cover_track"] is not None, one["n_tracks"])
    )
    artist = next(one for one in service.get("/artists", limit=200)["items"] if one["name"] == album["artist"])
    named = [one for one in service.get("/genres")["items"] if one["name"]]
    largest = sorted(named, key=lambda one: one["n_tracks"])[-1:]
    return [
        View("home", "#/"),
        View("albums", "#/albums"),
        View("album", f"#/albums/{album['id']}"),
        View("artists", "#/artists"),
        View("artist", f"#/artists/{artist['id']}"),
        View("tracks", "#/tracks"),
        View("genres", "#/genres"),
        *(View("genre", f"#/genres/{quote(one['name'], safe='')}") for one in largest),
        View("search", f"#/search/{quote(album['title'].split()[0].lower())}"),
        *_kept(service),
        *_found(service),
        *_known(service),
        View("work", "#/work"),
        View("player", "#/", _player),
        View("upnext", "#/albums", _upnext),
        View("settings", "#/albums", _settings),
    ]


def _kept(service: Service) -> list[View]:
    """What the listener has kept, and what was kept for them."""
    mine = service.get(f"/users/{ME}/playlists")["items"]
    mixes = service.get(f"/users/{ME}/mixes")["items"]
    return [
        View("playlists", "#/playlists"),
        View("playlist", f"#/playlists/{mine[0]['id']}"),
        View("mix", f"#/mixes/{quote(mixes[0]['id'])}"),
        View("favourites", "#/favourites"),
        View("history", "#/history"),
    ]


def _found(service: Service) -> list[View]:
    """Ways through the music: from the first track on the map to the one that is farthest from it."""
    shown = service.get(f"/users/{ME}/map")
    begin = complex(shown["x"][0], shown["y"][0])
    end = max(range(len(shown["ids"])), key=lambda n: abs(complex(shown["x"][n], shown["y"][n]) - begin))
    return [
        View("journey", f"#/journey?from={shown['ids'][0]}&to={shown['ids'][end]}&n=9"),
        View("map", "#/map", _dot, HIGH),
    ]


def _known(service: Service) -> list[View]:
    """What is known of the listener; the year is the one with most in it."""
    years = service.get(f"/users/{ME}/statistics")["years"]
    year = max(years, key=lambda one: float(service.get(f"/users/{ME}/statistics", year=one)["ms"]))
    return [
        View("taste", "#/taste", _plot("hours"), HIGH),
        View("pictures", f"#/pictures?year={year}", _plot("months"), HIGH),
        View("review", f"#/pictures/{year}", height=HIGH),
    ]


def _plot(name: str) -> Callable[[Page], None]:
    def drawn(page: Page) -> None:
        page.wait_for_function(DRAWN.format(name))

    return drawn


def _dot(page: Page) -> None:
    """Choose the dot in the middle."""
    if page.locator(".segue-chosen").count():
        return
    page.locator(".segue-map-stage").focus()
    page.keyboard.press("ArrowRight")
    page.locator(".segue-chosen .segue-title").wait_for()
    page.evaluate("document.activeElement?.blur()")


def _player(page: Page) -> None:
    if not page.locator(".segue-sheet[open]").count():
        page.locator("#segue-expand").click()


def _upnext(page: Page) -> None:
    panel = page.locator("#segue-aside")
    if panel.get_attribute("inert") is None:
        return
    opener = page.locator("#segue-queue:visible, .segue-tabs button:visible")
    opener.first.click()


def _settings(page: Page) -> None:
    if not page.get_by_role("menu").count():
        page.locator(".segue-header .segue-icon").last.click()
