"""What a listener did and said, and taking it back.

In: the history, and what is not to be learned from. Out: opinions, listenings, and messages that travel in order with the plays.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints, model_validator

from infra.bus import PlayProducer
from infra.errors import StoreError
from infra.events import OPINIONS, PlayEvent, Withdrawal
from infra.letters import fold
from infra.logs import REQUEST
from infra.models import Frozen, Track, TrackId, UserId
from infra.store import PlayStore
from serving.answers import as_json
from serving.http.asking import asked
from serving.http.parameters import Cursor, GivenTrack, Limit, TrackPath, User
from serving.http.problems import ProblemError
from serving.http.rates import Rate
from serving.listening.diary import Diaries, Diary, Heard
from serving.listening.listener_answers import Listen, Listens, Opinion, Opinions, Unlearned
from serving.music.catalogue import REQUEST_S, SCAN_S, Catalogue
from serving.recent.live import Live
from training.data.signals import in_order

__all__ = ["Past", "Unlearning"]

MOST_EVENTS = 10_000
CHANGES = "600 per minute"
SENT_AT_ONCE = 1_000
Name = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class Unlearning(Frozen):
    """What is not to be learned from any more: these events, or everything of one track, artist, album or genre."""

    events: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MOST_EVENTS)] | None = None
    track: GivenTrack | None = None
    artist: Name | None = None
    album: Name | None = None
    album_artist: Annotated[str, StringConstraints(max_length=512)] | None = None
    """Whose album is meant; empty: nobody's; unset: all of that title."""
    genre: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Unlearning:
        if len(self.model_dump(exclude_none=True, exclude={"album_artist"})) != 1:
            raise ValueError("name exactly one of events, track, artist, album and genre")
        if self.album_artist is not None and self.album is None:
            raise ValueError("album_artist says whose album is meant: name the album too")
        return self

    def means(self, track: Track) -> bool:
        """Whether it is about all plays of `track`; case and accents do not matter."""
        said = (
            (self.track, (track.id,)),
            (self.artist, (track.artist, track.album_artist)),
            (self.album, (track.album,)),
            (self.genre, (track.genre,)),
        )
        if self.album_artist is not None and fold(self.album_artist) != fold(track.album_by):
            return False
        return any(name is not None and fold(name) in map(fold, called) for name, called in said)


