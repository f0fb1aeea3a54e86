"""MongoDB's errors in our words.

In: whatever pymongo raises. Out: `StoreError`, so that nobody else has to know pymongo.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from infra.errors import StoreError

__all__ = ["mongo_errors"]


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Raise pymongo's errors as `StoreError`; a decorator for methods, a `with` inside generators."""
    try:
        yield
    except PyMongoError as error:
        raise StoreError(f"MongoDB did not answer as it should: {error}") from error
