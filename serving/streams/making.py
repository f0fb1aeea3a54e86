"""A stream that is being made: one FFmpeg, the file that it fills, and all who listen meanwhile.

In: what to encode, and a place for it. Out: its bytes as they come, to any number of listeners, each at their own pace.
FFmpeg writes as fast as it can and is gone after seconds; whoever listens slowly reads the file.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from pathlib import Path
from typing import IO, NamedTuple

from anyio import to_thread

from etl.audio.streaming import encode_into
from infra.errors import AudioError
from infra.models import Track
from serving.streams.rendition import Rendition
from serving.streams.transcoded import Transcoded

__all__ = ["Job", "Making"]

CHUNK_BYTES = 64 * 1024
LOOK_EVERY_S = 0.05
AT_LEAST_S, TIMES_DURATION = 120.0, 2.0
"""FFmpeg may take that long, and so many times the track's duration."""


class Job(NamedTuple):
    """What has to be made."""

    track: Track
    source: Path
    rendition: Rendition
    name: str | None
    """What it is kept under when it is whole; None: it is not."""

    @property
    def limit_s(self) -> float:
        """How long FFmpeg may take."""
        return AT_LEAST_S + TIMES_DURATION * self.track.duration_ms / 1000


class Making:
    """Starts when it is made; `stop` ends it early. `close` when nobody reads any more and `done` is."""

    def __init__(self, job: Job, kept: Transcoded, executor: Executor) -> None:
        self.job = job
        self._kept = kept
        self._file: IO[bytes] | None = None
        self._stop = threading.Event()
        self.listeners = 0
        self.done: asyncio.Future[None] = asyncio.wrap_future(executor.submit(self._make))
        """Set when FFmpeg is gone; an `AudioError` when it did not come to the end."""

    @property
    def can_be_joined(self) -> bool:
        """Whether it goes on, so that one more listener gets all of it."""
        return not self._stop.is_set() and not self.done.done()

    @property
    def size(self) -> int:
        """Bytes on disk so far."""
        return os.fstat(self._file.fileno()).st_size if self._file else 0

    def stop(self) -> None:
        """End FFmpeg unless it has ended."""
        self._stop.set()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """All of it from the beginning, as it comes; raises `AudioError` instead of an end when it is not whole."""
        at = 0
        while True:
            whole = self.done.done()
            if chunk := await to_thread.run_sync(self._read, at):
                at += len(chunk)
                yield chunk
            elif whole:
                self.done.result()
                return
            else:
                await asyncio.wait({self.done}, timeout=LOOK_EVERY_S)

    def _read(self, at: int) -> bytes:
        return os.pread(self._file.fileno(), CHUNK_BYTES, at) if self._file else b""

    def _make(self) -> None:
        try:
            self._file = self._kept.begin()
            self._fill(self._file, Path(self._file.name))
        except OSError as error:
            raise AudioError("encode", f"it cannot be written: {error.strerror or error}") from error

    def _fill(self, file: IO[bytes], part: Path) -> None:
        job = self.job
        try:
            if job.name is None:
                part.unlink()
            encoding, offset_s = job.rendition
            encode_into(file, job.source, encoding, offset_s=offset_s, limit_s=job.limit_s, stop=self._stop)
            if job.name is not None:
                self._kept.keep(part, job.name)
        finally:
            part.unlink(missing_ok=True)
