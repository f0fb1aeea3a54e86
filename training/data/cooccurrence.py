"""Sessions and where each track stands in them: no pair table is kept.

In: sessions in time order, as flat arrays. Out: occurrences of tracks, and what stands around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.data.vectors import Floats

__all__ = ["Cooccurrence", "newest_of_each", "ragged"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

NEWEST = 1_000
"""Occurrences of one seed that are looked at: the newest ones."""


class Cooccurrence:
    """Sessions and where each item occurs in them; all arrays may be memory-mapped."""

    ARRAYS = ("offsets", "items", "session_of", "places_offsets", "places")

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._offsets, self._items, self._session_of, self._places_offsets, self._places = (
            arrays[name] for name in self.ARRAYS
        )
        self.arrays = dict(arrays)
        self.sessions = len(self._offsets) - 1
        """How many there are."""

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

    @classmethod
    def none(cls, n_items: int) -> Self:
        """Of no sessions."""
        return cls.build(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32), n_items)

    @cached_property
    def counts(self) -> Ints:
        """How often each item stands in the sessions."""
        return np.diff(self._places_offsets)

    def plays_since(self, share: float) -> Ints:
        """(n,) how often each item stands in the newest `share` of the sessions."""
        begin = self._offsets[int(self.sessions * (1 - share))]
        return np.bincount(self._items[begin:], minlength=len(self.counts))

    def newest(self) -> Doubles:
        """(n,) when each item was played last: 0 in the first session (or never), towards 1 in the last."""
        newest = np.zeros(len(self.counts))
        newest[self._items] = self._session_of / max(self.sessions, 1)
        return newest

    def occurrences(self, seeds: Ints) -> tuple[Ints, Ints]:
        """Where `seeds` stand in the flat items, the newest `NEWEST` of each, and which seed that is."""
        begins, ends = self._places_offsets[seeds], self._places_offsets[seeds + 1]
        begins = np.maximum(begins, ends - NEWEST)
        places, owner = ragged(begins, ends - begins)
        return self._places[places], owner

    def sessions_of(self, places: Ints) -> Ints:
        """The session of each place in the flat items."""
        return self._session_of[places].astype(np.int64)

    def items_of(self, sessions: Ints) -> tuple[Ints, Ints]:
        """The items of `sessions`, one after the other, and for each the place of its session among them."""
        begins = self._offsets[sessions]
        places, owner = ragged(begins, self._offsets[sessions + 1] - begins)
        return self.items_at(places), owner

    def around(self, places: Ints, window: int) -> tuple[Ints, Ints]:
        """The places no further than `window` from each of `places` in its session, itself left out, and whose they are."""
        sessions = self.sessions_of(places)
        first = np.maximum(self._offsets[sessions], places - window)
        after = np.minimum(self._offsets[sessions + 1], places + window + 1)
        found, owner = ragged(first, after - first)
        others = found != places[owner]
        return found[others], owner[others]

    def items_at(self, places: Ints) -> Ints:
        """The item at each place."""
        return self._items[places].astype(np.int64)

    def preceded(self, places: Ints, before: Ints) -> Ints:
        """How many of `before` (oldest first) stand directly before each of `places`, without a gap, in its session."""
        first = self._offsets[self.sessions_of(places)]
        length = np.zeros(len(places), dtype=np.int64)
        alike = np.ones(len(places), dtype=bool)
        for back, item in enumerate(before[::-1], start=1):
            alike &= (places - back >= first) & (self._items[np.maximum(places - back, 0)] == item)
            length += alike
        return length


def ragged(begins: Ints, lengths: Ints) -> tuple[Ints, Ints]:
    """The ranges `begins[i] … begins[i] + lengths[i] - 1` one after the other, and for each number its `i`."""
    owner = np.repeat(np.arange(len(begins)), lengths)
    shift = begins - (np.cumsum(lengths) - lengths)
    return np.arange(len(owner)) + shift[owner], owner


def newest_of_each(seeds: Ints, strengths: Floats, most: int) -> tuple[Ints, Floats]:
    """The `most` newest distinct ones of `seeds` (oldest first), each where it stands last, with their strengths."""
    newest = {seed: place for place, seed in enumerate(seeds.tolist())}
    keep = np.array(sorted(newest.values())[-most:], dtype=np.int64)
    return seeds[keep], strengths[keep]
