"""Opening the database.

In: a MongoDB URI and a database name. Out: a `Store` with one object for each family of collections, indexes in place.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import pymongo
from pymongo.errors import PyMongoError

from infra.errors import StoreError
from infra.store.failures import FailureStore
from infra.store.playlists import PlaylistStore
from infra.store.plays import PlayStore
from infra.store.tracks import NormaliserStore, TrackStore
from infra.store.users import UserStore
from infra.store.work import WorkStore

__all__ = ["Store"]


class Store:
    """One connection to MongoDB; safe to share between threads, not between processes."""

    def __init__(self, uri: str, database: str, *, timeout_s: float = 10.0, answer_s: float | None = None) -> None:
        """Connect at the first call made; `timeout_s` is how long a missing server is waited for, `answer_s` how long
        one that is there may take for each answer (None: for ever).

        The store's `uri` and `database` are kept so that workers can open their own.
        """
        self.uri, self.database = uri, database
        self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            uri,
            serverSelectionTimeoutMS=int(timeout_s * 1000),
            socketTimeoutMS=int(answer_s * 1000) if answer_s else None,
            appname="segue",
            retryWrites=False,
        )
        db = self._client[database]
        self.tracks = TrackStore(db["tracks"])
        self.normalisers = NormaliserStore(db["normalisers"])
        self.failures = FailureStore(db["failures"])
        self.plays = PlayStore(db["plays"], db["forgotten"], db["amended"])
        self.playlists = PlaylistStore(db["playlists"])
        self.users = UserStore(db["users"], db["tokens"])
        self.work = WorkStore(db["work"])

    def prepare(self) -> Self:
        """Make the indexes; raises `StoreError` when the server does not answer."""
        self.ping()
        for part in (self.tracks, self.plays, self.playlists, self.users):
            part.prepare()
        return self

    def ping(self) -> str:
        """The server's version; raises `StoreError` when it is away."""
        try:
            self._client.admin.command("ping")
            return str(self._client.server_info().get("version") or "")
        except PyMongoError as error:
            raise StoreError(f"MongoDB at {self.uri} does not answer: {error}") from error

    def close(self) -> None:
        """Close every socket."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
