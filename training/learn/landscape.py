"""A map of the music, learned once with the model: t-SNE of some tracks, and the others beside them.

In: unit vectors of all tracks. Out: places (n, 2) from 0 to 1.
"""

from __future__ import annotations

import numpy as np
from sklearn.manifold import TSNE

from training.data.vectors import Floats
from training.recommend.layout import beside, flattened, spread_out

__all__ = ["landscape"]

LANDMARKS = 2_000
"""Tracks that t-SNE is asked to place; it takes some ten seconds."""
FEWEST = 12
"""With fewer tracks there is no neighbourhood to keep."""
PERPLEXITY = 30.0
TURNS = 500


def landscape(vectors: Floats, seed: int) -> Floats:
    """Where each of `vectors` (n, d) lies; the same for the same seed."""
    n = len(vectors)
    if n < FEWEST or not vectors.any():
        return flattened(vectors)
    chosen = np.sort(np.random.default_rng(seed).choice(n, min(n, LANDMARKS), replace=False))
    landmarks = np.ascontiguousarray(vectors[chosen])
    perplexity = min(PERPLEXITY, (len(chosen) - 1) / 3)
    learned = TSNE(
        perplexity=perplexity, max_iter=TURNS, init=flattened(landmarks) * 1e-2, random_state=seed, n_jobs=1
    ).fit_transform(landmarks)
    places = spread_out(learned)
    whole = beside(vectors, landmarks, places)
    whole[chosen] = places
    return whole
