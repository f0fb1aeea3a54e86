"""Where the behaviour table begins: what sessions alone say about tracks, before any training.

In: train sessions. Out: (n_tracks, dim) rows of a singular value decomposition of windowed co-occurrence (PPMI).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from training.data.dataset import Sessions, TrainingData
from training.data.vectors import Floats

__all__ = ["behaviour"]

WINDOW = 5
PRIOR_PLAYS = 5.0
"""A track with this many plays begins with half as much behaviour as it has sound."""


def behaviour(data: TrainingData, dim: int, seed: int) -> Floats:
    """(n, dim): rows of a PPMI-SVD over windows, shorter for tracks that have a sound and few plays."""
    n = len(data.track_ids)
    table = np.zeros((n, dim), dtype=np.float32)
    positive = data.train.wanted()
    if not len(positive.items):
        return table
    ppmi = _ppmi(positive, n)
    if ppmi.nnz and n > 1:
        k = min(dim, n - 1)
        u, s, _ = randomized_svd(ppmi, n_components=k, n_iter=4, random_state=seed)
        table[:, :k] = u * np.sqrt(s)
    noise = np.random.default_rng(seed).normal(scale=0.1 / math.sqrt(dim), size=table.shape)
    table = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6) + noise
    has_sound = np.abs(data.sound).sum(axis=1) > 0
    share = np.where(has_sound, data.counts / (data.counts + PRIOR_PLAYS), 1.0)
    return np.asarray(table * share[:, None] * (data.counts > 0)[:, None], dtype=np.float32)


def _ppmi(sessions: Sessions, n: int) -> sparse.csr_matrix:
    owner = np.repeat(np.arange(sessions.number), np.diff(sessions.offsets))
    counts = sparse.csr_matrix((n, n), dtype=np.float32)
    for gap in range(1, WINDOW + 1):
        together = owner[gap:] == owner[:-gap]
        left, right = sessions.items[:-gap][together], sessions.items[gap:][together]
        values = np.full(len(left), 1.0 / gap, dtype=np.float32)
        counts = counts + sparse.csr_matrix((values, (left, right)), shape=(n, n))
    counts = sparse.coo_matrix(counts + counts.T)
    rows = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1e-9)
    smoothed = rows**0.75 / (rows**0.75).sum()
    information = np.log(counts.data / (rows[counts.row] * smoothed[counts.col]))
    keep = information > 0
    return sparse.csr_matrix((information[keep], (counts.row[keep], counts.col[keep])), shape=(n, n))
