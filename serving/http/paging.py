"""Pages of a list that changes while somebody turns them.

In: items in an order, and the cursor of the page before. Out: the items that come after what that page ended with, wherever
that stood; none comes twice, and none that stays is left out.
"""

from __future__ import annotations

import base64
import bisect
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from pydantic import TypeAdapter

from serving.http.problems import ProblemError

__all__ = ["Key", "Order", "page"]

T = TypeVar("T")
Key = tuple[str | int, ...]
CURSOR = TypeAdapter(list[str | int])


class Order(NamedTuple, Generic[T]):
    """How items stand: by a key that no two of them share."""

    name: str
    key: Callable[[T], Key]
    kinds: tuple[type, ...]
    """Of the key's parts."""


def page(
    items: Sequence[T],
    order: Order[T],
    wanted: Callable[[T], bool],
    *,
    limit: int,
    cursor: str | None,
) -> tuple[list[T], str | None]:
    """Up to `limit` of the wanted `items`, which stand in `order`, and the cursor of the next page (None at the end).

    Raises `ProblemError` for a cursor that is none of this order.
    """
    start = bisect.bisect_right(items, _decode(cursor, order), key=order.key) if cursor else 0
    found: list[T] = []
    for place in range(start, len(items)):
        if wanted(items[place]):
            if len(found) == limit:
                return found, _encode(found[-1], order)
            found.append(items[place])
    return found, None


def _encode(item: T, order: Order[T]) -> str:
    return base64.urlsafe_b64encode(CURSOR.dump_json([order.name, *order.key(item)])).decode()


def _decode(cursor: str, order: Order[T]) -> Key:
    try:
        name, *key = CURSOR.validate_json(base64.b64decode(cursor, b"-_", validate=True), strict=True)
        if name == order.name and tuple(map(type, key)) == order.kinds:
            return tuple(key)
    except ValueError as error:
        raise _unknown() from error
    raise _unknown()


def _unknown() -> ProblemError:
    return ProblemError(422, "cursor: not one that this service gave for this order", field="cursor")
