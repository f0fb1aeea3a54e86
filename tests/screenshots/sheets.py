"""Pictures of a view, six on one sheet: light above dark, from a large screen to a phone.

In: a page, views. Out: a WebP for each view, and the pictures as they were taken, for who looks for faults.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw
from playwright.sync_api import Page

from tests.browser import drawn
from tests.screenshots.views import View

__all__ = ["picture", "save", "sheet"]

Scheme = Literal["light", "dark"]

WIDTHS = {1440: 768, 768: 360, 360: 222}
"""Widths of screens, and of their pictures in the sheet."""
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
GAP, CORNER, GROUND = 20, 8, (128, 128, 134)
LARGEST = 96_000
QUALITIES = range(80, 30, -4)

Pictures = Mapping[tuple[Scheme, int], Image.Image]
"""By theme and width."""

LOADED = "[...document.images].every((one) => one.complete || one.getBoundingClientRect().top > innerHeight)"


def sheet(page: Page, view: View, raw: Path, to: Path) -> None:
    """Open a view and make its sheet; each picture goes into the folder `raw`, too."""
    page.goto(page.url.split("#")[0] + view.address)
    pictures = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width, shown in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": round(view.height * width / shown)})
            _settled(page)
            _works(page)
            view.ready(page)
            page.mouse.move(0, 0)
            pictures[scheme, width] = picture(page)
            pictures[scheme, width].save(raw / f"{view.name}-{scheme}-{width}.png")
            page.keyboard.press("Escape")  # what is open over the view
            page.evaluate("document.activeElement?.blur()")
    save(_laid_out(pictures, view.height), to)


def picture(page: Page) -> Image.Image:
    """The page as it looks now, once it has come to rest."""
    _settled(page)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(image: Image.Image, to: Path, largest: int = LARGEST) -> None:
    """Write a WebP as good as its bytes allow."""
    for quality in QUALITIES:
        image.save(to, quality=quality, method=6)
        if to.stat().st_size <= largest:
            return


def _settled(page: Page) -> None:
    """Until the view has drawn what it shows, covers and all."""
    drawn(page)
    page.wait_for_function(LOADED)
    page.wait_for_timeout(600)


def _works(page: Page) -> None:
    """A view that says it has failed is no picture for the README."""
    failed = page.locator("#segue-main .segue-failure")
    assert not failed.count(), f"{page.url}: {failed.first.inner_text()}"


def _laid_out(pictures: Pictures, height: int) -> Image.Image:
    size = (sum(WIDTHS.values()) + GAP * (len(WIDTHS) + 1), (height + GAP) * len(SCHEMES) + GAP)
    laid_out = Image.new("RGB", size, GROUND)
    for row, scheme in enumerate(SCHEMES):
        left = GAP
        for width, shown in WIDTHS.items():
            small = pictures[scheme, width].resize((shown, height), Image.Resampling.LANCZOS)
            laid_out.paste(small, (left, GAP + row * (height + GAP)), _rounded(small.size))
            left += shown + GAP
    return laid_out


def _rounded(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), CORNER, fill=255)
    return mask
