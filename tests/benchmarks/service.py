"""What a user waits for: the first start, the second, an answer, and the answer after a skip; and the memory it all takes.

    python -m tests.benchmarks.service DIR

In: a folder of music. Out: seconds, milliseconds and megabytes, and ratios to the same recommender behind bare uvicorn.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.loop import loop
from tests.benchmarks.recommend import recommend, whole_files
from tests.benchmarks.stream import stream
from tests.data.installed import Installed, answers, wait_for


def measure(music: Path) -> dict[str, Any]:
    """Start, train, stop, start again, and ask."""
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
            installed.down()
            # The plays that follow are nobody's: no model is to be made of them meanwhile.
            os.environ["SEGUE_RETRAIN_PLAYS"] = "0"
            start = time.perf_counter()
            http = installed.up()["http"]
            second_s = time.perf_counter() - start
            asked = ask(http, installed.home)
        finally:
            os.environ.pop("SEGUE_RETRAIN_PLAYS", None)
            installed.segue("down", check=False)
    return {
        **asked,
        "first_start_with_music_s": round(first_s, 1),
        "second_start_s": round(second_s, 1),
        "memory_mb": memory,
        "memory_total_mb": sum(memory.values()),
    }


def ask(http: str, home: Path) -> dict[str, Any]:
    """Figures of a service that is up."""
    listed = httpx.get(http + "/tracks", params={"limit": 1000}).raise_for_status().json()["items"]
    tracks = [track["id"] for track in listed]
    longest = max(listed, key=lambda track: track["duration_ms"])["id"]
    file = next(one for one in (home / "media").rglob(f"{longest}.*") if ".cover." not in one.name)
    with bare(home, listed) as floor:
        found = recommend(http, floor, tracks) | whole_files(http, floor, longest, str(file))
    return found | loop(http, tracks) | stream(http, tracks)


@contextmanager
def bare(home: Path, listed: list[dict[str, Any]]) -> Iterator[str]:
    """The address of the same recommender behind bare uvicorn."""
    bundle = next(one for one in sorted((home / "models").iterdir()) if one.is_dir())
    tracks = home / "tracks.json"
    tracks.write_text(json.dumps(listed))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.benchmarks.bare", str(bundle), str(tracks), str(port)]
    process = subprocess.Popen(command)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{address}/recommendations"), "bare uvicorn")
        yield address
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path)
    print(json.dumps(measure(parser.parse_args().music)))


if __name__ == "__main__":
    main()
