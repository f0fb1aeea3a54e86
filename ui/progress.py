"""The progress of long work: an ingest, an evaluation.

In: `Progress` from `etl/pipeline.py`, once a file; epochs and scored pairs from `training/evaluate.py`.
Out: a bar with rate and time left on a terminal, a line now and then elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from etl.pipeline import Progress

__all__ = ["evaluation_progress", "ingest_progress"]

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
            console.print(f"{name}: {done} of {of} pairs scored", highlight=False)

    yield epoch, scored


def _bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    columns = (
        TextColumn("Bringing music in"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("ingest", total=None, rate="")
        yield lambda p: bar.update(task, total=p.total, completed=p.done, rate=_rate(p))


def _lines(console: Console) -> Iterator[Callable[[Progress], None]]:
    shown = -LINE_EVERY_S

    def show(progress: Progress) -> None:
        nonlocal shown
        if progress.elapsed - shown >= LINE_EVERY_S:
            shown = progress.elapsed
            console.print(f"{progress.done} of {progress.total} files, {_rate(progress)}", highlight=False)

    yield show


def _rate(progress: Progress) -> str:
    """Seconds of audio a second: the figure that says how long a collection takes."""
    return f"{progress.audio_seconds / progress.elapsed:.0f} × real time" if progress.elapsed > 0 else ""
