"""How well the network alone finds what was played next in sessions that it did not learn from.

In: the modules and the held-out sessions. Out: the share of next tracks among the first 20 of all.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.data.dataset import Sessions
from training.learn.batches import batch
from training.learn.model import SessionEncoder

__all__ = ["p_at_20"]

FIRST = 20
SESSIONS_AT_ONCE = 256
SCORES_AT_ONCE = 2**25
"""Cosines in memory at one time: 128 MB of them."""
PAIRS = 2_000


@torch.no_grad()
def p_at_20(encoder: SessionEncoder, table: Tensor, sessions: Sessions) -> float:
    """On about `PAIRS` pairs of `sessions`, of which there must be one; `table` (n, dim) are the items' unit vectors."""
    encoder.eval()
    hits = pairs = 0
    for begin in range(0, sessions.number, SESSIONS_AT_ONCE):
        some = sessions.select(np.arange(begin, min(begin + SESSIONS_AT_ONCE, sessions.number)))
        queries, following = _pairs(encoder, table, some)
        at_once = max(SCORES_AT_ONCE // len(table), 1)
        for asked, right in zip(torch.split(queries, at_once), torch.split(following, at_once), strict=True):
            best = (asked @ table.T).topk(min(FIRST, len(table))).indices
            hits += int((best == right[:, None]).any(-1).sum())
        pairs += len(following)
        if pairs >= PAIRS:
            break
    return hits / pairs


def _pairs(encoder: SessionEncoder, table: Tensor, sessions: Sessions) -> tuple[Tensor, Tensor]:
    """Queries (p, dim) and the positions (p,) of what came next."""
    one = batch(sessions, table.device)
    queries = encoder(table[one.items[:, :-1]], one.weights[:, :-1].clamp(min=1e-3))
    valid = (one.weights[:, 1:] > 0) & (one.weights[:, :-1] > 0)
    return queries[valid], one.items[:, 1:][valid]
