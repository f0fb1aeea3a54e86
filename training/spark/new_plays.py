"""How many plays there are that tell something: when to train again is decided by their number.

In: the plays in MongoDB. Out: a count of the same plays that a training counts in what Spark prepared.
"""

from __future__ import annotations

from infra.store import Store

__all__ = ["TELLING", "TELLING_PLAYS", "telling_plays"]

TELLING = ("finished", "skipped", "liked", "disliked")
"""Events that say what a listener thought of a track; `started` and `progress` only lead there."""
TELLING_PLAYS = "data.telling_plays"
"""Tag of a version: how many of them it learned from."""
DAY_MS = 24 * 60 * 60 * 1000


def telling_plays(store: Store, now_ms: int) -> int:
    """Those that a training would learn from now, milliseconds since 1970; reads all plays. Raises `StoreError`."""
    latest = store.normalisers.latest()
    known = {one.id for one in store.tracks.holdings() if latest is not None and one.vector_version == latest[0]}
    return sum(
        play.kind in TELLING and not play.private and play.track in known and play.at_ms <= now_ms + DAY_MS
        for play in store.plays.scan()
    )
