"""The listening page as Gradio serves it: one component that holds our markup, style and player; plots that wait to be asked for.

In: the HTTP API, and its port, where audio and covers come from. Out: `Blocks`, and what `mount_gradio_app` is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ui.client import Client
from ui.pictures import add_plots

__all__ = ["ASSETS", "ASSETS_PATH", "appearance", "listening_page"]

ASSETS = Path(__file__).parent / "assets"
ASSETS_PATH = "/segue"
"""Where the files of `ASSETS` answer."""

START = """
import(new URL('segue/app.js', document.baseURI))
  .then((app) => app.start(element, { httpPort: props.http_port }));
"""

FIRST_STYLE = "base.css"
"""What the other style sheets build on."""

QUEUE_S = 0.5
"""How often Gradio looks into its queue. No event of the page goes through it; its own 1 ms keeps an idle server at work."""

SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")


def listening_page(client: Client, http_port: int) -> gr.Blocks:
    """The page; audio and covers come from `http_port` on the host that the page itself comes from.

    `client` reaches the HTTP API and carries no token of its own.
    """
    page: gr.Blocks = gr.Blocks(title="Segue", analytics_enabled=False, fill_width=True)
    with page:
        gr.HTML(
            html_template=(ASSETS / "page.html").read_text(encoding="utf-8"),
            js_on_load=START,
            apply_default_css=False,
            http_port=http_port,
        )
        add_plots(client)
    queue = page._queue
    queue.sleep_when_free = queue.progress_update_sleep_when_free = QUEUE_S
    return page


def appearance() -> dict[str, Any]:
    """Arguments of `mount_gradio_app`: our style on system fonts, nothing from outside, no Gradio footer."""
    # Gradio's own fonts are left out: the page is drawn with the fonts that the listener's system has.
    theme = gr.themes.Base(font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace")).set(
        body_background_fill="#faf7f2",
        body_background_fill_dark="#141110",
        body_text_color="#221d19",
        body_text_color_dark="#f5efe8",
    )
    return {
        "theme": theme,
        "head": "".join(f'<link rel="stylesheet" href="segue/styles/{name}">' for name in _styles()),
        "favicon_path": str(ASSETS / "segue.svg"),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "pwa": False,
        "enable_monitoring": False,
        "mcp_server": False,
    }


def _styles() -> list[str]:
    names = (path.name for path in (ASSETS / "styles").glob("*.css"))
    return sorted(names, key=lambda name: (name != FIRST_STYLE, name))
