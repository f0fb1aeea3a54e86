"""How many plays have come that tell something: when to train again is decided by their number.

In: the plays in MongoDB. Out: a count of those written since the newest model's were read.
"""

from __future__ import annotations

from infra.store import Store
from training.data.signals import AHEAD_MS

__all__ = ["new_plays"]

TELLING = ("finished", "skipped", "liked", "disliked")
"""Events that say what a listener thought of a track; `started` and `progress` only lead there."""


def new_plays(store: Store, since_ms: int, now_ms: int, enough: int) -> int:
    """Those written since `since_ms` that may be learned from now, counted up to `enough`. Raises `StoreError`."""
    return store.plays.arrived(since_ms, TELLING, until_ms=now_ms + AHEAD_MS, most=enough)
