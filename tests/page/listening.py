"""What a person does with the page, and what the service knows of it afterwards.

In: a page in a browser. Out: the same page a few clicks later; events from MongoDB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Page, expect

from infra.events import PlayEvent
from infra.models import UserId
from infra.store import Store
from tests.data.installed import wait_for

TRACKS = 18
SECONDS = 25
HOSTILE = '<img src=x onerror="window.ran=1">'
PATIENCE_MS = 90_000
"""A machine that is busy with other things plays and answers, if not at once."""
ME = UserId("me")


class Listening(NamedTuple):
    """Addresses of an installation that has music."""

    ui: str
    http: str
    store: Store


def history(listening: Listening, user: UserId = ME) -> list[PlayEvent]:
    return listening.store.plays.history(user, 1000)[0]


def stored(listening: Listening, true: Callable[[PlayEvent], bool], user: UserId = ME) -> PlayEvent:
    """The newest event in MongoDB for which `true` holds, once it is there."""
    return wait_for(lambda: next(filter(true, history(listening, user)), None), "the event in MongoDB")


def play_first(page: Page) -> str:
    """Play the first track of the list until it sounds; returns its id."""
    track = page.locator(".segue-track").first
    track.locator(".segue-title").click()
    at_least(page, 0.5)
    return str(track.get_attribute("data-id"))


def at_least(page: Page, seconds: float) -> None:
    page.wait_for_function("s => document.querySelector('#segue-audio').currentTime > s", arg=seconds)


def playing(page: Page) -> str:
    """The id of the track that is heard."""
    return str(page.locator("#segue-audio").get_attribute("data-track"))


def up_next(page: Page) -> list[str]:
    return page.locator("#segue-upnext .segue-next-item[data-id]").evaluate_all("items => items.map(i => i.dataset.id)")


def up_next_filled(page: Page) -> list[str]:
    """The ids of Up next once the recommender has answered."""
    expect(page.locator("#segue-upnext .segue-why").first).not_to_be_empty()
    return up_next(page)


def changed(page: Page, before: list[str]) -> list[str]:
    """Up next once it is not `before` any more."""
    page.wait_for_function(
        "b => [...document.querySelectorAll('.segue-next-item[data-id]')].map(i => i.dataset.id).join() !== b",
        arg=",".join(before),
    )
    return up_next(page)
