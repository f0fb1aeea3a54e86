"""How often somebody may ask for something.

In: who asks, and for how much. Out: nothing, or `ProblemError` 429 that says when to come back. Each replica counts by itself.
"""

from __future__ import annotations

import math
import time

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from serving.http.problems import ProblemError

__all__ = ["Rate"]


class Rate:
    """One limit for each who asks; what nobody has asked for lately is forgotten."""

    def __init__(self, limit: str, what: str) -> None:
        """`limit` is for instance "5 per minute", `what` names in the plural what is counted."""
        self._limit, self._what = parse(limit), what
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def take(self, who: str, cost: int = 1) -> None:
        """Count `cost` for `who`; raises `ProblemError` 429 when that is more than allowed, and then counts nothing."""
        if await self._limiter.hit(self._limit, who, cost=cost):
            return
        resets_at = (await self._limiter.get_window_stats(self._limit, who)).reset_time
        wait_s = max(1, math.ceil(resets_at - time.time()))
        raise ProblemError(429, f"too many {self._what}: try again in {wait_s} s", headers={"Retry-After": str(wait_s)})
