"""MongoDB's errors in our words.

In: whatever pymongo raises. Out: `StoreError`, so that nobody else has to know pymongo; `NotStorable` for what no try
again would make fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import DocumentTooLarge, PyMongoError

from infra.errors import NotStorable, StoreError

__all__ = ["LARGEST_INT", "mongo_errors"]

LARGEST_INT = 2**63 - 1
"""The largest whole number that MongoDB holds."""


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Raise pymongo's errors as ours; a decorator for methods, a `with` inside generators."""
    try:
        yield
    except (BSONError, DocumentTooLarge, OverflowError, UnicodeError) as error:
        raise NotStorable(f"MongoDB cannot hold this: {error}") from error
    except PyMongoError as error:
        raise StoreError(f"MongoDB did not answer as it should: {error}") from error
