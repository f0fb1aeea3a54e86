"""What a search for parameters is made of: trials, what they are judged by, and who is told.

In: `TrainingData`. Out: the data as trials see it, and `Search`, every trial and the best one.
Trials are judged on the newest tenth of the *training* sessions: the plays that decide about the champion stay unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import numpy as np

from infra.errors import TrainingError
from infra.models import Frozen
from training.data.dataset import TrainingData
from training.learn.model import ModelConfig

__all__ = ["FEWEST_SESSIONS", "JUDGE", "Search", "TellOfTrials", "Trial", "TrialLog", "best_of", "set_aside"]

JUDGE = "holdout_p_at_20"
"""What `fit` measures after each epoch and a search wants high."""
SHARE = 0.1
FEWEST_SESSIONS = 20
"""Sessions of two wanted tracks or more that a search needs."""


class Trial(Frozen):
    """One set of parameters and what came of it."""

    number: int
    """Counted from 1; the first has the parameters that the search begins with."""
    parameters: dict[str, float | int]
    state: Literal["running", "finished", "stopped early", "failed"] = "running"
    epochs: int = 0
    judged: float | None = None
    """`JUDGE` after its last epoch, a share between 0 and 1."""
    seconds: float = 0.0
    reason: str = ""
    """Why it failed."""

    def told(self) -> str:
        """One line for people."""
        given = " ".join(f"{name} {value:.4g}" for name, value in self.parameters.items())
        judged = "" if self.judged is None else f", p@20 {self.judged:.2%}"
        ended = f"failed: {self.reason}" if self.reason else f"{self.state} after {self.epochs} epochs{judged}"
        return f"trial {self.number}: {given}: {ended} ({self.seconds:.0f} s)"


class Search(Frozen):
    """All trials, by number."""

    trials: list[Trial]
    best: Trial

    def applied(self, config: ModelConfig) -> ModelConfig:
        """`config` with the best trial's parameters."""
        return config.model_copy(update=dict(self.best.parameters))


class TrialLog(Protocol):
    """Who is told of trials while they run."""

    def began(self, trial: Trial) -> None:
        """A trial has started."""

    def epoch(self, trial: Trial, figures: Mapping[str, float]) -> None:
        """Epoch `trial.epochs - 1` of it is over."""

    def ended(self, trial: Trial) -> None:
        """It came to an end of any kind."""


class TellOfTrials:
    """A log that passes everything on and tells a person a line for each trial that ended."""

    def __init__(self, log: TrialLog, say: Callable[[str], None]) -> None:
        self.began, self.epoch = log.began, log.epoch
        self._log, self._say = log, say

    def ended(self, trial: Trial) -> None:
        """See `TrialLog`."""
        self._log.ended(trial)
        self._say(trial.told())


def set_aside(data: TrainingData) -> TrainingData:
    """`data` as trials see it: the newest tenth of its train sessions as their hold-out, the rest to train on.

    Raises `TrainingError` when that would leave too little to judge by.
    """
    telling = np.flatnonzero(np.diff(data.train.wanted().offsets) > 1)
    if len(telling) < FEWEST_SESSIONS:
        raise TrainingError(
            f"{len(telling)} sessions of two tracks or more are too few to choose parameters by, {FEWEST_SESSIONS} are "
            "needed: leave --tune out until more has been played"
        )
    return data.before(int(telling[-int(len(telling) * SHARE)]))


def best_of(trials: list[Trial]) -> Search:
    """The search that these trials make; raises `TrainingError` when none of them can be used."""
    usable = [one for one in trials if one.judged is not None and one.state != "failed"]
    if not usable:
        reasons = "; ".join(dict.fromkeys(one.reason for one in trials)) or "none was started"
        raise TrainingError(f"no trial came to an end: {reasons}")
    # Of equals the earlier one: what the search began with is not left for a coincidence.
    return Search(trials=trials, best=max(usable, key=lambda one: (one.judged or 0.0, -one.number)))
