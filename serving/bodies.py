"""How large the body of a request may be.

In: requests, by their headers and as their bytes come. Out: the same, or 413 for more than 1 MB.
"""

from __future__ import annotations

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import Message, Receive

__all__ = ["MOST_BYTES", "bounded", "too_large"]

MOST_BYTES = 1_000_000
DETAIL = f"the body is larger than {MOST_BYTES} bytes"


def too_large(headers: Headers) -> str:
    """Why the body is refused before it is read; empty when it is not."""
    told = headers.get("content-length", "")
    return DETAIL if told.isdecimal() and int(told) > MOST_BYTES else ""


def bounded(receive: Receive) -> Receive:
    """`receive` that raises `HTTPException` 413 to whoever reads more of a body than there may be of it."""
    read = 0

    async def receive_some() -> Message:
        nonlocal read
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, DETAIL, {"Connection": "close"})
        return message

    return receive_some
