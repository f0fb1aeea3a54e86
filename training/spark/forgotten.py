"""Whether a listener whose plays were prepared for training has been forgotten since.

In: the sessions that Spark wrote, and the plays as they are now. Out: a yes or no; a model made of them is not kept then.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.dataset as pads

from infra.models import UserId
from infra.store import Store

__all__ = ["someone_forgotten"]


def someone_forgotten(sessions: Path, store: Store) -> bool:
    """True when of any listener in `sessions` the very first play is not there any more: they go all at once."""
    first = _first_plays(sessions)
    return any(next(store.plays.between(UserId(user), at, at), None) is None for user, at in first.items())


def _first_plays(sessions: Path) -> dict[str, int]:
    """The moment of each listener's first play, milliseconds since 1970; it ends the name of their first session."""
    first: dict[str, int] = {}
    for batch in pads.dataset(sessions, format="parquet").to_batches(columns=["session_id", "user"]):
        for session, user in zip(batch.column("session_id").to_pylist(), batch.column("user").to_pylist(), strict=True):
            began = int(session.rpartition("@")[2])
            first[user] = min(began, first.get(user, began))
    return first
