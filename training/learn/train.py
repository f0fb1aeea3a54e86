"""The training loop: the next track by sampled softmax, a contrast of sounds, and skips that push.

In: `ModelConfig`, `TrainingData`. Out: `FittedModel`, plain arrays; and the figures of each epoch to `log`.
The same seed and number of workers on the same machine give the same figures, whether or not it was killed in between.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil
import torch

from infra.errors import TrainingError
from training.data.dataset import TrainingData
from training.learn import checkpoint
from training.learn.batches import Sampler, batches, chunks, steps
from training.learn.behaviour import behaviour
from training.learn.content_start import content_start
from training.learn.crew import Crew, alone
from training.learn.holdout import p_at_20
from training.learn.losses import in_parts, session_loss, sound_loss
from training.learn.memory import give_back
from training.learn.model import ItemTable, ModelConfig, SessionEncoder
from training.learn.neighbours import neighbours, windowed
from training.recommend.encoder import FittedModel

__all__ = ["Fit", "Log", "check", "fit", "fit_in_crew", "quiet"]

Log = Callable[[int, dict[str, float]], None]

ITEMS_AT_ONCE = 65_536
THREADS_FROM = 100_000
"""Plays from which more than one thread is worth the waiting for each other."""


def quiet(_epoch: int, _figures: dict[str, float]) -> None:
    """Tells nobody."""


class Fit(Protocol):
    """Any way to train: here, or on the workers of a cluster."""

    def __call__(
        self, config: ModelConfig, data: TrainingData, log: Log = ..., *, checkpoints: Path | None = None
    ) -> FittedModel:
        """Train; `fit` says what the arguments mean."""


def fit(
    config: ModelConfig,
    data: TrainingData,
    log: Log = quiet,
    *,
    checkpoints: Path | None = None,
) -> FittedModel:
    """Train; raises `TrainingError` when there is nothing to learn from or the loss is no longer a number.

    With `checkpoints`, a folder of its own, what was reached is kept there after every epoch, and a later call with the
    same `config` and `data` goes on from it to the same result; the figures of the epochs already done are told to
    `log` again, so that curves are whole.
    """
    return fit_in_crew(config, data, log, checkpoints, alone())


def fit_in_crew(config: ModelConfig, data: TrainingData, log: Log, checkpoints: Path | None, crew: Crew) -> FittedModel:
    """Do this worker's share of a training; every worker of the crew calls it alike and returns the same model."""
    check(data)
    torch.set_num_threads(_threads(len(data.train.items), crew.neighbours))
    training = _Training(config, data, crew)
    if not training.teachable:
        return training.fitted()
    of = checkpoint.mark(config, data, crew.size) if checkpoints is not None else ""
    kept = checkpoint.newest(checkpoints, of) if checkpoints is not None and crew.rank == 0 else None
    training.take(crew.from_first(kept or training.state()))
    for epoch, figures in enumerate(training.figures):
        log(epoch, figures)
    for epoch in range(len(training.figures), config.epochs):
        log(epoch, training.epoch(epoch))
        if checkpoints is not None and crew.rank == 0:
            checkpoint.write(checkpoints, of, training.state())
    return training.fitted()


