"""`POST /plays`: from a body that may be anything to events that Kafka has acknowledged.

In: the bytes of a request. Out: valid events, all or none, or a `ProblemError` naming event and field.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from pydantic import FailFast, TypeAdapter, ValidationError

from infra.events import PlayEvent, fault
from infra.models import UserId
from serving.http.problems import ProblemError
from serving.http.rates import Rate

__all__ = ["BODY", "PlayRates", "posted_events"]

MOST_EVENTS = 1_000
REQUESTS, EVENTS = "600 per minute", "20000 per minute"
"""A page that was offline for weeks posts what it has kept in full lists."""

ONE: TypeAdapter[PlayEvent] = TypeAdapter(PlayEvent)
# Up to the first fault: of a body full of faults each would be looked at and described.
MANY: TypeAdapter[list[PlayEvent]] = TypeAdapter(Annotated[list[PlayEvent], FailFast()])

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


class PlayRates:
    """How often, and how much, each listener may post where there are accounts."""

    def __init__(self) -> None:
        self._requests, self._events = Rate(REQUESTS, "requests with plays"), Rate(EVENTS, "plays")

    async def asked(self, caller: UserId | None) -> None:
        """Count one request, before it is read; raises `ProblemError` 429. Who needs no account is not counted."""
        if caller is not None:
            await self._requests.take(caller)

    async def posted(self, caller: UserId | None, events: int) -> None:
        """Count the events of a request; raises `ProblemError` 429."""
        if caller is not None:
            await self._events.take(caller, events)


async def posted_events(request: Request, caller: UserId | None) -> list[PlayEvent]:
    """The events in a request's body; `caller` (where there are accounts) may only post their own.

    Raises `ProblemError` 422 naming event and field, 403 for another listener's event.
    """
    events = _parsed(await request.body())
    if len(events) > MOST_EVENTS:
        raise ProblemError(422, f"{len(events)} events; at most {MOST_EVENTS} in one request", event=MOST_EVENTS)
    for place, event in enumerate(events):
        if caller is not None and event.user != caller:
            raise ProblemError(403, "a token is good for its own listener's plays only", event=place, field="user")
    return events


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
