"""Waiting for MongoDB to come back, for a while.

In: any call to the store. Out: the same call, made again while the store does not answer.
"""

from __future__ import annotations

import logging
import time

from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential

from infra.errors import StoreError

__all__ = ["GIVE_UP_S", "patiently"]

log = logging.getLogger(__name__)

GIVE_UP_S = 120.0
"""So long a call waits for MongoDB before it raises `StoreError`."""
TELL_EVERY_S = 10.0


class _Teller:
    """Says now and then that there is a wait, once for all threads that wait."""

    def __init__(self) -> None:
        self._told = -TELL_EVERY_S

    def __call__(self, _: RetryCallState) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            log.warning("MongoDB does not answer; what is done is kept and tried again for up to %.0f s", GIVE_UP_S)


patiently = retry(
    retry=retry_if_exception_type(StoreError),
    wait=wait_exponential(multiplier=0.2, max=5),
    stop=lambda state: (state.seconds_since_start or 0) >= GIVE_UP_S,
    before_sleep=_Teller(),
    reraise=True,
)
"""Makes a call that can be made twice wait for MongoDB; raises `StoreError` when it stays away."""
