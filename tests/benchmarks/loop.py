"""From a skip to the answer that has it, at a steady load: many listeners, everything real.

In: the address of a service and its tracks. Each event is posted by a random listener, who then asks at once, whether or not
earlier ones have been answered. Out: milliseconds from the post to the answer, and how many answers did not have the event.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp

from tests.benchmarks.load import event, percentile, session

__all__ = ["loop"]

RATE, LISTENERS, SECONDS = 50, 1_000, 60


class _Turn(NamedTuple):
    whole_ms: float
    has_it: bool


def loop(address: str, tracks: Sequence[str]) -> dict[str, Any]:
    """Figures of a minute at 50 events a second by 1,000 listeners, each of whom was heard of before."""
    turns = asyncio.run(_load(address, tracks))
    # An answer without the event is none, however quickly it came.
    taken = sorted(turn.whole_ms if turn.has_it else float("inf") for turn in turns)
    return {
        "loop_p50_ms": round(percentile(taken, 0.5), 2),
        "loop_p99_ms": round(percentile(taken, 0.99), 2),
        "loop_without_the_event": sum(not turn.has_it for turn in turns),
        "loop_events": len(turns),
    }


async def _load(address: str, tracks: Sequence[str]) -> list[_Turn]:
    chance = random.Random(7)
    async with session(address) as http:
        for number in range(LISTENERS):
            await _turn(http, f"listener {number}", chance.choice(tracks))
        began, running = time.perf_counter(), []
        for number in range(RATE * SECONDS):
            await asyncio.sleep(max(began + number / RATE - time.perf_counter(), 0))
            user = f"listener {chance.randrange(LISTENERS)}"
            running.append(asyncio.create_task(_turn(http, user, chance.choice(tracks))))
        return list(await asyncio.gather(*running))


async def _turn(http: aiohttp.ClientSession, user: str, track: str) -> _Turn:
    skip = event(user, track, "skipped")
    began = time.perf_counter()
    async with http.post("/plays", json=skip) as answer:
        await answer.read()
    async with http.get(f"/users/{user}/recommendations") as answer:
        found = await answer.json()
    return _Turn((time.perf_counter() - began) * 1e3, found["as_of"] == skip["event_id"])
