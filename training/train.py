"""The training loop: the next track by sampled softmax, a contrast of sounds, and skips that push.

In: `ModelConfig`, `TrainingData`. Out: `FittedModel`, plain arrays; and the figures of each epoch to `log`.
The same seed on the same machine gives the same figures.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import psutil
import torch

from infra.errors import TrainingError
from training.batches import Sampler, batch, batches, chunks, steps
from training.behaviour import behaviour
from training.dataset import TrainingData
from training.encoder import FittedModel
from training.losses import in_parts, session_loss, sound_loss
from training.model import ItemTable, ModelConfig, SessionEncoder

__all__ = ["Log", "fit"]

Log = Callable[[int, dict[str, float]], None]

THREADS_FROM = 100_000
"""Plays from which more than one thread is worth the waiting for each other."""
HOLDOUT_PAIRS = 2_000


def fit(config: ModelConfig, data: TrainingData, log: Log = lambda _epoch, _figures: None) -> FittedModel:
    """Train; raises `TrainingError` when there is nothing to learn from or the loss is no longer a number."""
    _check(data)
    torch.manual_seed(config.seed)
    torch.set_num_threads(_threads(len(data.train.items)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = np.random.default_rng(config.seed)
    sessions = chunks(data.train, config.max_length + 1)
    items = ItemTable(data.sound, behaviour(data, config.dim, config.seed), config.content_dropout).to(device)
    encoder = SessionEncoder(config.dim, config.max_length, config.dropout).to(device) if sessions.number else None
    modules = torch.nn.ModuleList([items, *([encoder] if encoder is not None else [])])
    if encoder is None and len(in_parts(data)) < 2:
        return _fitted(config, items, encoder)
    number = steps(sessions, config.batch_size)
    optimiser = torch.optim.Adam(modules.parameters(), lr=config.lr, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warm_then_cosine(number * config.epochs))
    sampler = Sampler(data.counts, config.negatives, device)
    for epoch in range(config.epochs):
        began, losses = time.perf_counter(), []
        modules.train()
        stream = batches(sessions, number, config.batch_size, rng, device)
        for _ in range(number):
            loss = sound_loss(items, data, rng, device) * (config.sound_weight if encoder is not None else 1.0)
            if encoder is not None:
                loss = loss + session_loss(config, items, encoder, next(stream), sampler.draw())
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        figures = {"loss": float(np.mean(losses)), "seconds": time.perf_counter() - began}
        if not math.isfinite(figures["loss"]):
            raise TrainingError(f"the loss is no number in epoch {epoch}: use a lower learning rate than {config.lr}")
        log(epoch, figures | _holdout(config, items, encoder, data, device))
    return _fitted(config, items, encoder)


def _threads(plays: int) -> int:
    # Half of the logical cores: two that share a physical one spend their time waiting for each other, and the
    # service goes on beside.
    return max((psutil.cpu_count() or 1) // 2, 1) if plays >= THREADS_FROM else 1


def _check(data: TrainingData) -> None:
    if not data.track_ids:
        raise TrainingError("there are no tracks to learn from; run `segue ingest` first")
    wrong = np.flatnonzero(~np.isfinite(data.sound).all(axis=1))
    if len(wrong):
        raise TrainingError(f"track {data.track_ids[wrong[0]]}: its sound vector is not all numbers; ingest it again")
    parts = np.flatnonzero(~np.isfinite(data.segments.vectors).all(axis=1))
    if len(parts):
        track = int(np.searchsorted(data.segments.offsets, parts[0], side="right")) - 1
        raise TrainingError(f"track {data.track_ids[track]}: a part's sound vector is not all numbers; ingest it again")


def _warm_then_cosine(steps: int) -> Callable[[int], float]:
    warm = max(steps // 20, 1)
    return lambda step: min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(step / steps, 1))))


@torch.no_grad()
def _holdout(
    config: ModelConfig, items: ItemTable, encoder: SessionEncoder | None, data: TrainingData, device: torch.device
) -> dict[str, float]:
    """The share of held-out next tracks among the first 20 of all, by the network alone."""
    sessions = chunks(data.holdout, config.max_length + 1)
    if encoder is None or not sessions.number:
        return {}
    items.eval()
    encoder.eval()
    table = items(torch.arange(len(data.track_ids), device=device))
    hits = pairs = 0
    for begin in range(0, sessions.number, config.batch_size):
        one = batch(sessions.select(np.arange(begin, min(begin + config.batch_size, sessions.number))), device)
        queries = encoder(table[one.items[:, :-1]], one.weights[:, :-1].clamp(min=1e-3))
        valid = (one.weights[:, 1:] > 0) & (one.weights[:, :-1] > 0)
        cosines = queries[valid] @ table.T
        best = cosines.topk(min(20, len(table))).indices
        hits += int((best == one.items[:, 1:][valid][:, None]).any(-1).sum())
        pairs += int(valid.sum())
        if pairs >= HOLDOUT_PAIRS:
            break
    return {"holdout_p_at_20": hits / pairs}


@torch.no_grad()
def _fitted(config: ModelConfig, items: ItemTable, encoder: SessionEncoder | None) -> FittedModel:
    items.eval()
    table = items(torch.arange(len(items.sound), device=items.sound.device)).cpu().numpy()
    content = items.content.arrays() if items.content is not None else None
    return FittedModel(table, content, encoder.arrays() if encoder is not None else None, config.temperature)
