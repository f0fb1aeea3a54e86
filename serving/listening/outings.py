"""Lists of tracks that begin nowhere in particular: the mixes of a day, and a journey from one track to another.

In: the model, the history, what is disliked. Out: tracks in an order to be heard in.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from infra.clock import now_ms
from infra.errors import NotFound
from infra.events import DAY_MS
from infra.models import TrackId, UserId
from serving.answers import ScoredTrack, as_json
from serving.champion import Champion
from serving.http.parameters import User
from serving.http.problems import ProblemError
from serving.listening.answering import Answering
from serving.listening.diary import Diaries, Diary
from serving.listening.listener_answers import Journey, Mix, Mixes
from serving.listening.mixing import Mixed, Mixing, chance_of, known_by
from serving.music.catalogue import Catalogue

__all__ = ["Outings"]

MOST_KEPT = 256
"""Listeners whose mixes of the day are kept."""

Length = Annotated[int, Query(ge=2, le=50, description="How many tracks at most, both ends among them")]
Tracks = Annotated[int, Query(ge=1, le=100, description="How many tracks a mix has at most")]
From = Annotated[TrackId, Query(alias="from", min_length=1, max_length=128, description="The first track")]
To = Annotated[TrackId, Query(min_length=1, max_length=128, description="The last track")]

Key = tuple[str, int, int, int]


class Outings:
    """The routes `/mixes` and `/journey`."""

    def __init__(self, answering: Answering, diaries: Diaries, catalogue: Catalogue, champion: Champion) -> None:
        self._answering, self._diaries = answering, diaries
        self._catalogue, self._champion = catalogue, champion
        self._kept: OrderedDict[UserId, tuple[Key, list[Mixed]]] = OrderedDict()

    def add_to(self, routes: APIRouter, **guarded: Any) -> None:
        """Add the routes, without the prefix."""
        routes.add_api_route("/{user}/mixes", self.mixes, response_model=Mixes, **guarded)
        routes.add_api_route("/{user}/journey", self.journey, response_model=Journey, **guarded)

    async def mixes(self, user: User, n: Tracks = 30) -> Response:
        """The mixes of today, by UTC: the same all day, but that what is disliked or unlearned meanwhile goes."""
        barred = (await self._answering.taste(user)).disliked
        diary = await self._diaries.of(user)
        now = now_ms()
        day = datetime.fromtimestamp(now / 1000, UTC).date().isoformat()
        mixed = await asyncio.to_thread(self._mixed, user, diary, barred, day, now, n)
        entries = self._catalogue.entries
        items = tuple(
            Mix(id=mix.id, artists=mix.artists, items=shown)
            for mix in mixed
            if (shown := tuple(entries[t].track for t in mix.tracks if t in entries and t not in barred))
        )
        return as_json(Mixes(day=day, items=items))

    async def journey(self, user: User, first: From, to: To, n: Length = 12) -> Response:
        """From one track to another, through what lies between them; no artist twice in a row where avoidable."""
        if first == to:
            raise ProblemError(422, "to: a journey ends elsewhere than it begins", field="to")
        model, entries = self._champion.model, self._catalogue.entries
        for track in (first, to):
            self._catalogue.entry(track)
            if track not in model.recommender.tracks:
                raise NotFound("this track has no place among the others yet")
        barred = (await self._answering.taste(user)).disliked | model.unlisted
        found = await asyncio.to_thread(model.recommender.journey, first, to, n, barred)
        items = tuple(ScoredTrack(track=entries[o.track].track, score=o.score) for o in found if o.track in entries)
        return as_json(Journey(items=items, model_version=model.version))

    def forget(self, user: UserId) -> None:
        """Let go of a listener's mixes."""
        self._kept.pop(user, None)

    def _mixed(
        self, user: UserId, diary: Diary, barred: Collection[TrackId], day: str, now: int, n: int
    ) -> list[Mixed]:
        listenings = known_by(diary.listenings, now - now % DAY_MS)
        # What is unlearned goes from the mixes at once.
        key = (
            day,
            n,
            sum(not one.private for one in listenings),
            sum(len(one.events) for one in listenings if one.private),
        )
        kept = self._kept.get(user)
        if kept is None or kept[0] != key:
            model, entries = self._champion.model, self._catalogue.entries
            mixing = Mixing(model, entries, listenings, barred, chance_of(day, user), now)
            kept = self._kept[user] = (key, list(mixing.all(n)))
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return kept[1]
