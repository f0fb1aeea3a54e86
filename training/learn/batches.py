"""Sessions as padded tensors, and the negatives they are ranked against.

In: `Sessions`, play counts. Out: an endless-enough stream of `Batch`es of about one length, and `Negatives`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.cooccurrence import ragged
from training.data.dataset import Sessions
from training.learn.crew import Crew

__all__ = ["Batch", "Negatives", "Sampler", "batch", "batches", "chunks", "steps"]

LEAST_STEPS = 40
"""Steps of an epoch at least: a household's sessions are gone through more than once."""


class Batch(NamedTuple):
    """Sessions of about one length, padded at the end; `items` and `weights` are (b, t + 1)."""

    items: Tensor
    weights: Tensor
    """0 where there is padding."""
    skipped: Tensor
    """(s, 3): row, step after which it was skipped, item."""


class Negatives(NamedTuple):
    """Items to rank against, and the log of the chance that each item (n_items,) is among them."""

    items: Tensor
    log_chance: Tensor


def chunks(sessions: Sessions, length: int) -> Sessions:
    """Sessions cut to at most `length` items, those of one wanted track left out."""
    sizes = np.diff(sessions.offsets)
    pieces = -(-sizes // length)
    piece, owner = ragged(np.zeros(len(sizes), dtype=np.int64), pieces)
    begins = sessions.offsets[owner] + piece * length
    ends = np.minimum(begins + length, sessions.offsets[owner + 1])
    wanted = np.concatenate([[0], np.cumsum(sessions.weights > 0)])
    keep = wanted[ends] - wanted[begins] > 1
    places, _ = ragged(begins[keep], (ends - begins)[keep])
    offsets = np.concatenate([[0], np.cumsum((ends - begins)[keep])])
    return Sessions(offsets, sessions.items[places], sessions.weights[places])


def steps(sessions: Sessions, batch_size: int) -> int:
    """How many steps an epoch has."""
    return max(math.ceil(sessions.number / batch_size), LEAST_STEPS)


def batches(sessions: Sessions, number: int, batch_size: int, rng: np.random.Generator, crew: Crew) -> Iterator[Batch]:
    """`number` batches, sessions of about one length together, every session about equally often.

    With the same `rng`, the workers of a crew deal the sessions of each batch out among them.
    """
    if not sessions.number:
        return
    size = min(batch_size, max(math.ceil(sessions.number / 8), 8), sessions.number)
    lengths = np.diff(sessions.offsets)
    made = 0
    while made < number:
        # Sorted by length with some noise: little padding, and other neighbours each time.
        order = np.argsort(lengths + rng.uniform(0, 1.5, sessions.number))
        groups = [order[i : i + size] for i in range(0, len(order), size)]
        for group in rng.permutation(len(groups))[: number - made]:
            share = groups[group][crew.rank :: crew.size]
            yield batch(sessions.select(share if len(share) else groups[group]), crew.device)
            made += 1


def batch(sessions: Sessions, device: torch.device) -> Batch:
    """Wanted tracks in a row; what was skipped is noted beside the step it followed."""
    wanted = sessions.wanted()
    lengths = np.diff(wanted.offsets)
    place, owner = ragged(np.zeros(len(lengths), dtype=np.int64), lengths)
    items = np.zeros((len(lengths), int(lengths.max())), dtype=np.int64)
    weights = np.zeros(items.shape, dtype=np.float32)
    items[owner, place], weights[owner, place] = wanted.items, wanted.weights
    unwanted = np.flatnonzero(sessions.weights < 0)
    row = np.searchsorted(sessions.offsets, unwanted, side="right") - 1
    before = np.concatenate([[0], np.cumsum(sessions.weights > 0)])
    step = before[unwanted] - before[sessions.offsets[row]] - 1
    skipped = np.stack([row, step, sessions.items[unwanted].astype(np.int64)], axis=1)[step >= 0]
    return Batch(*(torch.from_numpy(a).to(device) for a in (items, weights, skipped)))


class Sampler:
    """Negatives by play count to the power of 0.75; all played tracks where there are few.

    A track that nobody has played is never among them: not to have been there says nothing against it.
    """

    def __init__(self, counts: NDArray[np.int64], wanted: int, device: torch.device) -> None:
        chance = torch.from_numpy(counts**0.75).to(device)
        self._chance = chance / chance.sum().clamp(min=1)
        self._wanted = wanted
        self._played = torch.nonzero(chance > 0)[:, 0]
        inclusion = -torch.expm1(wanted * torch.log1p(-self._chance.clamp(max=1 - 1e-9)))
        self._log_chance = torch.log(inclusion.clamp(min=1e-12)).float()

    def draw(self) -> Negatives:
        """Another draw, each item once."""
        if len(self._played) <= self._wanted:
            return Negatives(self._played, torch.zeros_like(self._log_chance))
        drawn = torch.multinomial(self._chance, self._wanted, replacement=True)
        return Negatives(torch.unique(drawn), self._log_chance)
