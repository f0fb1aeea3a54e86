"""A library in memory, as the catalogue reads it from the store.

In: records. Out: the function that says what has changed, and a catalogue with its shelves that follows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.models import TrackRecord
from serving.music.catalogue import Catalogue, Change
from serving.music.listing import Listing
from serving.music.search import Search
from serving.music.shelves import Shelves
from tests.data.records import record

__all__ = ["Changes", "Shelved", "of"]


class Changes:
    """What a store says has changed: a list that a test adds to."""

    def __init__(self, *records: TrackRecord) -> None:
        self.log = list(enumerate(records, start=1))
        self.asked: list[int] = []

    def add(self, changed: TrackRecord) -> None:
        self.log.append((len(self.log) + 1, changed))

    def __call__(self, revision: int) -> list[tuple[int, TrackRecord]]:
        self.asked.append(revision)
        return [(r, changed) for r, changed in self.log if r >= revision]


def of(name: str, **fields: object) -> TrackRecord:
    one = record(name)
    return one.model_copy(update={"track": one.track.model_copy(update=fields)})


class Shelved:
    """A catalogue and all that follows it, put together as the library application does."""

    def __init__(self, *records: TrackRecord) -> None:
        self.changes = Changes(*records)
        self.shelves, self.search = Shelves(), Search()
        self.catalogue = Catalogue(self.changes, vectors=False, follower=self._follow)
        self.listing = Listing(self.catalogue, self.shelves)
        self.catalogue.refresh()

    def add(self, *changed: TrackRecord) -> None:
        """Let records come or change, all at once."""
        for one in changed:
            self.changes.add(one)
        self.catalogue.refresh()

    def _follow(self, changes: Sequence[Change]) -> None:
        self.search.change(changes, self.shelves.change(changes))
        self.listing.change(changes)
