"""The listening page's server: Gradio, the player's files and its routes, one origin, nothing from outside.

In: settings and the address of the HTTP API. Out: a FastAPI application; `python -m ui.web` serves it until SIGTERM.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import gradio as gr
import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.errors import ServiceError
from infra.services import discover
from infra.settings import Settings
from serving.http.bodies import bounded, too_large
from serving.http.hosts import UNKNOWN, Hosts
from serving.http.problems import ProblemError, problem
from ui.client import Client
from ui.kept import Kept
from ui.page import ASSETS, ASSETS_PATH, appearance, listening_page
from ui.passing import api_of
from ui.routes import add_player_routes

__all__ = ["build", "main"]

UNUSED = ("/gradio_api/upload", "/gradio_api/file", "/gradio_api/stream", "/gradio_api/component_server")
"""Routes of Gradio's that write to the disk or fetch addresses for whoever asks; the page needs none of them."""
PATIENCE_S = 2
"""How long open connections (each page keeps one) may hold up the end."""


FILES = {
    f"{ASSETS_PATH}/": "no-cache",  # to be asked for again: an upgrade is seen at once
    "/assets/": "public, max-age=31536000, immutable",  # Gradio's, whose names change with what is in them
    "/static/": "no-cache",
    "/favicon.ico": "public, max-age=86400",  # browsers want it at every change of the address
}
"""Where files are that stay as they are while this server runs, and how long browsers may go without asking again."""
SMALLEST = 500
"""Bytes; what is smaller is sent as it is."""


class PageBorder:
    """Who may call and what: under this service's own names, and nothing of Gradio's that the page leaves unused.

    Its headers let the browser load from this server and, sound and covers, from the HTTP API only.
    """

    def __init__(self, app: ASGIApp, http_port: int, hosts: Hosts) -> None:
        media = f"http://*:{http_port}"
        policy = (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio starts from inline scripts and makes functions
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: {media}",
            f"media-src 'self' {media}",
            "object-src 'none'",
            "base-uri 'self'",
            "frame-ancestors 'none'",
        )
        self._app, self._hosts = app, hosts
        self._headers = {
            "Content-Security-Policy": "; ".join(policy),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        refused = self._refusal(scope) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, bounded(receive), send_with_headers)
        else:
            await problem(refused)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ProblemError | None:
        headers = Headers(scope=scope)
        if not self._hosts.know(headers.get("host", "")):
            return ProblemError(421, UNKNOWN)
        if scope["path"].startswith(UNUSED):
            return ProblemError(404, "not found")
        if told := too_large(headers):
            return ProblemError(413, told)
        return None


def build(settings: Settings, client: Client, api: httpx.AsyncClient, http_port: int) -> FastAPI:
    """The page's application; `client` and `api` reach the HTTP API, `http_port` is where browsers find it.

    `api` is closed when the application ends.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with api:
            yield

    app = FastAPI(title="Segue's listening page", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(Kept, policies=FILES)
    app.add_middleware(PageBorder, http_port=http_port, hosts=Hosts(settings))
    add_player_routes(app, client, api)
    app.mount(ASSETS_PATH, GZipMiddleware(StaticFiles(directory=ASSETS), minimum_size=SMALLEST))
    gr.mount_gradio_app(app, listening_page(client, http_port), path="/", **appearance())
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page until SIGTERM; raises `ServiceError` when there is no HTTP API to play from."""
    settings = Settings.load()
    parser = argparse.ArgumentParser(prog="python -m ui.web", description="Segue's listening page")
    parser.add_argument("--port", type=int, default=settings.ui_port, help="port to listen on")
    parser.add_argument("--http", metavar="URL", help="the HTTP API; unset: the one of this installation")
    given = parser.parse_args(arguments)
    address = given.http or discover(settings).http
    if not address:
        raise ServiceError(f"no HTTP API runs for {settings.home}; `segue up` starts it")
    with Client(address) as client:
        app = build(settings, client, api_of(address), urlsplit(address).port or 80)
        uvicorn.run(app, host=settings.host, port=given.port, log_level="warning", timeout_graceful_shutdown=PATIENCE_S)


if __name__ == "__main__":
    main()
