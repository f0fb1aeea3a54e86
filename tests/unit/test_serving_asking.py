"""Questions to a database that may hang."""

from __future__ import annotations

import asyncio
import threading

from infra.errors import StoreError
from serving.http.asking import AT_ONCE, asked


def test_an_answer_is_passed_on():
    assert asyncio.run(asked(lambda: 7, 5)) == 7


def test_a_database_that_hangs_is_told_and_holds_up_nothing_else():
    hanging = threading.Event()

    async def many() -> tuple[list[BaseException | bool], int]:
        waiting = [asyncio.create_task(asked(hanging.wait, 0.5)) for _ in range(3 * AT_ONCE)]
        await asyncio.sleep(0)
        async with asyncio.timeout(0.4):
            other = await asyncio.to_thread(lambda: 7)
        try:
            return await asyncio.gather(*waiting, return_exceptions=True), other
        finally:
            hanging.set()

    told, other = asyncio.run(many())
    assert other == 7
    assert {type(one) for one in told} == {StoreError}
    assert "did not answer" in str(told[0])
