"""A real Chromium, started the same way for every test of the page.

In: a Playwright. Out: a browser that plays audio without a click and calls nobody outside.
"""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Page, Playwright

__all__ = ["ARGUMENTS", "chromium", "drawn", "executable"]

ARGUMENTS = [
    "--no-sandbox",  # tests may run as root, in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def executable() -> str:
    """Path of Debian's Chromium, or of an installed Chrome."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "no Chromium: `infra/scripts/setup dev` installs it"
    return path


def chromium(playwright: Playwright) -> Browser:
    """Debian's Chromium, or an installed Chrome."""
    return playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)


def drawn(page: Page) -> None:
    """Wait until the view has drawn what it shows."""
    page.wait_for_function("!document.querySelector('#segue-main [aria-busy=\"true\"], #segue-main .segue-bones')")
