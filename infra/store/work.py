"""Work that takes long, as whoever does it tells of it: an ingest, a training.

In: `Work` from whoever does it. Out: the newest of each kind, for whoever watches.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pymongo.collection import Collection

from infra.store.mongo_errors import mongo_errors

__all__ = ["Work", "WorkStore"]

Kind = Literal["ingest", "training"]
State = Literal["running", "done", "failed", "stopped"]


class Work(NamedTuple):
    """One piece of work, as it is or as it ended."""

    kind: Kind
    state: State
    stage: str = ""
    done: int = 0
    total: int = 0
    failed: int = 0
    left_s: float | None = None
    began_ms: int = 0
    """Milliseconds since 1970, as the other."""
    changed_ms: int = 0
    """When it was last heard of."""
    told: str = ""


class WorkStore:
    """The collection `work`, a document a kind."""

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        self._work = collection

    @mongo_errors()
    def tell(self, work: Work) -> None:
        """Put this in the place of what was told of its kind before."""
        self._work.replace_one({"_id": work.kind}, {"_id": work.kind, **work._asdict()}, upsert=True)

    @mongo_errors()
    def newest(self) -> list[Work]:
        """The newest of each kind, what was heard of last first."""
        found = [Work(**{name: one[name] for name in Work._fields if name in one}) for one in self._work.find()]
        return sorted(found, key=lambda work: -work.changed_ms)
