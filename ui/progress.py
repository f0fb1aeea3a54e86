"""The progress of long work: an ingest, an evaluation.

In: `Progress` from `etl/pipeline.py`, once a file; epochs and scored pairs from `training/judge/evaluate.py`.
Out: a bar with rate and time left on a terminal, a line now and then elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from etl.pipeline import Progress, Report

__all__ = ["evaluation_progress", "ingest_progress", "watch_progress"]

LINE_EVERY_S = 10.0


@contextmanager
def ingest_progress(console: Console, *, quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """A function to call with each `Progress`; it draws nothing when `quiet`."""
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        yield from _bar(console)
    else:
        yield from _lines(console)


@contextmanager
def evaluation_progress(
    console: Console,
) -> Iterator[tuple[Callable[[int, dict[str, float]], None], Callable[[str, int, int], None]]]:
    """Two functions: one to call after each epoch, one while pairs are scored (whose, how many, of how many)."""
    shown = time.monotonic()

    def epoch(number: int, figures: dict[str, float]) -> None:
        told = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        console.print(f"epoch {number + 1}: {told}", highlight=False)

    def scored(name: str, done: int, of: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= LINE_EVERY_S or done == of:
            shown = time.monotonic()
            console.print(f"{name}: {done} of {of}", highlight=False)

    yield epoch, scored


@contextmanager
def watch_progress(
    console: Console, music: str, *, quiet: bool = False
) -> Iterator[tuple[Callable[[Progress], None], Callable[[Report], None]]]:
    """Two functions: one to call with each `Progress`, one with the report of each batch; a line a batch, none when `quiet`."""
    following = False
    with ingest_progress(console, quiet=quiet) as show:

        def batch(report: Report) -> None:
            nonlocal following
            if quiet:
                return
            for failure in report.failed:
                console.print(f"left out: {escape(failure.file)}, {escape(failure.reason)}", highlight=False)
            counts = {"brought in": report.ingested, "gone": report.gone, "left out": len(report.failed)}
            told = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing new"
            console.print(f"{time.strftime('%H:%M:%S')}  {told}", highlight=False)
            if not following:
                following = True
                console.print(f"following {escape(music)}; Ctrl-C ends it", highlight=False)

        yield show, batch


def _bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    columns = (
        TextColumn("Bringing music in"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        _Left(),
        TextColumn("[yellow]{task.fields[failed]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("ingest", total=None, rate="", failed="", ends=None)

        def show(p: Progress) -> None:
            ends = None if p.left_s is None else time.monotonic() + p.left_s
            # Nothing of it is shown between the batches of a watch.
            bar.update(
                task,
                total=p.total,
                completed=p.done,
                rate=_rate(p),
                failed=_failed(p),
                ends=ends,
                visible=p.done < p.total,
            )

        yield show


class _Left(ProgressColumn):
    """Time left, counting down while a long file is read."""

    def render(self, task: Task) -> Text:
        ends = task.fields["ends"]
        return Text("" if ends is None else f"{_duration(max(0.0, ends - time.monotonic()))} left")


def _lines(console: Console) -> Iterator[Callable[[Progress], None]]:
    shown = -LINE_EVERY_S

    def show(progress: Progress) -> None:
        nonlocal shown
        if progress.elapsed - shown >= LINE_EVERY_S:
            shown = progress.elapsed
            left = "" if progress.left_s is None else f"{_duration(progress.left_s)} left"
            told = (f"{progress.done} of {progress.total} files", _rate(progress), left, _failed(progress))
            console.print(", ".join(filter(None, told)), highlight=False)

    yield show


def _rate(progress: Progress) -> str:
    """Seconds of audio a second: the figure that says how long a collection takes."""
    faster = progress.audio_seconds / progress.elapsed if progress.elapsed > 0 else 0
    return f"{faster:.0f} × real time" if faster else ""


def _failed(progress: Progress) -> str:
    return f"{progress.failed} left out" if progress.failed else ""


def _duration(seconds: float) -> str:
    """Two units at most, as people say it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
