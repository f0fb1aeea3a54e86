"""Where the partitions end, asked once for all who wait.

In: a reader that can ask Kafka, and requests that must know what was acknowledged before they came. Out: offsets by partition.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

__all__ = ["EndReader", "SharedEnds"]


class EndReader(Protocol):
    """What can ask Kafka."""

    def ends(self) -> dict[int, int]:
        """The offset after the last message of each partition, as of now; raises `BusError`."""
        ...


class _Question(NamedTuple):
    """One question to Kafka, which others may join until it is asked."""

    reader: EndReader
    answer: asyncio.Task[dict[int, int]]


class SharedEnds:
    """One question at a time. An answer is only good for who came before its question: the others share the next one."""

    def __init__(self) -> None:
        # A thread of its own: whatever else waits for a thread must not hold up an answer.
        self._thread = ThreadPoolExecutor(1, "kafka-ends")
        self._asked: asyncio.Task[dict[int, int]] | None = None
        self._next: _Question | None = None

    async def of(self, reader: EndReader) -> dict[int, int]:
        """By partition, the offset after everything that was acknowledged before this call; raises `BusError`."""
        question = self._next
        if question is None or question.reader is not reader or question.answer.done():
            answer = asyncio.get_running_loop().create_task(self._ask(reader, self._asked))
            answer.add_done_callback(_looked_at)
            question = self._next = _Question(reader, answer)
        # Who gives up does not take the answer from the others.
        return await asyncio.shield(question.answer)

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, reader: EndReader, before: asyncio.Task[dict[int, int]] | None) -> dict[int, int]:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._asked = asyncio.current_task()
        if self._next is not None and self._next.answer is self._asked:
            self._next = None
        return await asyncio.get_running_loop().run_in_executor(self._thread, reader.ends)


def _looked_at(answer: asyncio.Task[dict[int, int]]) -> None:
    # All who asked may have given up: an error is then nobody's.
    if not answer.cancelled():
        answer.exception()
