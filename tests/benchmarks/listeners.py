"""Simulated listeners of real music: who plays what follows from tags and from hidden traits, never from the sound.

In: artist, album and genre of each track, a seed. Out: sessions. This is a simulation. Tracks of one album, artist or
genre share part of their traits, and often sound alike because they were made by the same people; each track has a part
of its own beside, which no features can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.measured import Labels

__all__ = ["Listeners"]

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

TRAITS = 16
OF_GENRE, OF_ARTIST, OF_ALBUM, OF_ITS_OWN = 0.5, 0.7, 0.7, 0.8
"""Lengths of the parts of a track's traits."""
LISTENERS, TASTES = 20, 3
TASTE_SPREAD = 0.5
"""How far a taste is from the traits of the one track that it began with, whose own length is 1."""
CHOOSINESS = 8.0
"""Logarithm of how much more often a track is played that fits a taste wholly than one that has nothing to do with it.
With it, about half of what comes next is among the first twenty of 240 tracks for who knows all plays."""
POPULARITY_SPREAD = 0.7
SHORTEST, LONGEST = 4, 16


class Listeners:
    """Listeners with a few tastes each, who play a session after one of them."""

    def __init__(self, tracks: Sequence[Labels], seed: int) -> None:
        rng = np.random.default_rng(seed)
        traits = OF_ITS_OWN * _directions(len(tracks), rng)
        lengths = {"artist": OF_ARTIST, "album": OF_ALBUM, "genre": OF_GENRE}
        for label, length in lengths.items():
            names, group = np.unique([getattr(one, label) for one in tracks], return_inverse=True)
            parts = _directions(len(names), rng) * (names != "")[:, None]
            traits += length * parts[group]
        self._traits = traits / np.linalg.norm(traits, axis=1, keepdims=True)
        self._popularity = rng.normal(scale=POPULARITY_SPREAD, size=len(tracks))
        begun = rng.integers(len(tracks), size=(LISTENERS, TASTES))
        tastes = self._traits[begun] + TASTE_SPREAD * _directions(begun.size, rng).reshape(LISTENERS, TASTES, -1)
        self._tastes = tastes / np.linalg.norm(tastes, axis=2, keepdims=True)

    def sessions(self, number: int, seed: int) -> Iterator[Ints]:
        """`number` sessions, each track at most once in one; the same for the same seed."""
        rng = np.random.default_rng(seed)
        for _ in range(number):
            taste = self._tastes[rng.integers(LISTENERS), rng.integers(TASTES)]
            wanted = np.exp(CHOOSINESS * self._traits @ taste + self._popularity)
            length = min(int(rng.integers(SHORTEST, LONGEST + 1)), len(wanted))
            yield rng.choice(len(wanted), size=length, replace=False, p=wanted / wanted.sum())


def _directions(n: int, rng: np.random.Generator) -> Doubles:
    """(n, TRAITS) unit vectors."""
    drawn = rng.normal(size=(n, TRAITS))
    directions: Doubles = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return directions
