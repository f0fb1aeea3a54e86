"""Asking MongoDB while somebody waits for the answer.

In: a question, and how long it may take. Out: the answer, or `StoreError` in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from infra.errors import StoreError

__all__ = ["asked"]

Answer = TypeVar("Answer")

AT_ONCE = 8
_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="asked")
"""Of their own: a MongoDB that hangs holds up nothing that needs only memory."""


async def asked(question: Callable[[], Answer], patience_s: float) -> Answer:
    """The answer, found in a thread; raises `StoreError` when it takes longer than `patience_s`, or when it says so."""
    try:
        async with asyncio.timeout(patience_s):
            within = copy_context().run
            return await asyncio.get_running_loop().run_in_executor(_threads, within, question)
    except TimeoutError as error:
        raise StoreError(f"MongoDB did not answer within {patience_s:.0f} s") from error
