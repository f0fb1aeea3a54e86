"""The database, for commands that need nothing else.

In: the settings. Out: a `Store` on the MongoDB that runs, or on one that is started for as long as it is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.services import Services
from infra.settings import Settings
from infra.store import Store

__all__ = ["opened_store"]


@contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """The store, its indexes in place; raises `ServiceError`."""
    with (
        Services(settings) as services,
        Store(services.ensure("mongo").mongo, settings.mongo_database).prepare() as store,
    ):
        yield store
