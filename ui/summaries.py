"""What an ingest, an import, a training or an evaluation came to, in words.

In: their reports. Out: a few lines for the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.scan import shown

if TYPE_CHECKING:
    # Only their names: what training needs takes seconds to import, which an import of plays can do without.
    from etl.history import ImportReport
    from etl.pipeline import Report
    from infra.store import Failure
    from training.tracking.report import TrainingReport

__all__ = ["FailureRow", "evaluation_summary", "failure_rows", "import_summary", "ingest_summary", "training_summary"]

MEGA = 1_000_000
MOST_SHOWN = 20
"""Names listed on a screen; all of them are in `--json`."""


def ingest_summary(report: Report) -> str:
    """What came in, what did not and why, and what it saved."""
    return "\n".join(_ingest_lines(report))


def training_summary(report: TrainingReport) -> str:
    """What was learned from, how good it is beside the baselines, and whether it serves."""
    return "\n".join(_training_lines(report))


def evaluation_summary(found: Mapping[str, Any]) -> str:
    """Figures of the public test, the baselines beside them, and what the data do not let measure."""
    return "\n".join(_evaluation_lines(found))


def import_summary(report: ImportReport) -> str:
    """What was heard, what of it is in the library, what is new, and what comes next."""
    return "\n".join(_import_lines(report))


class FailureRow(NamedTuple):
    """A file that could not be ingested, as shown."""

    file: str
    """Its path or address; bytes that are not UTF-8 are shown as `\\xNN`."""
    stage: str
    reason: str
    at: str
    """When, in this machine's time."""


def failure_rows(failures: Iterable[Failure]) -> list[FailureRow]:
    """Failures as people read them, in the same order."""
    return [FailureRow(shown(f.uri), f.stage, f.reason, f"{f.at.astimezone():%Y-%m-%d %H:%M:%S}") for f in failures]


def _ingest_lines(report: Report) -> Iterator[str]:
    for failure in report.failed[:MOST_SHOWN]:
        yield f"left out: {failure.file}\n          {failure.stage}: {failure.reason}"
    if len(report.failed) > MOST_SHOWN:
        yield f"and {len(report.failed) - MOST_SHOWN} more; `segue failures` shows all"
    for left in report.left_as_they_were[:MOST_SHOWN]:
        yield f"not compressed in its place, streamed from the media store: {left.file}\n          {left.reason}"
    if len(report.left_as_they_were) > MOST_SHOWN:
        yield f"and {len(report.left_as_they_were) - MOST_SHOWN} more; --json has all"
    yield (
        f"{report.found} files found: {report.ingested} brought in, {report.unchanged} unchanged, "
        f"{len(report.failed)} left out; {report.seconds:.0f} s"
    )
    if report.gone:
        yield f"{report.gone} tracks are missing now: their files have gone; they are kept, with their plays"
    if report.audio_seconds:
        yield (
            f"{report.audio_seconds / 60:.0f} minutes of audio at {report.audio_seconds / report.seconds:.0f} × real time, "
            f"{report.bytes_before / MEGA:.1f} MB → {report.bytes_after / MEGA:.1f} MB"
        )


def _training_lines(report: TrainingReport) -> Iterator[str]:
    yield f"learned from {report.tracks} tracks and {report.plays} plays in {report.sessions} sessions"
    if report.left_out:
        yield f"{report.left_out} tracks have no usable sound vector and were left out"
    if report.best_trial is not None:
        best = next(trial for trial in report.trials if trial.number == report.best_trial)
        failed = sum(trial.state == "failed" for trial in report.trials)
        yield f"best of {len(report.trials)} trials{f', {failed} of which failed' if failed else ''}: {best.told()}"
    yield from _rows({"this model": report.metrics, **report.baselines})
    yield f"version {report.version} " + ("serves now" if report.champion else "does not serve") + f": {report.why}"
    yield "seconds: " + ", ".join(f"{stage} {taken}" for stage, taken in report.seconds.items())


def _evaluation_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name}: {value:.6g}" for name, value in found.items() if isinstance(value, float))
    sampled = found["on_a_sample"]
    yield f"on {next(iter(sampled.values()))['pairs']:.0f} of the pairs:"
    yield from _rows(sampled)
    yield from (f"{name}: not measured: {why}" for name, why in found["not_measured"].items())


def _rows(by_name: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Figures of several recommenders, each on a line; none of those that were not asked."""
    for name, figures in by_name.items():
        if figures:
            yield f"  {name:18} " + "  ".join(f"{metric} {value:.4g}" for metric, value in figures.items())


def _import_lines(report: ImportReport) -> Iterator[str]:
    yield from _named("taken for", [(m.artist, m.title, m.listenings, m.taken_for, m.score) for m in report.loose])
    yield from _named(
        "not in the library", [(m.artist, m.title, m.listenings, m.nearest, m.score) for m in report.unmatched]
    )
    span = f" from {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}" if report.first and report.last else ""
    yield f"{report.listenings} listenings of {report.recordings} recordings{span}; {report.passed_over} entries passed over"
    yield (
        f"{report.matched_listenings} listenings of {report.matched_recordings} recordings are in the library "
        f"(artist and title alike by {report.threshold:g} of 100 or more, --threshold)"
    )
    yield (
        f"{report.already_there} were imported before, {report.known_elsewhere} are known from another service, "
        f"{report.new} are new"
    )
    if report.dry_run:
        yield "nothing was written: this was a dry run"
    else:
        yield f"{report.written} plays written for {report.user}; " + ", ".join(
            f"{stage} {taken} s" for stage, taken in report.seconds.items()
        )
    if report.written:
        yield "`segue train` learns from them; if Segue is running, restart it so that recommendations know the newest at once"


def _named(heading: str, found: Sequence[tuple[str, str, int, str, float]]) -> Iterator[str]:
    """Names, most heard first: artist, title, times heard, the track most like it and how alike it is."""
    if found:
        yield f"{heading}:"
    for artist, title, listenings, track, score in found[:MOST_SHOWN]:
        yield f"  {listenings:5} × {artist} – {title}" + (f"   ({track}: {score:g})" if track else "")
    if len(found) > MOST_SHOWN:
        yield f"        and {len(found) - MOST_SHOWN} more; --json has all"
