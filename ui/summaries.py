"""What an ingest or a training came to, in words.

In: their reports. Out: a few lines for the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from etl.pipeline import Report
from training.pipeline import TrainingReport

__all__ = ["ingest_summary", "training_summary"]

MEGA = 1_000_000


def ingest_summary(report: Report) -> str:
    """What came in, what did not and why, and what it saved."""
    return "\n".join(_ingest_lines(report))


def training_summary(report: TrainingReport) -> str:
    """What was learned from, how good it is beside the baselines, and whether it serves."""
    return "\n".join(_training_lines(report))


def _ingest_lines(report: Report) -> Iterator[str]:
    for failure in report.failed:
        yield f"left out: {failure.file}\n          {failure.stage}: {failure.reason}"
    yield (
        f"{report.found} files found: {report.ingested} brought in, {report.unchanged} unchanged, "
        f"{len(report.failed)} left out; {report.seconds:.0f} s"
    )
    if report.audio_seconds:
        yield (
            f"{report.audio_seconds / 60:.0f} minutes of audio at {report.audio_seconds / report.seconds:.0f} × real time, "
            f"{report.bytes_before / MEGA:.1f} MB → {report.bytes_after / MEGA:.1f} MB"
        )


def _training_lines(report: TrainingReport) -> Iterator[str]:
    yield f"learned from {report.tracks} tracks and {report.plays} plays in {report.sessions} sessions"
    if report.left_out:
        yield f"{report.left_out} tracks have no usable sound vector and were left out"
    for name, figures in {"this model": report.metrics, **report.baselines}.items():
        if figures:
            yield f"  {name:18} " + "  ".join(f"{metric} {value:.4g}" for metric, value in figures.items())
    yield f"version {report.version} " + ("serves now" if report.champion else "does not serve") + f": {report.why}"
    yield "seconds: " + ", ".join(f"{stage} {taken}" for stage, taken in report.seconds.items())
