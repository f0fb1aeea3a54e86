"""The one door to MongoDB: tracks, normalisers and failures, plays, playlists, listeners.

In: our own frozen types. Out: the same. Nothing outside this folder imports pymongo.
"""

from infra.store.connection import Store
from infra.store.failures import Failure, FailureStore
from infra.store.mongo_errors import LARGEST_INT
from infra.store.playlists import MOST_TRACKS, Playlist, PlaylistStore
from infra.store.plays import Forgetting, PlayStore, StoredPlay
from infra.store.tokens import Token
from infra.store.tracks import Holding, Named, NormaliserStore, TrackStore
from infra.store.users import Account, UserStore
from infra.store.work import Work, WorkStore

__all__ = [
    "LARGEST_INT",
    "MOST_TRACKS",
    "Account",
    "Failure",
    "FailureStore",
    "Forgetting",
    "Holding",
    "Named",
    "NormaliserStore",
    "PlayStore",
    "Playlist",
    "PlaylistStore",
    "Store",
    "StoredPlay",
    "Token",
    "TrackStore",
    "UserStore",
    "Work",
    "WorkStore",
]
