"""What tells one training's data from another's.

In: `TrainingData`. Out: a hash that is the same for the same tracks, sounds and sessions.
"""

from __future__ import annotations

import hashlib

import numpy as np

from training.data.dataset import TrainingData

__all__ = ["fingerprint"]


def fingerprint(data: TrainingData) -> str:
    """SHA-256 over names, vectors and sessions, in hexadecimal."""
    told = hashlib.sha256()
    for names in (data.track_ids, data.artists, data.albums):
        told.update("\0".join(names).encode())
    for array in (data.sound, *data.segments, *data.train, *data.holdout):
        told.update(f"{array.dtype}{array.shape}".encode())
        told.update(np.ascontiguousarray(array).data)
    return told.hexdigest()
