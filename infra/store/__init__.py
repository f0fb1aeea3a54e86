"""The one door to MongoDB: tracks, normalisers and failures, plays, listeners.

In: our own frozen types. Out: the same. Nothing outside this folder imports pymongo.
"""

from infra.store.connection import Store
from infra.store.plays import PlayStore, StoredPlay
from infra.store.tracks import FailureStore, Holding, NormaliserStore, TrackStore
from infra.store.users import UserStore

__all__ = [
    "FailureStore",
    "Holding",
    "NormaliserStore",
    "PlayStore",
    "Store",
    "StoredPlay",
    "TrackStore",
    "UserStore",
]
