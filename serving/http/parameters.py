"""Parameters that several routes take, with their bounds.

In: texts from addresses. Out: annotated types, which FastAPI checks and the OpenAPI document describes.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from infra.events import NAME
from infra.models import TrackId, UserId

__all__ = ["Cursor", "GivenTrack", "Limit", "Number", "Seed", "TrackPath", "User"]

User = Annotated[UserId, NAME, Path(description="Name of the listener")]
TrackPath = Annotated[TrackId, NAME, Path(description="Id of the track")]
Number = Annotated[int, Query(ge=1, le=200, description="How many at most")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most")]
Cursor = Annotated[str | None, Query(max_length=512, description="`cursor` of the page before")]
Seed = Annotated[TrackId | None, Query(max_length=128, description="Start from this track: a radio")]
GivenTrack = Annotated[TrackId, NAME]
"""A track's id in a body."""
