"""A short recording of the page in use, with a pointer that shows where one clicks.

In: a page at its beginning, nothing playing. Out: an animated WebP.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

__all__ = ["record"]

SCREEN, SHOWN = (1200, 750), (960, 600)
"""What the page is given, so that Up next stands beside the view, and what is shown of it."""
FRAMES_A_S = 6
LARGEST = 1_900_000
QUALITIES = (60, 50, 40, 30, 20)

# Above menus and dialogs, too: what was put on the top layer last lies highest.
POINTER = """() => {
  const dot = document.createElement('div');
  dot.popover = 'manual';
  Object.assign(dot.style, {
    position: 'fixed', inset: '0 auto auto 0', margin: '-11px', width: '22px', height: '22px', padding: '0', borderRadius: '50%',
    background: '#e0452f99', border: '2px solid #fff', boxShadow: '0 1px 5px #0008', pointerEvents: 'none',
  });
  document.body.append(dot);
  addEventListener('pointermove', ({ clientX, clientY }) => {
    dot.style.translate = `${clientX}px ${clientY}px`;
    dot.hidePopover();
    dot.showPopover();
  }, true);
  for (const [name, scale] of [['pointerdown', 0.7], ['pointerup', 1]]) addEventListener(name, () => (dot.style.scale = scale), true);
}"""


class Film:
    """Pictures of a page, each shown as long as it took until the next."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._at = (SCREEN[0] / 2, SCREEN[1] / 2)
        self._pictures: list[Image.Image] = []
        self._taken: list[float] = []

    def roll(self, seconds: float) -> None:
        """Take pictures for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._taken.append(time.monotonic())
            shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
            self._pictures.append(shot.resize(SHOWN, Image.Resampling.LANCZOS))
            self.page.wait_for_timeout(max(0.0, self._taken[-1] + 1 / FRAMES_A_S - time.monotonic()) * 1000)

    def click(self, target: Locator, seconds: float) -> None:
        """Go there, click, and see for so long what comes of it."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box is not None
        self._move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.roll(1 / FRAMES_A_S)
        self.page.mouse.up()
        self.roll(seconds)

    def save(self, to: Path) -> None:
        """Write the recording, as good as its bytes allow."""
        first, *others = self._pictures
        ends = [*self._taken[1:], self._taken[-1] + 1.5]
        shown_ms = [round(1000 * (end - begin)) for begin, end in zip(self._taken, ends, strict=True)]
        for quality in QUALITIES:
            first.save(to, save_all=True, append_images=others, duration=shown_ms, loop=0, quality=quality, method=4)
            if to.stat().st_size <= LARGEST:
                return

    def _move(self, x: float, y: float) -> None:
        from_x, from_y = self._at
        for part in (0.4, 0.9, 1.0):
            self.page.mouse.move(from_x + (x - from_x) * part, from_y + (y - from_y) * part)
            self.roll(1 / FRAMES_A_S)
        self._at = (x, y)


def record(page: Page, to: Path) -> None:
    """One click to music; a skip, a wish and a like, and what follows from each; then the map."""
    page.set_viewport_size({"width": SCREEN[0], "height": SCREEN[1]})
    page.emulate_media(color_scheme="light")
    page.locator(".segue-home-recent .segue-track").first.wait_for()
    page.evaluate(POINTER)
    film = Film(page)
    for act in (_listen, _steer, _look_around):
        act(film)
    film.save(to)


def _listen(film: Film) -> None:
    page = film.page
    film.roll(0.8)
    film.click(page.locator("#segue-play"), 2)
    film.click(page.locator("#segue-next"), 2.4)
    while page.locator("#segue-like").get_attribute("aria-pressed") == "true":  # a like is to be seen
        film.click(page.locator("#segue-next"), 1.5)


def _steer(film: Film) -> None:
    page = film.page
    film.click(page.locator("#segue-upnext .segue-row-more").nth(2), 0.5)
    film.click(page.get_by_role("menuitem", name="More like this"), 2.4)
    film.click(page.locator("#segue-like"), 1.2)


def _look_around(film: Film) -> None:
    page = film.page
    film.click(page.locator(".segue-nav").get_by_role("link", name="Map of the music"), 1.2)
    film.click(page.locator(".segue-legend-chip").first, 1.2)
    film.click(page.locator(".segue-nav").get_by_role("link", name="Pictures"), 1.5)
