"""Many listeners at once, each taking the sound in real time with seeks, while others ask what to play next.

In: the address of a service whose listeners have plays (`loop` gives them some), its tracks. Out: stalls (bytes that came later than they were to be heard), milliseconds until
the first byte, and how quickly recommendations were answered meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp

from tests.benchmarks.load import percentile, session

__all__ = ["stream"]

LISTENERS, SECONDS, ASKING = 200, 60, 4
BYTES_A_SECOND = 64_000 // 8
PIECE_S = 5
"""Sound in one Range request."""
AHEAD_S = 2.0
"""How much sound a player has before it begins to play."""


class _Heard(NamedTuple):
    first_ms: list[float]
    stalls: int
    bytes: int


def stream(address: str, tracks: Sequence[str]) -> dict[str, Any]:
    """Figures of a minute with 200 listeners."""
    heard, asked = asyncio.run(_load(address, tracks))
    first = sorted(ms for one in heard for ms in one.first_ms)
    return {
        "stream_listeners": len(heard),
        "stream_stalls": sum(one.stalls for one in heard),
        "stream_first_byte_p95_ms": round(percentile(first, 0.95), 1),
        "stream_mbit_s": round(sum(one.bytes for one in heard) * 8 / 1e6 / SECONDS, 1),
        "stream_recommendations": len(asked),
        "stream_recommendations_p99_ms": round(percentile(sorted(asked), 0.99), 1),
    }


async def _load(address: str, tracks: Sequence[str]) -> tuple[list[_Heard], list[float]]:
    chance = random.Random(7)
    async with session(address, LISTENERS + ASKING) as http:
        until = time.perf_counter() + SECONDS
        listening = [_listen(http, chance.sample(tracks, len(tracks)), until, chance) for _ in range(LISTENERS)]
        asking = [_ask(http, f"listener {number}", until) for number in range(ASKING)]
        heard, asked = await asyncio.gather(asyncio.gather(*listening), asyncio.gather(*asking))
    return list(heard), [ms for one in asked for ms in one]


async def _listen(http: aiohttp.ClientSession, tracks: Sequence[str], until: float, chance: random.Random) -> _Heard:
    # Not all begin in the same moment.
    await asyncio.sleep(chance.uniform(0, PIECE_S))
    first_ms: list[float] = []
    stalls = taken = 0
    began, played_s = time.perf_counter(), 0.0
    for track in tracks * SECONDS:
        size, place = 0, 0
        while time.perf_counter() < until:
            asked = time.perf_counter()
            headers = {"Range": f"bytes={place}-{place + PIECE_S * BYTES_A_SECOND - 1}"}
            async with http.get(f"/tracks/{track}/audio", headers=headers) as answer:
                first = await answer.content.readany()
                first_ms.append((time.perf_counter() - asked) * 1e3)
                body = first + await answer.content.read()
                size = int(answer.headers["Content-Range"].rpartition("/")[2])
            taken += len(body)
            # Whatever comes after the moment at which the sound before it has been heard is a stall.
            if time.perf_counter() > began + AHEAD_S + played_s:
                stalls += 1
                began = time.perf_counter() - AHEAD_S - played_s
            played_s += len(body) / BYTES_A_SECOND
            # The next piece is asked for when half of this one has been heard.
            await asyncio.sleep(max(began + AHEAD_S + played_s - PIECE_S / 2 - time.perf_counter(), 0))
            place += len(body)
            if chance.random() < 0.1:
                # What was buffered is of no use after a jump.
                place = chance.randrange(size)
                began, played_s = time.perf_counter(), 0.0
            if place >= size:
                break
        if time.perf_counter() >= until:
            break
    return _Heard(first_ms, stalls, taken)


async def _ask(http: aiohttp.ClientSession, user: str, until: float) -> list[float]:
    taken = []
    while time.perf_counter() < until:
        began = time.perf_counter()
        async with http.get(f"/users/{user}/recommendations") as answer:
            await answer.read()
        taken.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(0.1)
    return taken
