"""What is known of a listener, told to them: taste, statistics, and everything as a file.

In: the whole history. Out: numbers in the listener's own time zone; JSON to take along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from infra.events import PlayEvent
from infra.models import Track, TrackId, UserId
from infra.store import Playlist, PlaylistStore, PlayStore
from serving.answers import Answer, as_json
from serving.http.asking import asked
from serving.http.parameters import User
from serving.http.problems import ProblemError
from serving.listening.diary import Diaries
from serving.listening.insight_answers import Statistics, TasteTold
from serving.listening.portrait import portrait
from serving.listening.yearly import statistics
from serving.music.catalogue import REQUEST_S, Catalogue

__all__ = ["Export", "Insights"]

Zone = Annotated[str, Query(max_length=64, description="Time zone by its IANA name, `Europe/Vienna` say")]
Year = Annotated[int | None, Query(ge=1970, le=2199, description="The newest one with plays when left out")]
EVENTS_AT_ONCE = 1_000


class Export(Answer):
    """Everything that is kept of a listener."""

    listener: UserId
    exported_at: datetime
    plays: tuple[PlayEvent, ...]
    playlists: tuple[Playlist, ...]


class Insights:
    """The routes `/taste`, `/statistics` and `/export`."""

    def __init__(self, diaries: Diaries, plays: PlayStore, playlists: PlaylistStore, catalogue: Catalogue) -> None:
        self._diaries, self._plays, self._playlists, self._catalogue = diaries, plays, playlists, catalogue

    def add_to(self, routes: APIRouter, **guarded: Any) -> None:
        """Add the routes, without the prefix."""
        routes.add_api_route("/{user}/taste", self.taste, response_model=TasteTold, **guarded)
        routes.add_api_route("/{user}/statistics", self.statistics, response_model=Statistics, **guarded)
        routes.add_api_route("/{user}/export", self.export, response_model=Export, **guarded)

    async def taste(self, user: User, tz: Zone = "UTC") -> Response:
        """What is known of this listener's taste; private plays are not."""
        zone, diary = _zone(tz), await self._diaries.of(user)
        question = ("taste", tz, self._catalogue.generation)
        told = await asyncio.to_thread(diary.once, question, lambda: portrait(diary.listenings, self._tracks(), zone))
        return as_json(told)

    async def statistics(self, user: User, year: Year = None, tz: Zone = "UTC") -> Response:
        """A year of listening, private plays included: nobody else sees them."""
        zone, diary = _zone(tz), await self._diaries.of(user)
        today = datetime.now(zone).date()
        question = ("statistics", year, today, tz, self._catalogue.generation)
        told = await asyncio.to_thread(
            diary.once, question, lambda: statistics(diary.listenings, self._tracks(), zone, year, today)
        )
        return as_json(told)

    async def export(self, user: User) -> Response:
        """Everything that is kept of this listener, as a file; plays as they were posted, newest first."""
        playlists = await asked(lambda: self._playlists.of(user), REQUEST_S)
        first = await self._page(user, None)
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="segue.json"'}
        return StreamingResponse(self._exported(user, playlists, first), 200, headers, "application/json")

    async def _exported(
        self, user: UserId, playlists: list[Playlist], page: tuple[list[PlayEvent], str | None]
    ) -> AsyncIterator[str]:
        whole = Export(listener=user, exported_at=datetime.now(UTC), plays=(), playlists=tuple(playlists))
        before, after = whole.model_dump_json().split('"plays":[]', 1)
        yield f'{before}"plays":['
        comma = ""
        while True:
            events, cursor = page
            for event in events:
                yield comma + event.model_dump_json()
                comma = ","
            if cursor is None:
                break
            page = await self._page(user, cursor)
        yield f"]{after}"

    async def _page(self, user: UserId, cursor: str | None) -> tuple[list[PlayEvent], str | None]:
        return await asked(lambda: self._plays.history(user, EVENTS_AT_ONCE, cursor), REQUEST_S)

    def _tracks(self) -> dict[TrackId, Track]:
        return {track: entry.track for track, entry in self._catalogue.entries.items()}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ProblemError(422, "tz: no time zone of that name is known", field="tz") from error