class Past:
    """The routes about what has been."""

    def __init__(
        self, live: Live, diaries: Diaries, plays: PlayStore, producer: PlayProducer, catalogue: Catalogue
    ) -> None:
        self._live, self._diaries, self._plays = live, diaries, plays
        self._producer, self._catalogue = producer, catalogue
        self._rate = Rate(CHANGES, "changes of the past")

    def add_to(self, routes: APIRouter, **guarded: Any) -> None:
        """Add the routes, without the prefix."""
        add = routes.add_api_route
        add("/{user}/opinions", self.opinions, response_model=Opinions, **guarded)
        add("/{user}/opinions/{track_id}", self.withdraw, methods=["DELETE"], status_code=204, **guarded)
        add("/{user}/listens", self.listens, response_model=Listens, **guarded)
        add("/{user}/unlearn", self.unlearn, methods=["POST"], status_code=202, response_model=Unlearned, **guarded)

    async def opinions(self, user: User) -> Response:
        """What this listener likes and dislikes, up to this moment."""
        recent = await self._live.recent(user)
        said = sorted([*recent.opinions(), *recent.events()], key=in_order)
        last = {event.track: event for event in said if event.kind in OPINIONS}
        return as_json(
            Opinions(liked=self._opined(last.values(), "liked"), disliked=self._opined(last.values(), "disliked"))
        )

    async def withdraw(self, user: User, track_id: TrackPath, request: Request) -> Response:
        """Take back what was said of a track; it is as if that had never been said."""
        await self._counted(request)
        await self._producer.publish([Withdrawal(withdraws="opinion", user=user, track=track_id)], REQUEST.get())
        await self._at_once(lambda: self._plays.withdraw(user, track_id))
        return Response(status_code=204)

    async def listens(self, user: User, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """What was listened to, a row a listening, newest first; what was said of tracks unheard is among them."""
        before = _place(cursor)
        diary = await self._diaries.of(user)
        page, following = await asyncio.to_thread(_page, diary, limit, before)
        return as_json(Listens(items=tuple(self._listen(one) for one in page), cursor=following))

    async def unlearn(self, user: User, what: Unlearning, request: Request) -> Response:
        """Let plays be private from now on: kept in the history, out of the next answer, and of every later training."""
        await self._counted(request)
        concerned = await self._concerned(user, what)
        for at in range(0, len(concerned), SENT_AT_ONCE):
            some = [event.model_copy(update={"private": True}) for event in concerned[at : at + SENT_AT_ONCE]]
            await self._producer.publish(some, REQUEST.get())
        if concerned:
            await self._at_once(lambda: self._plays.make_private(user, [event.event_id for event in concerned]))
        return as_json(Unlearned(events=len(concerned)), 202)

    async def _concerned(self, user: UserId, what: Unlearning) -> list[PlayEvent]:
        """The events that are not private yet, stored ones as they were posted, and those on their way to the store."""
        diary = await self._diaries.of(user)
        recent = (await self._live.recent(user)).events()
        if what.events is not None:
            ids = set(what.events)
            coming = [event for event in recent if event.event_id in ids]
        else:
            # In a thread: a large library takes a moment to look through.
            tracks = await asyncio.to_thread(self._meant, what)
            ids = {event for one in diary.listenings if one.track in tracks for event in one.events}
            coming = [event for event in recent if event.track in tracks]
        stored = await asked(lambda: self._plays.chosen(user, ids), SCAN_S)
        known = {event.event_id for event in stored}
        return [event for event in (*stored, *(e for e in coming if e.event_id not in known)) if not event.private]

    def _meant(self, what: Unlearning) -> set[TrackId]:
        named = {TrackId(what.track)} if what.track is not None else set[TrackId]()
        return named | {track for track, entry in self._catalogue.entries.items() if what.means(entry.track)}

    async def _at_once(self, change: Callable[[], None]) -> None:
        """Make a change that is on its way through Kafka in the store too, for whoever asks next; it may fail."""
        try:
            await asked(change, REQUEST_S)
        except StoreError:
            # Acknowledged by Kafka, it will be made by the durable reader.
            return

    async def _counted(self, request: Request) -> None:
        if request.state.caller is not None:
            await self._rate.take(request.state.caller)

    def _opined(self, said: Iterable[PlayEvent], kind: str) -> tuple[Opinion, ...]:
        entries = self._catalogue.entries
        found = [event for event in said if event.kind == kind and event.track in entries]
        found.sort(key=lambda event: event.at, reverse=True)
        return tuple(Opinion(track=entries[event.track].track, at=event.at) for event in found)

    def _listen(self, one: Heard) -> Listen:
        entry = self._catalogue.entries.get(one.track)
        return Listen(
            track=entry.track if entry is not None else None,
            track_id=one.track,
            began_at=moment(one.started_ms),
            at=moment(one.at_ms),
            kind=one.kind,
            position_ms=one.furthest_ms,
            duration_ms=one.duration_ms,
            private=one.private,
            weight=one.says,
            events=tuple(one.events),
        )


def moment(at_ms: int) -> datetime:
    """A time in milliseconds since 1970 as a moment."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _place(cursor: str | None) -> tuple[int, bytes] | None:
    if cursor is None:
        return None
    if not re.fullmatch("[0-9]{1,15}[.][0-9a-f]{32}", cursor):
        raise ProblemError(422, "cursor: not one that this service gave", field="cursor")
    at, _, first = cursor.partition(".")
    return int(at), bytes.fromhex(first)


def _page(diary: Diary, limit: int, before: tuple[int, bytes] | None) -> tuple[Sequence[Heard], str | None]:
    """Up to `limit` listenings before a place, newest first, and the cursor of what comes next."""
    newest_first = [one for one in reversed(diary.listenings) if before is None or (one.at_ms, one.ids[:16]) < before]
    page = newest_first[:limit]
    if len(newest_first) <= limit:
        return page, None
    return page, f"{page[-1].at_ms}.{page[-1].ids[:16].hex()}"
