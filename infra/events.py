"""The play event, version 1: what a listener did with a track, as it travels over HTTP and Kafka; and what takes it back.

In: JSON from any client. Out: `PlayEvent` or `Withdrawal`, and the bytes that go on the topic `plays` under the key `user`.
The same event once more with `private` set makes the play a private one, for good; in which order the two come does not matter.
The golden payloads in `tests/data/events/` are this contract; they are added to, never edited.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, ValidationError

from infra.clock import to_ms
from infra.errors import BadEvent
from infra.models import Frozen, TrackId, UserId

__all__ = ["DAY_MS", "NAME", "OPINIONS", "PlayEvent", "PlayKind", "Said", "Withdrawal", "decode", "encode", "fault"]

PlayKind = Literal["started", "progress", "finished", "skipped", "liked", "disliked"]
OPINIONS: tuple[PlayKind, ...] = ("liked", "disliked")
"""What a listener says of a track, heard or not."""

NAME = StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f/]+$")

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
DAY_MS = 24 * 60 * 60 * 1000


class PlayEvent(Frozen):
    """One thing that one listener did, at one moment, with one track."""

    v: Literal[1] = 1
    event_id: UUID
    """Minted by the client: the same event sent twice counts once."""
    user: Annotated[UserId, NAME]
    track: Annotated[TrackId, NAME]
    kind: PlayKind
    position_ms: int = Field(ge=0, le=DAY_MS)
    """Where in the track it happened."""
    duration_ms: int = Field(ge=0, le=DAY_MS)
    """How long the track is, as the client knows it; 0 when it does not."""
    at: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)]
    client: str = Field(default="", max_length=128)
    private: bool = False
    """Kept for the listener's own history and never learned from."""

    @property
    def at_ms(self) -> int:
        """When it happened, in milliseconds since 1970."""
        return to_ms(self.at)


class Withdrawal(Frozen):
    """A listener takes back what they ever said of a track, up to this place on the topic: those events are gone."""

    v: Literal[1] = 1
    withdraws: Literal["opinion"]
    user: Annotated[UserId, NAME]
    track: Annotated[TrackId, NAME]


Said = PlayEvent | Withdrawal
"""What travels on the topic `plays`, beside the wish to be forgotten, which is no value at all."""


def encode(message: Said) -> bytes:
    """The message as UTF-8 JSON, the form it has on the topic."""
    return message.model_dump_json().encode()


def decode(payload: bytes) -> Said:
    """The message in `payload`; raises `BadEvent` naming the first field at fault."""
    try:
        return PlayEvent.model_validate_json(payload)
    except ValidationError as error:
        if b'"withdraws"' not in payload:
            raise fault(error) from error
    try:
        return Withdrawal.model_validate_json(payload)
    except ValidationError as error:
        raise fault(error) from error


def fault(error: ValidationError) -> BadEvent:
    """The first thing wrong in a validation error, as a `BadEvent`."""
    first = error.errors(include_url=False, include_context=False)[0]
    return BadEvent(".".join(map(str, first["loc"])) or "event", first["msg"])
