"""Where the behaviour table begins: what sessions alone say about tracks, before any training.

In: how often tracks stood near each other. Out: (n_tracks, dim) rows of a singular value decomposition of what that
tells beyond chance (PPMI).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from training.data.dataset import TrainingData
from training.data.vectors import Floats

__all__ = ["behaviour"]

PRIOR_PLAYS = 5.0
"""A track with this many plays begins with half as much behaviour as it has sound."""


def behaviour(data: TrainingData, near: sparse.csr_matrix, dim: int, seed: int) -> Floats:
    """(n, dim): rows of a PPMI-SVD of `near` (n, n) counts, shorter for tracks that have a sound and few plays."""
    n = len(data.track_ids)
    table = np.zeros((n, dim), dtype=np.float32)
    if not data.counts.any():
        return table
    ppmi = _ppmi(near)
    if ppmi.nnz and n > 1:
        k = min(dim, n - 1)
        u, s, _ = randomized_svd(ppmi, n_components=k, n_iter=4, random_state=seed)
        table[:, :k] = u * np.sqrt(s)
    noise = np.random.default_rng(seed).normal(scale=0.1 / math.sqrt(dim), size=table.shape)
    table = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6) + noise
    has_sound = np.abs(data.sound).sum(axis=1) > 0
    share = np.where(has_sound, data.counts / (data.counts + PRIOR_PLAYS), 1.0)
    return np.asarray(table * share[:, None] * (data.counts > 0)[:, None], dtype=np.float32)


def _ppmi(near: sparse.csr_matrix) -> sparse.csr_matrix:
    counts = sparse.coo_matrix(near)
    rows = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1e-9)
    smoothed = rows**0.75 / (rows**0.75).sum()
    information = np.log(counts.data / (rows[counts.row] * smoothed[counts.col]))
    keep = information > 0
    return sparse.csr_matrix((information[keep], (counts.row[keep], counts.col[keep])), shape=near.shape)
