"""Asking MongoDB while somebody waits for the answer.

In: a question, and how long it may take. Out: the answer, or `StoreError` in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from infra.errors import StoreError

__all__ = ["asked"]

Answer = TypeVar("Answer")


async def asked(question: Callable[[], Answer], patience_s: float) -> Answer:
    """The answer, found in a thread; raises `StoreError` when it takes longer than `patience_s`, or when it says so."""
    try:
        async with asyncio.timeout(patience_s):
            return await asyncio.to_thread(question)
    except TimeoutError as error:
        raise StoreError(f"MongoDB did not answer within {patience_s:.0f} s") from error
