"""Questions to a database that may hang."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from infra.errors import StoreError
from serving.http.asking import AT_ONCE, asked


def test_an_answer_is_passed_on():
    assert asyncio.run(asked(lambda: 7, 5)) == 7


def test_a_database_that_hangs_is_told_and_holds_up_nothing_else():
    hanging = threading.Event()

    async def many() -> tuple[list[BaseException | bool], bool]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        waiting = [asyncio.create_task(asked(hanging.wait, 2)) for _ in range(3 * AT_ONCE)]
        try:
            await asyncio.sleep(0)
            other = asyncio.create_task(asyncio.to_thread(lambda: 7))
            first, _ = await asyncio.wait([other, *waiting], return_when=asyncio.FIRST_COMPLETED)
            return await asyncio.gather(*waiting, return_exceptions=True), other in first
        finally:
            hanging.set()

    told, other_came_first = asyncio.run(many())
    assert other_came_first
    assert {type(one) for one in told} == {StoreError}
    assert "did not answer" in str(told[0])
