"""What to play next, asked for as it is or steered.

In: the model, the library, a listener's events up to this moment. Out: recommendations with reasons.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from infra.clock import now_ms
from infra.models import Recommendation, TrackId, UserId
from serving.answers import Recommendations, RecommendedTrack, as_json
from serving.champion import Champion
from serving.http.parameters import Number, Seed, User
from serving.listening.steering import Steering, radio, steered
from serving.music.catalogue import Catalogue
from serving.recent.live import Live
from serving.recent.taste import Taste, taste_of
from training.recommend.endless import endless

__all__ = ["Answering"]

MOST_TASTES = 1_024
"""Listeners whose signals are kept between two requests."""


class Answering:
    """Recommendations for the listeners of one replica."""

    def __init__(self, live: Live, catalogue: Catalogue, champion: Champion) -> None:
        self._live, self._catalogue, self._champion = live, catalogue, champion
        self._tastes: OrderedDict[UserId, Taste] = OrderedDict()

    def add_to(self, routes: APIRouter, **guarded: Any) -> None:
        """Add the routes, without the prefix."""
        path = "/{user}/recommendations"
        routes.add_api_route(path, self.recommendations, response_model=Recommendations, **guarded)
        routes.add_api_route(path, self.steered, methods=["POST"], response_model=Recommendations, **guarded)

    async def recommendations(self, user: User, n: Number = 20, seed: Seed = None) -> Response:
        """What to play next, all that this listener did until now taken into account.

        With `seed`, tracks that go with that track instead of with the session.
        """
        taste = await self.taste(user)
        model = self._champion.model
        recent, barred = taste.signals, taste.barred | model.unlisted
        if seed is not None:
            self._catalogue.entry(seed)
            recent, barred = radio((seed,), recent, now_ms()), barred | {seed}
        return self._answer(model.recommender.next_tracks(recent, n, barred), model.version, taste)

    async def steered(self, user: User, steering: Steering) -> Response:
        """What to play next in a session that is steered; it never runs dry.

        No artist follows themselves where that can be avoided. Tracks that the library does not have are passed over.
        """
        taste = await self.taste(user)
        model = self._champion.model
        found = endless(
            model.recommender,
            steered(taste.signals, steering, now_ms()),
            steering.n,
            barred=taste.barred | model.unlisted,
            without=steering.kept_back,
            artists=model.artists,
        )
        return self._answer(found, model.version, taste)

    async def taste(self, user: UserId) -> Taste:
        """What a listener's events come to, all that was acknowledged before this call included."""
        recent = await self._live.recent(user)
        taste = self._tastes.get(user)
        if taste is None or (taste.changes, taste.as_of) != (recent.changes, recent.as_of):
            taste = self._tastes[user] = taste_of(recent, now_ms())
            if len(self._tastes) > MOST_TASTES:
                self._tastes.popitem(last=False)
        self._tastes.move_to_end(user)
        return taste

    def forget(self, user: UserId) -> None:
        """Let go of what is known of a listener."""
        self._tastes.pop(user, None)

    def _answer(self, found: Sequence[Recommendation], version: str | None, taste: Taste) -> Response:
        entries = self._catalogue.entries
        shown = [one for one in found if one.track in entries]
        named: dict[TrackId, str] = {
            track: entries[track].track.title for one in shown for track in one.because.tracks if track in entries
        }
        items = tuple(
            RecommendedTrack(track=entries[one.track].track, score=one.score, because=one.because) for one in shown
        )
        return as_json(Recommendations(items=items, titles=named, model_version=version, as_of=taste.as_of))
