"""Playlists: a listener's own lists of tracks.

In: names and track ids. Out: `Playlist`s; a change is made only to the revision that it was meant for.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection

from infra.clock import now_ms
from infra.models import Frozen, TrackId, UserId
from infra.store.mongo_errors import mongo_errors

__all__ = ["MOST_TRACKS", "Playlist", "PlaylistStore"]

Document = dict[str, Any]

MOST_TRACKS = 10_000
"""Of one playlist."""


class Playlist(Frozen):
    """A list of tracks with a name."""

    id: str
    name: str
    tracks: tuple[TrackId, ...]
    changed_at: datetime
    revision: int
    """Grows by one with every change."""


class PlaylistStore:
    """The collection `playlists`, a document a playlist."""

    def __init__(self, playlists: Collection[Document]) -> None:
        self._playlists = playlists

    @mongo_errors()
    def prepare(self) -> None:
        """Index for the playlists of one listener."""
        self._playlists.create_index("user")

    @mongo_errors()
    def of(self, user: UserId) -> list[Playlist]:
        """All of a listener, the one changed last first."""
        found = [_playlist(document) for document in self._playlists.find({"user": user})]
        return sorted(found, key=lambda one: (one.changed_at, one.id), reverse=True)

    @mongo_errors()
    def get(self, user: UserId, playlist: str) -> Playlist | None:
        """One of a listener's."""
        found = self._playlists.find_one({"_id": playlist, "user": user})
        return _playlist(found) if found else None

    @mongo_errors()
    def add(self, user: UserId, name: str, tracks: Sequence[TrackId], most: int) -> Playlist | None:
        """A new one; None when the listener has `most` already."""
        if sum(1 for _ in self._playlists.find({"user": user}, {"_id": 1}).limit(most)) >= most:
            return None
        made = {"name": name, "tracks": list(tracks), "changed_ms": now_ms(), "revision": 1}
        document = {"_id": uuid.uuid4().hex, "user": user, **made}
        self._playlists.insert_one(document)
        return _playlist(document)

    @mongo_errors()
    def change(
        self, user: UserId, playlist: str, name: str, tracks: Sequence[TrackId], revision: int
    ) -> Playlist | None:
        """Give it another name and other tracks; None when there is no such one of this revision."""
        found = self._playlists.find_one_and_update(
            {"_id": playlist, "user": user, "revision": revision},
            {"$set": {"name": name, "tracks": list(tracks), "changed_ms": now_ms(), "revision": revision + 1}},
            return_document=ReturnDocument.AFTER,
        )
        return _playlist(found) if found else None

    @mongo_errors()
    def delete(self, user: UserId, playlist: str) -> bool:
        """Delete one; returns whether there was such a one."""
        return self._playlists.delete_one({"_id": playlist, "user": user}).deleted_count > 0

    @mongo_errors()
    def forget(self, user: UserId) -> None:
        """Delete all of a listener."""
        self._playlists.delete_many({"user": user})


def _playlist(document: Document) -> Playlist:
    return Playlist(
        id=document["_id"],
        name=document["name"],
        tracks=tuple(document["tracks"]),
        changed_at=datetime.fromtimestamp(document["changed_ms"] / 1000, UTC),
        revision=document["revision"],
    )
