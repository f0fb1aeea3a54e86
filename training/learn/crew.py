"""Who trains together: one process alone, or one worker among several that each do their share of every step.

In: gradients, values. Out: the same averaged over the workers, or handed on from the first.
Alone, nothing is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed

__all__ = ["Crew", "alone"]


class Crew(NamedTuple):
    """This process among those that train one model; with a `size` of 2 or more a process group must be up."""

    device: torch.device
    rank: int = 0
    """Counted from 0; the first one measures and keeps checkpoints."""
    size: int = 1
    neighbours: int = 1
    """How many of them share this machine's cores, this one included."""

    def average(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Bring every gradient to its mean over the workers; all must call it with the same parameters."""
        if self.size == 1:
            return
        pending = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            pending.append((parameter.grad, distributed.all_reduce(parameter.grad, async_op=True)))
        for gradient, sent in pending:
            sent.wait()
            gradient.div_(self.size)

    def mean(self, value: float) -> float:
        """The mean of `value` over the workers."""
        if self.size == 1:
            return value
        total: Tensor = torch.tensor(value, device=self.device)
        distributed.all_reduce(total)
        return float(total) / self.size

    def from_first(self, value: Any) -> Any:
        """What the first worker has; any object that can be pickled."""
        if self.size == 1:
            return value
        held = [value if self.rank == 0 else None]
        distributed.broadcast_object_list(held, src=0, device=self.device)
        return held[0]


def alone() -> Crew:
    """One process, on a GPU when there is one."""
    return Crew(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
