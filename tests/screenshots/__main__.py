"""The pictures in the README, from an installation that lives for as long as that takes: `make screenshots [MUSIC=DIR]`.

In: a folder with music; without one, the demo music. Out: a sheet for each view, the main picture and the recording in
`.github/screens/`; each picture as it was taken in `build/screens/`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from etl.demo.library import compose_library, demo_library
from tests.browser import chromium
from tests.data.installed import Installed
from tests.screenshots.installation import Service, live_in, told
from tests.screenshots.recording import record
from tests.screenshots.sheets import picture, save, sheet
from tests.screenshots.views import View, every_view

ROOT = Path(__file__).parents[2]
SCREENS, RAW = ROOT / ".github" / "screens", ROOT / "build" / "screens"
COMPOSED = 48
PATIENCE_MS = 60_000


def main() -> None:
    """Make everything anew."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--music", type=Path, help="a folder with music instead of the demo music")
    given = parser.parse_args()
    os.environ["SEGUE_RETRAIN_PLAYS"] = "0"  # when it trains is part of the story
    with tempfile.TemporaryDirectory() as scratch:
        installed = Installed(Path(scratch) / "home")
        music = given.music or demo(Path(scratch) / "music")
        try:
            status = installed.up()
            service = Service(status["http"])
            live_in(installed, service, music)
            take(installed, service, status["ui"])
        finally:
            installed.segue("down", check=False)


def demo(folder: Path) -> Path:
    """The demo music that `segue up --demo` makes, and composed pieces beside it."""
    demo_library(folder, told)
    compose_library(folder, told, COMPOSED)
    return folder


def take(installed: Installed, service: Service, ui: str) -> None:
    """All pictures of an installation that is up."""
    for folder in (SCREENS, RAW):
        folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        told("recording")
        page = opened(browser, ui)
        record(page, SCREENS / "listening.webp")
        page.context.close()
        page = opened(browser, ui, still=True)
        listen(page)
        save(picture(page), SCREENS / "page.webp")
        for view in every_view(service):
            shoot(page, view)
        installed.segue("user", "add", "me", "--admin")
        page = opened(browser, ui, still=True)
        page.locator("#segue-signin").wait_for()
        shoot(page, View("signin", "#/"))
        browser.close()


def opened(browser: Browser, ui: str, *, still: bool = False) -> Page:
    """The page in a browser that nobody has used before; `still`: nothing on it moves."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce" if still else "no-preference",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{ui}/#/")
    return page


def listen(page: Page) -> None:
    """Begin with what was played last, and skip it: what comes next has changed, and says why."""
    page.goto(page.url.split("#")[0] + "#/history")
    page.locator(".segue-line-play").first.click()
    page.wait_for_function("document.querySelector('#segue-audio')?.currentTime > 3")
    page.locator("#segue-next").click()
    page.locator("#segue-changed:not(:empty)").wait_for()
    page.wait_for_function("document.querySelector('#segue-audio').currentTime > 8")
    page.mouse.move(0, 0)
    page.goto(page.url.split("#")[0] + "#/")


def shoot(page: Page, view: View) -> None:
    """One sheet."""
    told(view.name)
    sheet(page, view, RAW, SCREENS / f"{view.name}.webp")


if __name__ == "__main__":
    main()
