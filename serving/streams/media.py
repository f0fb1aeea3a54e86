"""Files as they are streamed: audio with Range, and covers.

In: a `file:` URI from the catalogue (never a path from a client). Out: an ASGI response with ETag, 206, 304 and 416.
"""

from __future__ import annotations

import os
import stat
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import anyio
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable, Response

from infra.errors import NotFound
from serving.http.problems import ProblemError

__all__ = ["SHOWN_ELSEWHERE", "file_of", "media_response", "path_of"]

SHOWN_ELSEWHERE = {"Cross-Origin-Resource-Policy": "cross-origin"}
"""The page, which shows and plays this, has another port; for browsers, plain addresses are never one site."""
KEPT_S = 24 * 60 * 60
NOT_MODIFIED = ("cache-control", "cross-origin-resource-policy", "etag", "last-modified")


def path_of(uri: str) -> Path:
    """The file that a `file:` URI names, whatever bytes its name has."""
    return Path(unquote_to_bytes(urlsplit(uri).path).decode("utf-8", "surrogateescape"))


async def file_of(uri: str, gone: str) -> tuple[Path, os.stat_result]:
    """The file that a `file:` URI names, as it is now; raises `NotFound` saying `gone` when it is not there (any more)."""
    path = path_of(uri)
    try:
        found = await anyio.Path(path).stat()
    except OSError as error:
        raise NotFound(gone) from error
    if not stat.S_ISREG(found.st_mode):
        raise NotFound(gone)
    return path, found


async def media_response(request: Request, uri: str, mime: str | None, gone: str) -> Response:
    """The file as `request` wants it: whole, in parts, or not again when the client has it already.

    Raises `NotFound` as `file_of` does.
    """
    path, found = await file_of(uri, gone)
    headers = {"Cache-Control": f"private, max-age={KEPT_S}", **SHOWN_ELSEWHERE}
    response = _MediaResponse(path, headers=headers, media_type=mime, stat_result=found)
    if _has_it(request.headers, response.headers):
        return Response(status_code=304, headers={k: response.headers[k] for k in NOT_MODIFIED})
    return response


class _MediaResponse(FileResponse):
    """Starlette's, but for what RFC 9110 says of a Range that cannot be read or met."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            # A range that is no range is ignored: the whole file is the answer.
            return []
        except RangeNotSatisfiable as error:
            headers = {"Content-Range": f"bytes */{file_size}", "Accept-Ranges": "bytes"}
            raise ProblemError(416, f"the file has {file_size} bytes", headers=headers) from error

    @classmethod
    def _parse_ranges(cls, range_: str, file_size: int) -> list[tuple[int, int]]:
        asked = super()._parse_ranges(range_, file_size)
        # Only where none of several can be met is that an error.
        return [(start, end) for start, end in asked if 0 <= start < file_size] or asked


def _has_it(asked: Headers, given: Any) -> bool:
    """Whether the client's copy is this one; a list of tags decides alone when it is there."""
    tags = asked.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or given["etag"] in (tag.strip().removeprefix("W/") for tag in tags.split(","))
    since = asked.get("if-modified-since")
    if since is None:
        return False
    try:
        return parsedate_to_datetime(given["last-modified"]) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
