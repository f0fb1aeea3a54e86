"""How large the body of a request may be.

In: requests, by their headers and as their bytes come. Out: the same; 413 for more than 1 MB, 408 for one that does not come.
"""

from __future__ import annotations

import asyncio

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import Message, Receive

__all__ = ["MOST_BYTES", "bounded", "too_large", "unwanted"]

MOST_BYTES = 1_000_000
WHOLE_WITHIN_S = 10.0
"""How long a body may take to come, from when somebody begins to read it."""
DETAIL = f"the body is larger than {MOST_BYTES} bytes"


def too_large(headers: Headers) -> str:
    """Why the body is refused before it is read; empty when it is not."""
    told = headers.get("content-length", "")
    return DETAIL if told.isdecimal() and int(told) > MOST_BYTES else ""


def unwanted(method: str, headers: Headers) -> str:
    """Why a body is refused that nobody would read, and that would be kept until the answer is sent; empty without one."""
    sent = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    return f"a {method} has no body here" if sent and method not in {"POST", "PUT"} else ""


def bounded(receive: Receive) -> Receive:
    """`receive` that raises `HTTPException`: 413 when more of a body comes than there may be, 408 when it does not come."""
    read = 0
    whole = False
    deadline: float | None = None

    async def receive_some() -> Message:
        nonlocal read, whole, deadline
        if whole:
            return await receive()
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + WHOLE_WITHIN_S
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "the body did not come in time", {"Connection": "close"}) from None
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, DETAIL, {"Connection": "close"})
        whole = not message.get("more_body", False)
        return message

    return receive_some
