"""How quickly it is answered what to play next, and how fast a whole file comes, beside one bare uvicorn process.

In: the addresses of a service and of the floor (`tests/benchmarks/bare.py`). Out: milliseconds, answers a second, ratios.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx

from tests.benchmarks.load import closed_loop, event, percentile

__all__ = ["SEEDS", "recommend", "whole_files"]

SEEDS = 5
"""Tracks that the listener who asks has finished."""
ALONE, MANY = 500, 4_000
"""Requests by one client, and by eight."""
CLIENTS = 8
FILES = 100


def recommend(address: str, bare: str, tracks: list[str]) -> dict[str, Any]:
    """One client, and eight."""
    with httpx.Client(base_url=address) as client:
        for track in tracks[:SEEDS]:
            client.post("/plays", json=event("bench", track)).raise_for_status()
    ours, floor = ["/users/bench/recommendations"], ["/recommendations"]
    alone, many, bare_alone, bare_many = (
        asyncio.run(closed_loop(where, what, clients, requests))
        for where, what in ((address, ours), (bare, floor))
        for clients, requests in ((1, ALONE), (CLIENTS, MANY))
    )
    return {
        "answer_over_bare_uvicorn": round(percentile(alone.ms, 0.5) / percentile(bare_alone.ms, 0.5), 2),
        "answer_p50_ms": round(percentile(alone.ms, 0.5), 2),
        "answer_p99_ms": round(percentile(alone.ms, 0.99), 2),
        "bare_p50_ms": round(percentile(bare_alone.ms, 0.5), 2),
        "throughput_over_bare_uvicorn": round(many.per_second / bare_many.per_second, 2),
        "throughput_per_s": round(many.per_second),
        "throughput_p99_ms": round(percentile(many.ms, 0.99), 1),
        "bare_throughput_per_s": round(bare_many.per_second),
    }


def whole_files(address: str, bare: str, track: str, file: str) -> dict[str, Any]:
    """The same file, again and again, by one client."""
    ours = asyncio.run(closed_loop(address, [f"/tracks/{track}/audio"], 1, FILES))
    floor = asyncio.run(closed_loop(bare, [f"/audio?file={quote(file)}"], 1, FILES))
    return {
        "file_throughput_over_bare_uvicorn": round(ours.per_second / floor.per_second, 2),
        "file_per_s": round(ours.per_second, 1),
    }
