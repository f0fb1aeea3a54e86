"""Streams in another format or bitrate, or from the middle: made while somebody listens, and kept when they are whole.

In: a track, and what its stream is to be. Out: a response that begins with the first sound that FFmpeg makes; once the track is
kept, its file with Range, ETag and all. FFmpeg is ended when the last listener leaves.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from infra.errors import AudioError
from infra.settings import Settings
from serving.http.problems import ProblemError
from serving.metrics import Metrics
from serving.music.catalogue import Entry
from serving.streams.making import Job, Making
from serving.streams.media import SHOWN_ELSEWHERE, file_of, media_response
from serving.streams.rendition import Rendition
from serving.streams.transcoded import Transcoded, name_of

__all__ = ["GONE", "Transcoder"]

log = logging.getLogger("segue.transcode")

GONE = "the track's file is gone; ingest again"
HEADERS = {"Accept-Ranges": "none", "Cache-Control": "no-store", **SHOWN_ELSEWHERE}
RETRY_AFTER_S = "5"


class Transcoder:
    """Of one replica; all but `close` is called in its event loop."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._most_at_once = settings.transcodes or os.cpu_count() or 1
        self._most_bytes = settings.transcoded_mb * 1_000_000
        self._kept = Transcoded(settings.transcoded, self._most_bytes)
        self._makings: set[Making] = set()
        self._executor = ThreadPoolExecutor(self._most_at_once, "transcode")
        metrics.gauge("segue_transcodes", "FFmpeg processes that run for listeners", self._running)
        self._hits = metrics.counter("segue_transcode_hits", "Converted streams that were kept from before")
        self._misses = metrics.counter("segue_transcode_misses", "Converted streams that were made anew")

    def close(self) -> None:
        """End every FFmpeg."""
        for making in list(self._makings):
            making.stop()
        self._executor.shutdown()

    async def response(self, request: Request, entry: Entry, rendition: Rendition) -> Response:
        """The answer to `request`; raises `NotFound` when the track's file is not there (any more).

        Sending it raises `ProblemError` 503 when too much is being made already, 500 when FFmpeg cannot read the file.
        """
        source, found = await file_of(entry.media.uri, GONE)
        name = None
        if rendition.offset_s == 0:
            name = name_of(entry.track.id, found, rendition.encoding)
            if kept := await to_thread.run_sync(self._kept.find, name):
                self._hits.inc()
                return await media_response(request, kept.as_uri(), rendition.mime, GONE)
        if request.method == "HEAD":
            return StreamingResponse((), headers=HEADERS, media_type=rendition.mime)
        return _Growing(self, Job(entry.track, source, rendition, name))

    @contextlib.contextmanager
    def making(self, job: Job) -> Iterator[Making]:
        """What `job` is made by, together with others who want the same; raises `ProblemError` 503."""
        making = self._joined(job) or self._started(job)
        making.listeners += 1
        try:
            yield making
        finally:
            making.listeners -= 1
            if not making.listeners:
                making.stop()
                making.done.add_done_callback(lambda _: self._forget(making))

    def _joined(self, job: Job) -> Making | None:
        return next((one for one in self._makings if one.job == job and one.can_be_joined), None)

    def _started(self, job: Job) -> Making:
        if self._running() >= self._most_at_once or sum(one.size for one in self._makings) > self._most_bytes:
            raise ProblemError(
                503,
                "as many streams are being converted as can be at once; try again, or ask for the stored file",
                headers={"Retry-After": RETRY_AFTER_S},
            )
        making = Making(job, self._kept, self._executor)
        self._makings.add(making)
        self._misses.inc()
        return making

    def _running(self) -> int:
        return sum(not making.done.done() for making in self._makings)

    def _forget(self, making: Making) -> None:
        self._makings.discard(making)
        making.close()
        making.done.exception()


class _Growing(StreamingResponse):
    """Bytes as they are made; the connection is cut where they do not come to the end."""

    def __init__(self, transcoder: Transcoder, job: Job) -> None:
        super().__init__((), headers=HEADERS, media_type=job.rendition.mime)
        self._transcoder, self._job = transcoder, job

    async def stream_response(self, send: Send) -> None:
        """As Starlette's, but nothing is sent before there is sound."""
        with self._transcoder.making(self._job) as making:
            chunks = making.chunks()
            self.body_iterator = _after(await self._first(chunks), chunks)
            await super().stream_response(send)

    async def _first(self, chunks: AsyncIterator[bytes]) -> bytes:
        try:
            return await anext(chunks, b"")
        except AudioError as error:
            log.warning("track %s cannot be converted: %s", self._job.track.id, error.reason)
            raise ProblemError(500, "this track cannot be converted; ask for the stored file") from error


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
