"""`POST /plays`: from a body that may be anything to events that Kafka has acknowledged.

In: the bytes of a request, at most 1 MB. Out: valid events, all or none, or a `ProblemError` naming event and field.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from infra.events import PlayEvent, fault
from infra.models import UserId
from serving.problems import ProblemError

__all__ = ["BODY", "posted_events"]

MOST_BYTES = 1_000_000
MOST_EVENTS = 1_000

ONE: TypeAdapter[PlayEvent] = TypeAdapter(PlayEvent)
MANY: TypeAdapter[list[PlayEvent]] = TypeAdapter(list[PlayEvent])

EVENT = {"$ref": "#/components/schemas/PlayEvent"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [EVENT, {"type": "array", "items": EVENT, "maxItems": MOST_EVENTS}]}
            }
        },
    }
}
"""The body for the OpenAPI document; it is read by hand to name the event at fault."""


async def posted_events(request: Request, caller: UserId | None) -> list[PlayEvent]:
    """The events in a request's body; `caller` (where there are accounts) may only post their own.

    Raises `ProblemError` 413 for a body too large, 422 naming event and field, 403 for another listener's event.
    """
    events = _parsed(await _body(request))
    if len(events) > MOST_EVENTS:
        raise ProblemError(422, f"{len(events)} events; at most {MOST_EVENTS} in one request", event=MOST_EVENTS)
    for place, event in enumerate(events):
        if caller is not None and event.user != caller:
            raise ProblemError(403, "a token is good for its own listener's plays only", event=place, field="user")
    return events


async def _body(request: Request) -> bytes:
    too_large = ProblemError(413, f"the body is larger than {MOST_BYTES} bytes", headers={"Connection": "close"})
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told) > MOST_BYTES:
        raise too_large
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise too_large
    return bytes(body)


def _parsed(body: bytes) -> list[PlayEvent]:
    many = body.lstrip()[:1] == b"["
    try:
        return MANY.validate_json(body) if many else [ONE.validate_json(body)]
    except ValidationError as error:
        where = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        bad = fault(error)
        place = int(where[0]) if many and where else (None if many else 0)
        field = ".".join(map(str, where[1:] if many else where)) or ("event" if where else "body")
        raise ProblemError(422, f"{field}: {bad.reason}", event=place, field=field) from error
