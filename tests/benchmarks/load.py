"""Clients of a service, as many as wanted, from one event loop.

In: an address and what to ask. Out: milliseconds of each answer, and answers a second.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiohttp

__all__ = ["Answers", "closed_loop", "event", "percentile", "session"]


class Answers(NamedTuple):
    """What was answered."""

    ms: list[float]
    """Sorted."""
    per_second: float


def session(address: str, connections: int = 100) -> aiohttp.ClientSession:
    """A client that keeps its connections; any answer but a success is an error."""
    connector = aiohttp.TCPConnector(limit=connections)
    return aiohttp.ClientSession(address, connector=connector, raise_for_status=True)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def event(user: str, track: str, kind: str = "finished") -> dict[str, Any]:
    """A play event of this moment."""
    return {
        "v": 1,
        "event_id": str(uuid.uuid4()),
        "user": user,
        "track": track,
        "kind": kind,
        "position_ms": 5_000,
        "duration_ms": 180_000,
        "at": datetime.now(UTC).isoformat(),
        "client": "bench",
        "private": False,
    }


async def closed_loop(address: str, paths: Sequence[str], clients: int, requests: int) -> Answers:
    """`requests` GETs of `paths` in turn by `clients`, each of whom asks again when answered; some before do not count."""
    async with session(address, clients) as http:
        await _ask(http, paths, clients, requests // 10)
        began = time.perf_counter()
        taken = await _ask(http, paths, clients, requests)
        return Answers(sorted(taken), len(taken) / (time.perf_counter() - began))


async def _ask(http: aiohttp.ClientSession, paths: Sequence[str], clients: int, requests: int) -> list[float]:
    taken: list[float] = []
    left = iter(range(requests))

    async def client() -> None:
        for number in left:
            began = time.perf_counter()
            async with http.get(paths[number % len(paths)]) as answer:
                await answer.read()
            taken.append((time.perf_counter() - began) * 1e3)

    await asyncio.gather(*(client() for _ in range(clients)))
    return taken
