"""Time as it is stored: whole milliseconds since 1970, UTC.

In: a moment, or none for this one. Out: an int.
"""

from __future__ import annotations

import time
from datetime import datetime

__all__ = ["now_ms", "to_ms"]


def now_ms() -> int:
    """This moment in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def to_ms(moment: datetime) -> int:
    """A moment with its zone in milliseconds since 1970."""
    return int(moment.timestamp() * 1000)
