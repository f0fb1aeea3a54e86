"""What the benchmarks print: Markdown, ratios first.

In: figures as each benchmark gives them. Out: rows of its table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["cold_rows", "growth_rows", "household_rows", "index_rows", "rows", "size_rows", "sound_rows", "table"]

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
        f"{served['answer_p50_ms']} ms, p99 {served['answer_p99_ms']} ms; {served['bare_p50_ms']} ms",
    )
    yield (
        "answers a second to eight clients over the same",
        f"{served['throughput_over_bare_uvicorn']} ×",
        f"{served['throughput_per_s']}, p99 {served['throughput_p99_ms']} ms; {served['bare_throughput_per_s']}",
    )
    yield (
        "skip posted until the answer that has it, 50 a second by 1,000 listeners, p50",
        "",
        f"{served['loop_p50_ms']} ms, p99 {served['loop_p99_ms']} ms; "
        f"{served['loop_without_the_event']} of {served['loop_events']} without it",
    )
    yield (
        "whole files a second over bare uvicorn",
        f"{served['file_throughput_over_bare_uvicorn']} ×",
        f"{served['file_per_s']}",
    )
    yield (
        f"{served['stream_listeners']} listeners of 64 kbit/s with seeks for a minute: stalls",
        "",
        f"{served['stream_stalls']}; first byte p95 {served['stream_first_byte_p95_ms']} ms; meanwhile "
        f"recommendations p99 {served['stream_recommendations_p99_ms']} ms",
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


def index_rows(found: dict[int, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Each way to search, by the number of vectors."""
    for size, methods in found.items():
        for method, of in methods.items():
            yield f"{size:,}: {method}", f"{of['recall_at_20']:.4f}", f"{of['ms']:.2f}", f"{of.get('build_s', 0):.0f}"


def size_rows(found: dict[int, dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """A line a size of the library."""
    for size, one in found.items():
        yield f"{size:,}", f"{one['times_smallest']} ×", f"{one['ms']} ms, p99 {one['ms_p99']} ms"


def page_rows(found: dict[int, dict[str, dict[str, float]]]) -> Iterator[tuple[str, ...]]:
    """What is waited for, by how many others listen: the median and the longest in milliseconds, and how many there were."""
    for name in dict.fromkeys(name for of in found.values() for name in of):
        yield name, *(_wait(of[name]) if name in of else "" for of in found.values())


def _wait(of: dict[str, float]) -> str:
    return f"{of['median']:.0f}, at most {of['longest']:.0f} ({of['count']:.0f})"


def growth_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """What plays cost, by their number."""
    for plays, of in found["by_plays"].items():
        memory = max(of["spark.peak_mb"], of["epoch.peak_mb"]) / 1000
        yield f"{plays:,}", f"{of['spark.seconds']:.0f}", f"{of['epoch.epoch_s']:.0f}", f"{memory:.1f}"


def table(heads: tuple[str, ...], lines: Iterator[tuple[str, ...]]) -> None:
    """Print Markdown."""
    print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for line in lines:
        print("| " + " | ".join(line) + " |", flush=True)
