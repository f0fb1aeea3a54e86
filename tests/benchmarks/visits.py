"""What a browser asks of the service while somebody looks around, and others who ask the same, without a browser each.

In: a browser's own requests, by when they were sent. Out: as many visits more, in the same rhythm but none in step with another.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from typing import NamedTuple

import aiohttp
from playwright.async_api import BrowserContext, Request
from yarl import URL

__all__ = ["Visit"]

CONNECTIONS = 6
"""That a browser opens to one server."""
OPENING_S = 3.0
"""Nobody does anything so early but wait for the page."""
PATIENCE_S = 120
RHYTHM = (0.8, 1.25)
SOUND = "/audio"
SEARCH = "/api/search"
KEPT_HEADERS = {"accept", "accept-encoding", "content-type", "origin"}


class _Asked(NamedTuple):
    after_s: float
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


class Visit:
    """One visit's requests."""

    def __init__(self, context: BrowserContext) -> None:
        """Of all pages of `context`, from now on."""
        self._began = time.perf_counter()
        self._asked: list[_Asked] = []
        context.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.url.startswith("http") and SOUND not in request.url:
            headers = {name: value for name, value in request.headers.items() if name in KEPT_HEADERS}
            after_s = time.perf_counter() - self._began
            self._asked.append(_Asked(after_s, request.method, request.url, headers, request.post_data_buffer))

    async def again(self, chance: random.Random, words: Iterator[str]) -> list[float]:
        """Make the visit once more, with other `words` for its searches in turn; returns how long each answer took, in milliseconds.

        Raises `ClientResponseError` for a refusal.
        """
        began, rhythm = time.perf_counter(), chance.uniform(*RHYTHM)
        took: list[float] = []
        async with _browser() as http, asyncio.TaskGroup() as tasks:
            for asked in self._asked:
                late = max(0.0, asked.after_s - OPENING_S) * rhythm
                await asyncio.sleep(began + min(asked.after_s, OPENING_S) + late - time.perf_counter())
                url = URL(asked.url, encoded=True)
                if url.path == SEARCH:
                    url = url.update_query(q=next(words))
                tasks.create_task(self._send(http, asked, url, took))
        return took

    @staticmethod
    async def _send(http: aiohttp.ClientSession, asked: _Asked, url: URL, took: list[float]) -> None:
        sent = time.perf_counter()
        async with http.request(asked.method, url, headers=asked.headers, data=asked.body) as answer:
            await answer.read()
        took.append((time.perf_counter() - sent) * 1000)


def _browser() -> aiohttp.ClientSession:
    """What costs this machine little: the others have their own, and theirs unpack what they get."""
    connections = aiohttp.TCPConnector(limit_per_host=CONNECTIONS)
    patience = aiohttp.ClientTimeout(total=PATIENCE_S)
    return aiohttp.ClientSession(
        connector=connections,
        timeout=patience,
        raise_for_status=True,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )
