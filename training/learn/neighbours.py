"""Which tracks stood near each other in sessions, and the nearest few of each.

In: train sessions. Out: windowed counts of pairs, and `Neighbours`, from whose behaviour a track with few plays borrows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.data.dataset import Sessions
from training.data.vectors import Floats

__all__ = ["Neighbours", "neighbours", "windowed"]

WINDOW = 5
MOST = 8
ROWS_AT_ONCE = 4_096
"""The pairs of all tracks at once would take several times the memory of their counts."""
POPULARITY = -0.5
"""What stands near everything is nobody's neighbour in particular."""


class Neighbours(NamedTuple):
    """The nearest few of each track, nearest first."""

    places: NDArray[np.int64]
    """(n, k) positions; where a track has fewer than k, the rest has a share of 0."""
    shares: Floats
    """(n, k) how near, in shares of 1."""


def windowed(sessions: Sessions, n: int) -> sparse.csr_matrix:
    """(n, n), symmetric: how often two tracks stood no more than `WINDOW` steps apart, each time as 1 / steps."""
    wanted = sessions.wanted()
    owner = np.repeat(np.arange(wanted.number), np.diff(wanted.offsets))
    counts = sparse.csr_matrix((n, n), dtype=np.float32)
    for gap in range(1, WINDOW + 1):
        together = owner[gap:] == owner[:-gap]
        left, right = wanted.items[:-gap][together], wanted.items[gap:][together]
        values = np.full(len(left), 1.0 / gap, dtype=np.float32)
        counts = counts + sparse.csr_matrix((values, (left, right)), shape=(n, n))
    return sparse.csr_matrix(counts + counts.T)


def neighbours(counts: sparse.csr_matrix, plays: NDArray[np.int64]) -> Neighbours:
    """The `MOST` nearest of each track by `counts` (n, n) for its neighbours' `plays` (n,)."""
    n = len(plays)
    places, shares = np.zeros((n, MOST), dtype=np.int64), np.zeros((n, MOST), dtype=np.float32)
    for begin in range(0, n, ROWS_AT_ONCE):
        pairs = sparse.coo_matrix(counts[begin : begin + ROWS_AT_ONCE])
        others = pairs.row + begin != pairs.col
        row, column = pairs.row[others].astype(np.int64), pairs.col[others].astype(np.int64)
        near = pairs.data[others] * np.maximum(plays[column], 1).astype(np.float32) ** POPULARITY
        order = np.lexsort((column, -near, row))
        row, column, near = row[order], column[order], near[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        first = rank < MOST
        places[begin + row[first], rank[first]] = column[first]
        shares[begin + row[first], rank[first]] = near[first]
    return Neighbours(places, shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9))
