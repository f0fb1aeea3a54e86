"""Vectors as everything here has them.

In: rows of numbers. Out: the same with length 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "unit"]

Floats = NDArray[np.float32]

LEAST_NORM = 1e-12


def unit(vectors: Floats) -> Floats:
    """`vectors` (…, d) scaled to length 1; rows of zeros stay zeros."""
    norms = np.sqrt(np.sum(vectors * vectors, axis=-1, keepdims=True))
    return np.asarray(vectors / np.maximum(norms, np.float32(LEAST_NORM)), dtype=np.float32)
