"""What a user waits for: the first start, the second, an answer, and the answer after a skip; and the memory it all takes.

    python -m tests.benchmarks.service DIR

In: a folder of music. Out: seconds, milliseconds and megabytes, and the ratio of an answer to the same recommender behind bare uvicorn.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.data.installed import Installed, answers, wait_for

CALLS = 300


def milliseconds(call: Callable[[], object], calls: int = CALLS) -> list[float]:
    """Sorted durations of `calls` calls, after some to warm up."""
    taken = []
    for n in range(calls + 20):
        start = time.perf_counter()
        call()
        if n >= 20:
            taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def skip_then_ask(client: httpx.Client, track: str) -> None:
    """Post a skip and ask for the next tracks: the answer must have it."""
    event = {
        "v": 1,
        "event_id": str(uuid.uuid4()),
        "user": "bench",
        "track": track,
        "kind": "skipped",
        "position_ms": 5000,
        "duration_ms": 180_000,
        "at": datetime.now(UTC).isoformat(),
        "client": "bench",
        "private": False,
    }
    client.post("/plays", json=event).raise_for_status()
    answer = client.get("/users/bench/recommendations").raise_for_status().json()
    assert answer["as_of"] == event["event_id"], "the answer does not have the skip"


def bare_median(bundle: Path) -> float:
    """Median milliseconds of the same recommender behind bare uvicorn."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.bare", str(bundle), str(port)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/recommendations"), "bare uvicorn")
            return statistics.median(milliseconds(lambda: client.get("/recommendations").raise_for_status()))
    finally:
        process.terminate()
        process.wait()


def measure(music: Path) -> dict[str, Any]:
    """Start, ask, skip, stop and start again."""
    with tempfile.TemporaryDirectory() as scratch:
        installed = Installed(Path(scratch) / "home")
        try:
            start = time.perf_counter()
            status = installed.up(str(music))
            trained = wait_for(
                lambda: httpx.get(status["http"] + "/health").json()["model_version"] == "1", "first model", 600
            )
            assert trained
            first_s = time.perf_counter() - start
            memory = {part["name"]: round(part["rss_mb"]) for part in installed.json("status")["parts"]}
            with httpx.Client(base_url=status["http"]) as client:
                track = client.get("/tracks?limit=1").json()["items"][0]["id"]
                ask = milliseconds(lambda: client.get("/users/bench/recommendations").raise_for_status())
                skip = milliseconds(lambda: skip_then_ask(client, track), 100)
            bare_ms = bare_median(next(p for p in sorted((installed.home / "models").iterdir()) if p.is_dir()))
            installed.down()
            start = time.perf_counter()
            installed.up()
            second_s = time.perf_counter() - start
        finally:
            installed.segue("down", check=False)
    return {
        "answer_over_bare_uvicorn": round(statistics.median(ask) / bare_ms, 2),
        "answer_p50_ms": round(statistics.median(ask), 2),
        "answer_p99_ms": round(ask[int(len(ask) * 0.99)], 2),
        "skip_to_changed_answer_p50_ms": round(statistics.median(skip), 2),
        "skip_to_changed_answer_p99_ms": round(skip[int(len(skip) * 0.99)], 2),
        "first_start_with_music_s": round(first_s, 1),
        "second_start_s": round(second_s, 1),
        "memory_mb": memory,
        "memory_total_mb": sum(memory.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path)
    print(json.dumps(measure(parser.parse_args().music)))


if __name__ == "__main__":
    main()
