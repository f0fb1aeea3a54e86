"""All benchmarks, as the tables in the README have them: `make bench [MUSIC=DIR] [SESSIONS=FILE]`.

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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from etl.demo.library import demo_library
from tests.benchmarks import cold, growth, household, index, ingest, service, sessions, sound
from tests.data.crowd import Crowd
from tests.data.embeddings import items, queries

FOLDS, SEEDS, SESSIONS = 5, 2, 600
INDEXED = (10_000, 100_000)
PLAYS = (100_000, 1_000_000)
VARIETY = {
    "coverage": "share of all tracks that are recommended",
    "novelty": "novelty of a recommended track in bits",
    "artist_entropy": "entropy of the artists of an answer in bits",
    "intra_list_distance": "distance of sounds in an answer",
    "repeat_rate": "share of tracks that were heard before",
    "never_played": "share of tracks that nobody has played",
    "cpu_ms_per_answer": "CPU ms an answer",
}
"""Figures of simulated households' answers, and what they are."""


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


def rows(files: dict[str, Any], served: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What was measured, as a ratio to its floor, and in seconds."""
    yield (
        "ingest (compression, features, loudness, MongoDB) over FFmpeg's compression alone, all cores",
        f"{files['ours_over_bound']} ×",
        f"{files['ours_s']} s, {files['bound_s']} s",
    )
    yield (
        "the same where the loudness is known already",
        f"{files['without_loudness_over_bound']} ×",
        f"{files['without_loudness_s']} s",
    )
    yield "ingest over a plain script", f"{files['ours_over_naive']} ×", f"{files['naive_s']} s"
    yield (
        "CPU time of all features over librosa's load and three features",
        f"{files['features_cpu_over_naive']} ×",
        f"{files['features_cpu_s']} s, {files['naive_features_cpu_s']} s",
    )
    yield "the same with loudness and true peak", f"{files['with_loudness_cpu_over_naive']} ×", ""
    yield (
        "answer over the same recommender on bare uvicorn, p50",
        f"{served['answer_over_bare_uvicorn']} ×",
        f"{served['answer_p50_ms']} ms, p99 {served['answer_p99_ms']} ms",
    )
    yield (
        "skip posted until the answer that has it, p50",
        "",
        f"{served['skip_to_changed_answer_p50_ms']} ms, p99 {served['skip_to_changed_answer_p99_ms']} ms",
    )
    yield "first start with this music, until the model serves", "", f"{served['first_start_with_music_s']} s"
    yield "second start, until the page answers", "", f"{served['second_start_s']} s"
    yield "memory of everything, after training", "", f"{served['memory_total_mb'] / 1000:.1f} GB"


def sound_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """How well sound alone finds what belongs together, a row a method."""
    for method in (name for name, figures in found.items() if isinstance(figures, dict)):
        of = found[method]
        figures = (of["halves_p_at_1"], of["halves_mrr"], of["p_at_1"], of["p_at_10"], of["copy_p_at_1"])
        yield method, *(f"{figure:.3f}" for figure in figures)


def household_rows(found: dict[str, list[float]]) -> Iterator[tuple[str, str]]:
    """What skips, context and variety come to in simulated households."""
    told = {
        "skip_rate.served": "answers skipped",
        "skip_rate.no_skips": "the same, had nobody ever skipped",
        "skip_rate.no_time_of_day": "answers skipped, the time of day left out",
        "skip_rate.no_long_term_seeds": "answers skipped, long-term seeds left out",
        "three_skips.share_before": "share of a kind in the next twenty",
        "three_skips.share_after": "the same after three skips of it",
        "three_skips.moved": "how often they lower it",
        "three_skips.emptied": "how often they leave none of it",
        "endless.distinct_of_200.served": "distinct tracks in 200 answers that are all finished",
        "endless.distinct_of_200.by_merit_alone": "the same by merit alone",
    }
    for name, what in VARIETY.items():
        told |= {f"variety.{name}.served": what, f"variety.{name}.by_merit_alone": f"{what}, by merit alone"}
    for name, what in told.items():
        mean, deviation = found[name]
        yield what, f"{mean:.3g} ± {deviation:.2g}"


def cold_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """How tracks without any plays are found, by method."""
    for name, of in found["means"].items():
        yield name, f"{of['recall']:.3f}", f"{of['cold_recall']:.3f}", f"{of['cold_mrr']:.3f}"


def index_rows(sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """Each way to search, by the number of vectors."""
    for size in sizes:
        vectors = items(size, index.SEED)
        for method, of in index.measure(vectors, queries(vectors, index.QUERIES, index.SEED + 2)).items():
            yield f"{size:,}: {method}", f"{of['recall_at_20']:.4f}", f"{of['ms']:.2f}", f"{of.get('build_s', 0):.0f}"


def growth_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """What plays cost, by their number."""
    for plays, of in found["by_plays"].items():
        memory = max(of["spark.peak_mb"], of["epoch.peak_mb"]) / 1000
        yield f"{plays:,}", f"{of['spark.seconds']:.0f}", f"{of['epoch.epoch_s']:.0f}", f"{memory:.1f}"


def told(what: str) -> None:
    """Say what is measured now, to whoever waits."""
    print(f"{time.strftime('%H:%M')}  measuring {what} …", file=sys.stderr, flush=True)


def table(heads: tuple[str, ...], lines: Iterator[tuple[str, ...]]) -> None:
    """Print Markdown."""
    print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for line in lines:
        print("| " + " | ".join(line) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sessions", type=Path)
    parser.add_argument("--households", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        music = given.music or demo_library(Path(scratch), lambda line: print(line, file=sys.stderr))
        told("the service")
        served = service.measure(music)
        told("an ingest")
        files = ingest.measure(music, given.rounds)
        told("sound alone")
        alike = sound.compare(music, os.cpu_count() or 1)
        told("tracks without plays")
        without_plays = cold.measure(cold.library([music], os.cpu_count() or 1), FOLDS, SEEDS, SESSIONS)
    print(f"Measured on {machine()}; {files['files']} tracks.")
    table(("what", "ratio", "absolute"), rows(files, served))
    heads = ("sound alone", "half finds half", "reciprocal rank", "same album", "nearest ten", "copy finds original")
    table(heads, sound_rows(alike))
    told("simulated households")
    table((f"{given.households} simulated households", ""), household_rows(household.over_seeds(given.households)))
    heads = ("tracks without plays", "among all", "among such", "reciprocal rank among such")
    table((f"{without_plays['tracks']} {heads[0]}", *heads[1:]), cold_rows(without_plays))
    told("the index")
    table(("vectors searched", "recall@20", "ms", "s to build"), index_rows(INDEXED))
    told("growth")
    grown = growth.over(PLAYS, Crowd(tracks=100_000, listeners=10_000), 0, told=False)
    table(("plays of 100,000 tracks", "Spark, s", "one epoch, s", "GB"), growth_rows(grown))
    if given.sessions is not None:
        told("public sessions")
        found = sessions.measure(given.sessions)
        table(("public sessions, newest tenth", "P@20", "MRR@20", "pairs", "ms an answer"), sessions.rows(found))
        print(f"\nTraining {found['training_seconds'] / 60:.1f} minutes, {found['peak_memory_gb']} GB at most.")
    memory = ", ".join(f"{name} {mb}" for name, mb in served["memory_mb"].items())
    print(f"\nMemory by part in MB: {memory}. Python environment: {environment_size()}.")


def environment_size() -> str:
    """What the packages take on disk."""
    done = subprocess.run(["du", "-sh", sys.prefix], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


if __name__ == "__main__":
    main()