class _Training:
    """A model being trained."""

    def __init__(self, config: ModelConfig, data: TrainingData, crew: Crew) -> None:
        torch.manual_seed(config.seed)
        self._config, self._data, self._crew = config, data, crew
        self._sessions = chunks(data.train, config.max_length + 1)
        number = self._sessions.number
        near = windowed(data.train, len(data.track_ids))
        played = behaviour(data, near, config.dim, config.seed)
        around = neighbours(near, data.counts)
        content = content_start(data, played, config.seed)
        self._items = ItemTable(data, played, around, content, config.content_dropout).to(crew.device)
        self._encoder = (
            SessionEncoder(config.dim, config.max_length, config.dropout).to(crew.device) if number else None
        )
        self._modules = torch.nn.ModuleList([self._items, *([self._encoder] if self._encoder is not None else [])])
        self._steps = steps(self._sessions, config.batch_size)
        self._optimiser = torch.optim.Adam(self._modules.parameters(), lr=config.lr, fused=True)
        slope = _warm_then_cosine(self._steps * config.epochs)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimiser, slope)
        self._sampler = Sampler(data.counts, config.negatives, crew.device)
        self.figures: list[dict[str, float]] = []

    @property
    def teachable(self) -> bool:
        """Whether there is anything to train: sessions, or two tracks whose sound is known in parts."""
        return self._encoder is not None or len(in_parts(self._data)) > 1

    def epoch(self, number: int) -> dict[str, float]:
        """Go once through the sessions; returns what came of it."""
        began, losses = time.perf_counter(), []
        crew, config = self._crew, self._config
        # All workers put the same sessions together in a step; what else is random is each one's own.
        together = np.random.default_rng((config.seed, number))
        own = np.random.default_rng((config.seed, number, crew.rank))
        torch.manual_seed(int(own.integers(2**62)))
        self._modules.train()
        stream = batches(self._sessions, self._steps, config.batch_size, together, crew)
        for _ in range(self._steps):
            loss = sound_loss(self._items, self._data, own, crew.device)
            loss = loss * (config.sound_weight if self._encoder is not None else 1.0)
            if self._encoder is not None:
                loss = loss + session_loss(config, self._items, self._encoder, next(stream), self._sampler.draw())
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            crew.average(self._modules.parameters())
            self._optimiser.step()
            self._schedule.step()
            losses.append(float(loss.detach()))
        give_back()
        figures = {"loss": crew.mean(float(np.mean(losses))), "seconds": time.perf_counter() - began}
        if not math.isfinite(figures["loss"]):
            raise TrainingError(f"the loss is no number in epoch {number}: use a lower learning rate than {config.lr}")
        self.figures.append(figures | (self._held_out() if crew.rank == 0 else {}))
        return self.figures[-1]

    def state(self) -> checkpoint.State:
        """All that going on from here needs."""
        return {
            "modules": self._modules.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "figures": self.figures,
        }

    def take(self, state: checkpoint.State) -> None:
        """Go on from `state`."""
        self._modules.load_state_dict(state["modules"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self.figures = list(state["figures"])

    def fitted(self) -> FittedModel:
        """The model as plain arrays."""
        table = self._table().cpu().numpy()
        content = self._items.content.arrays() if self._items.content is not None else None
        encoder = self._encoder.arrays() if self._encoder is not None else None
        return FittedModel(table, content, encoder, self._config.temperature)

    def _held_out(self) -> dict[str, float]:
        sessions = chunks(self._data.holdout, self._config.max_length + 1)
        if self._encoder is None or not sessions.number:
            return {}
        return {"holdout_p_at_20": p_at_20(self._encoder, self._table(), sessions)}

    @torch.no_grad()
    def _table(self) -> torch.Tensor:
        """(n, dim) unit vectors of all items."""
        self._items.eval()
        every = torch.arange(len(self._data.track_ids), device=self._crew.device)
        return torch.cat([self._items(some) for some in torch.split(every, ITEMS_AT_ONCE)])


def check(data: TrainingData) -> None:
    """Raises `TrainingError` when there is no track, or naming the one whose sound is not all numbers."""
    if not data.track_ids:
        raise TrainingError("there are no tracks to learn from; run `segue ingest` first")
    wrong = np.flatnonzero(~np.isfinite(data.sound).all(axis=1))
    if len(wrong):
        raise TrainingError(f"track {data.track_ids[wrong[0]]}: its sound vector is not all numbers; ingest it again")
    parts = np.flatnonzero(~np.isfinite(data.segments.vectors).all(axis=1))
    if len(parts):
        track = int(np.searchsorted(data.segments.offsets, parts[0], side="right")) - 1
        raise TrainingError(f"track {data.track_ids[track]}: a part's sound vector is not all numbers; ingest it again")


def _threads(plays: int, neighbours: int) -> int:
    # Half of the logical cores: two that share a physical one spend their time waiting for each other, and the
    # service goes on beside.
    return max((psutil.cpu_count() or 1) // 2 // neighbours, 1) if plays >= THREADS_FROM else 1


def _warm_then_cosine(steps: int) -> Callable[[int], float]:
    warm = max(steps // 20, 1)
    return lambda step: min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(step / steps, 1))))
