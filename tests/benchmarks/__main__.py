"""All benchmarks, as the tables in the README have them: `make bench [MUSIC=DIR] [SESSIONS=FILE] [ONLY="index growth"]`.

In: a folder of music (without one: the demo library), and public sessions in Parquet to foretell, if any. Out: Markdown
tables, ratios first, and the machine they were measured on.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from etl.demo.library import demo_library
from tests.benchmarks import cold, growth, household, index, ingest, page, service, sessions, sizes, sound
from tests.benchmarks.tables import (
    cold_rows,
    growth_rows,
    household_rows,
    index_rows,
    page_rows,
    rows,
    size_rows,
    sound_rows,
    table,
)
from tests.data.crowd import Crowd
from tests.data.embeddings import items, queries

FOLDS, SEEDS, SESSIONS = 5, 2, 600
INDEXED = (10_000, 100_000)
PLAYS = (100_000, 1_000_000)


def machine() -> str:
    """Processor, cores and memory."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return (
        f"{cpu}, {os.cpu_count()} logical cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}"
    )


class Given(NamedTuple):
    """What to measure with."""

    music: Path
    rounds: int
    households: int
    sessions: Path | None


def a_service(given: Given) -> None:
    """Ingest and service beside their floors."""
    served, files = service.measure(given.music), ingest.measure(given.music, given.rounds)
    print(f"\n{files['files']} tracks.")
    table(("what", "ratio", "absolute"), rows(files, served))
    memory = ", ".join(f"{name} {mb}" for name, mb in served["memory_mb"].items())
    print(f"\nMemory by part in MB: {memory}. Python environment: {environment_size()}.")


def sound_alone(given: Given) -> None:
    """What belongs together, by sound."""
    heads = ("sound alone", "half finds half", "reciprocal rank", "same album", "nearest ten", "copy finds original")
    table(heads, sound_rows(sound.compare(given.music, os.cpu_count() or 1)))


def households(given: Given) -> None:
    """Skips, context and variety."""
    found = household.over_seeds(given.households)
    table((f"{given.households} simulated households", ""), household_rows(found))


def tracks_without_plays(given: Given) -> None:
    """Whether they are found."""
    found = cold.measure(cold.library([given.music], os.cpu_count() or 1), FOLDS, SEEDS, SESSIONS)
    heads = ("among all", "among such", "reciprocal rank among such")
    table((f"{found['tracks']} tracks without plays", *heads), cold_rows(found))


def the_index(_given: Given) -> None:
    """The index beside others."""
    found = {}
    for size in INDEXED:
        vectors = items(size, index.SEED)
        found[size] = index.measure(vectors, queries(vectors, index.QUERIES, index.SEED + 2))
    table(("vectors searched", "recall@20", "ms", "s to build"), index_rows(found))


def larger_libraries(_given: Given) -> None:
    """What an answer costs as the library becomes larger."""
    table(("an answer among so many tracks", "of the first", "CPU time"), size_rows(sizes.growth(sizes.SIZES)))


def the_page(_given: Given) -> None:
    """What listeners wait for in a browser."""
    table(
        (f"the page, {page.TRACKS:,} tracks", *(f"{others + 1} at once" for others in page.OTHERS)),
        page_rows(page.measure(page.TRACKS, page.OTHERS)),
    )


def more_and_more_plays(_given: Given) -> None:
    """What training costs as plays become more."""
    grown = growth.over(PLAYS, Crowd(tracks=100_000, listeners=10_000), 0, told=False)
    table(("plays of 100,000 tracks", "Spark, s", "one epoch, s", "GB"), growth_rows(grown))


def public_sessions(given: Given) -> None:
    """How well the next track is foretold."""
    if given.sessions is None:
        print("\nPublic sessions: none given; SESSIONS=FILE names a Parquet file of them.")
        return
    found = sessions.measure(given.sessions)
    table(("public sessions, newest tenth", "P@20", "MRR@20", "pairs", "ms an answer"), sessions.rows(found))
    print(f"\nTraining {found['training_seconds'] / 60:.1f} minutes, {found['peak_memory_gb']} GB at most.")


MEASURED: dict[str, Callable[[Given], None]] = {
    "service": a_service,
    "sound": sound_alone,
    "household": households,
    "cold": tracks_without_plays,
    "index": the_index,
    "sizes": larger_libraries,
    "page": the_page,
    "growth": more_and_more_plays,
    "sessions": public_sessions,
}
OF_MUSIC = {"service", "sound", "cold"}
"""Those that need files."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3, help="so many times each way of an ingest")
    parser.add_argument("--sessions", type=Path, help="public sessions in Parquet")
    parser.add_argument("--households", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", choices=MEASURED, default=[*MEASURED], metavar="TABLE", help=", ".join(MEASURED)
    )
    asked = parser.parse_args()
    print(f"Measured on {machine()}.")
    with tempfile.TemporaryDirectory() as scratch:
        music = asked.music or Path(scratch)
        if asked.music is None and not OF_MUSIC.isdisjoint(asked.only):
            music = demo_library(Path(scratch), lambda line: print(line, file=sys.stderr))
        given = Given(music, asked.rounds, asked.households, asked.sessions)
        for name in asked.only:
            print(f"{time.strftime('%H:%M')}  measuring: {name} …", file=sys.stderr, flush=True)
            MEASURED[name](given)
            sys.stdout.flush()


def environment_size() -> str:
    """What the packages take on disk."""
    done = subprocess.run(["du", "-sh", sys.prefix], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


if __name__ == "__main__":
    main()
