"""Which tracks stood together in sessions, asked session by session: no pair table is kept.

In: sessions in time order, as flat arrays. Out: for some seeds, the tracks that stood near them and how strongly,
sessions that share more with the seeds counting more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from training.encoder import Floats

__all__ = ["Cooccurrence", "Evidence", "newest_of_each", "ragged"]

Ints = NDArray[np.int64]

SEED_DECAY = 0.6
OVERLAP_DECAY = 0.8
SEED_POPULARITY = -0.7
CANDIDATE_POPULARITY = -0.1
GAP = -0.5
BEFORE = 0.5
"""What stood before the seed counts half of what came after it."""
WINDOW = 30
SEEDS = 20
NEWEST = 1_000
"""Occurrences of one seed that are looked at: the newest ones."""


class Evidence(NamedTuple):
    """Tracks that stood near the seeds, ascending by position, with what each seed contributed."""

    candidates: Ints
    """(c,) positions, each once."""
    scores: NDArray[np.float64]
    """(c,) how strongly, all seeds together."""
    by_seed: NDArray[np.float64]
    """(c, k) the same by seed; the columns follow `seeds`."""
    seeds: Ints
    """(k,) the distinct seeds, oldest first."""

    def of(self, places: Ints) -> NDArray[np.float64]:
        """The scores of the tracks at `places` (c,), 0 where nothing speaks for one."""
        if not len(self.candidates):
            return np.zeros(len(places))
        at = np.minimum(np.searchsorted(self.candidates, places), len(self.candidates) - 1)
        return np.where(self.candidates[at] == places, self.scores[at], 0.0)


class Cooccurrence:
    """Sessions and where each item occurs in them; all arrays may be memory-mapped."""

    ARRAYS = ("offsets", "items", "session_of", "places_offsets", "places")

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._offsets, self._items, self._session_of, self._places_offsets, self._places = (
            arrays[name] for name in self.ARRAYS
        )
        self.arrays = dict(arrays)
        self._gaps = np.maximum(np.arange(WINDOW + 1), 1.0) ** GAP
        self._sessions = len(self._offsets) - 1

    @classmethod
    def build(cls, offsets: NDArray[np.int64], items: NDArray[np.int32], n_items: int) -> Self:
        """From sessions in time order: session `s` is `items[offsets[s]:offsets[s + 1]]`."""
        lengths = np.diff(offsets)
        order = np.argsort(items, kind="stable")
        counts = np.bincount(items, minlength=n_items)
        return cls(
            {
                "offsets": offsets,
                "items": items,
                "session_of": np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
                "places_offsets": np.concatenate([[0], np.cumsum(counts)]),
                "places": order.astype(np.int64),
            }
        )

    @property
    def counts(self) -> Ints:
        """How often each item stands in the sessions."""
        return np.diff(self._places_offsets)

    def occurrences(self, seeds: Ints) -> tuple[Ints, Ints]:
        """Where `seeds` stand in the flat items, the newest `NEWEST` of each, and which seed that is."""
        begins, ends = self._places_offsets[seeds], self._places_offsets[seeds + 1]
        begins = np.maximum(begins, ends - NEWEST)
        places, owner = ragged(begins, ends - begins)
        return self._places[places], owner

    def session_of(self, places: Ints) -> Ints:
        """The session of each place in the flat items."""
        return self._session_of[places].astype(np.int64)

    def evidence(self, seeds: Ints, strengths: Floats) -> Evidence:
        """What stood near `seeds` (oldest first, each with its weight in (0, 1]); seeds unknown here give nothing."""
        known = seeds < len(self._places_offsets) - 1
        seeds, strengths = newest_of_each(seeds[known], strengths[known], SEEDS)
        places, owner = self.occurrences(seeds)
        if not len(places):
            nothing = np.empty(0)
            return Evidence(np.empty(0, dtype=np.int64), nothing, np.empty((0, len(seeds))), seeds)
        sessions = self.session_of(places)
        popularity = self._places_offsets[seeds + 1] - self._places_offsets[seeds]
        distances = np.arange(len(seeds))[::-1]
        pull = strengths * SEED_DECAY**distances * np.maximum(popularity, 1) ** SEED_POPULARITY
        share = strengths * OVERLAP_DECAY**distances / np.log(2 + popularity)
        _, session = np.unique(sessions, return_inverse=True)
        overlap = np.bincount(session, weights=share[owner])[session]
        worth = pull[owner] * overlap * np.exp(sessions / max(self._sessions, 1) - 1)
        first = np.maximum(self._offsets[sessions], places - WINDOW)
        after = np.minimum(self._offsets[sessions + 1], places + WINDOW + 1)
        neighbours, place = ragged(first, after - first)
        gap = neighbours - places[place]
        weights = worth[place] * self._gaps[np.abs(gap)] * np.where(gap < 0, BEFORE, 1.0) * (gap != 0)
        return self._gather(self._items[neighbours], weights, owner[place], seeds)

    def _gather(self, items: NDArray[np.int32], weights: NDArray[np.float64], owner: Ints, seeds: Ints) -> Evidence:
        candidates, candidate = np.unique(items, return_inverse=True)
        k = len(seeds)
        by_seed = np.bincount(candidate * k + owner, weights=weights, minlength=len(candidates) * k).reshape(-1, k)
        counts = self._places_offsets[candidates + 1] - self._places_offsets[candidates]
        by_seed *= (np.maximum(counts, 1) ** CANDIDATE_POPULARITY)[:, None]
        scores = by_seed.sum(axis=1)
        some = scores > 0
        return Evidence(candidates[some].astype(np.int64), scores[some], by_seed[some], seeds)


def ragged(begins: Ints, lengths: Ints) -> tuple[Ints, Ints]:
    """The ranges `begins[i] … begins[i] + lengths[i] - 1` one after the other, and for each number its `i`."""
    owner = np.repeat(np.arange(len(begins)), lengths)
    shift = begins - (np.cumsum(lengths) - lengths)
    return np.arange(len(owner)) + shift[owner], owner


def newest_of_each(seeds: Ints, strengths: Floats, most: int) -> tuple[Ints, Floats]:
    """The `most` newest distinct ones of `seeds` (oldest first), each where it stands last, with their strengths."""
    _, from_end = np.unique(seeds[::-1], return_index=True)
    keep = np.sort(len(seeds) - 1 - from_end)[-most:]
    return seeds[keep], strengths[keep]
