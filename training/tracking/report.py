"""What a training tells: while it runs, in lines; at its end, in a report.

In: stages as they begin and end, and what came of them. Out: lines for a person, and a `TrainingReport`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.models import Frozen
from infra.under_way import UnderWay
from training.judge.challenge import Figures
from training.learn.search import Trial
from training.tracking.card import Subject

__all__ = ["Progress", "Stages", "TrainingReport"]

Progress = Callable[[str], None]


class TrainingReport(Frozen):
    """What came of a training."""

    version: str
    run_id: str
    champion: bool
    """Whether it serves from now on."""
    why: str
    tracks: int
    left_out: int
    """Tracks without a usable sound vector."""
    sessions: int
    plays: int
    metrics: Figures
    """On the held-out plays; empty without any."""
    baselines: dict[str, Figures]
    """The same by baseline; `champion` is the version that served until now."""
    trials: list[Trial]
    """Of the search for parameters; empty without one."""
    best_trial: int | None
    seconds: dict[str, float]
    """By stage; a stage that an interrupted training had done before is not there."""

    @staticmethod
    def of(subject: Subject, version: str, run_id: str, seconds: dict[str, float]) -> TrainingReport:
        """The report of a training that ended well."""
        verdict, search = subject.verdict, subject.search
        return TrainingReport(
            version=version,
            run_id=run_id,
            champion=verdict.takes_over,
            why=verdict.why,
            tracks=subject.prepared.n_tracks,
            left_out=subject.prepared.left_out,
            sessions=subject.prepared.n_sessions,
            plays=subject.prepared.n_plays,
            metrics=verdict.challenger,
            baselines=dict(subject.baselines) | ({"champion": verdict.champion} if verdict.champion else {}),
            trials=search.trials if search is not None else [],
            best_trial=search.best.number if search is not None else None,
            seconds=seconds,
        )


TELL_EVERY_S = 10.0


class Stages:
    """Says which stage has begun and notes how long each took."""

    def __init__(self, progress: Progress, watched: UnderWay) -> None:
        """`progress` tells a person who waits, `watched` whoever looks."""
        self._began = self._told = self._part_began = time.perf_counter()
        self._watched = watched
        self._stage = self._part = ""
        self._part_from = 0
        self.seconds: dict[str, float] = {}
        self.say = progress
        """Tells a person one line."""

    @property
    def all_seconds(self) -> float:
        """How long it took until now."""
        return time.perf_counter() - self._began

    def step(self, name: str, done: int, of: int) -> None:
        """Tells now and then how far a long part of a stage is, and when it is done."""
        self.part(name, done, of, name)
        if done == of or time.perf_counter() - self._told >= TELL_EVERY_S:
            self._told = time.perf_counter()
            self.say(f"{name}: {done} of {of}")

    def part(self, name: str, done: int, of: int, told: str) -> None:
        """Tells those who watch how far a part is, and how long the rest of it will take."""
        now = time.perf_counter()
        if name != self._part:
            # What had been done before is not counted: it says nothing about the pace.
            self._part, self._part_began, self._part_from = name, now, done
        pace = (now - self._part_began) / (done - self._part_from) if done > self._part_from else None
        left_s = None if pace is None else pace * (of - done)
        self._watched.at(self._stage, done=done, total=of, left_s=left_s, told=told)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Around one stage."""
        self.say(name)
        self._stage = name
        self._watched.at(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 2)
