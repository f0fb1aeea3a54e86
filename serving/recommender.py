"""The application under `/users`: what to play next, what was played, and being forgotten.

In: the model, the listener's events up to this moment, and requests. Out: recommendations with reasons.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends, FastAPI, Response
from starlette.types import ASGIApp

from infra.addresses import Addresses
from infra.bus import Bus, PlayProducer, TailReader
from infra.errors import ServiceError
from infra.logs import REQUEST
from infra.models import TrackId
from infra.settings import Settings
from infra.store import Store
from serving.answers import History, Neighbours, ReaderLag, RecommenderState, as_json
from serving.champion import Champion
from serving.http.asking import asked
from serving.http.auth import Access, is_loopback
from serving.http.border import Border
from serving.http.documentation import Document, described
from serving.http.hosts import Hosts
from serving.http.parameters import Cursor, Limit, User
from serving.http.problems import PROBLEMS, answer_problems
from serving.listening.answering import Answering
from serving.listening.atlas import Atlas
from serving.listening.diary import Diaries
from serving.listening.insights import Insights
from serving.listening.outings import Outings
from serving.listening.past import Past
from serving.listening.playlists import Playlists
from serving.metrics import Metrics
from serving.music.catalogue import REQUEST_S, SCAN_S, Catalogue
from serving.recent.live import Live
from serving.refreshing import Refreshing
from training.recommend.recommender import SessionRecommender
from training.registry import versions as registry
from training.registry.acceptance import accept
from training.registry.forgetting import owed

__all__ = ["PREFIX", "Recommending"]

PREFIX = "/users"


class Recommending:
    """One replica's state: the library, the model and the listeners; its threads run from `start` to `close`."""

    def __init__(self, settings: Settings, addresses: Addresses, *, replica: str = "") -> None:
        """`replica` is what its numbers are called."""
        self._settings, self._addresses = settings, addresses
        self._store = Store(addresses.mongo, settings.mongo_database, timeout_s=2.0, answer_s=REQUEST_S)
        self._scans = Store(addresses.mongo, settings.mongo_database, timeout_s=2.0, answer_s=SCAN_S)
        bus = Bus(addresses.kafka, settings.kafka_prefix)
        self._producer = PlayProducer(bus)
        self._live = Live(lambda: TailReader(bus), self._store.plays)
        self._catalogue = Catalogue(self._scans.tracks.changed_since, vectors=True)
        self._champion = _champion(settings, addresses, self._catalogue, self._scans)
        self._access = Access(self._store.users, exposed=not is_loopback(settings.host))
        self._debt = ""
        self._answering = Answering(self._live, self._catalogue, self._champion)
        self._diaries = Diaries(self._scans.plays)
        self._past = Past(self._live, self._diaries, self._store.plays, self._producer, self._catalogue)
        self._outings = Outings(self._answering, self._diaries, self._catalogue, self._champion)
        self._insights = Insights(self._diaries, self._store.plays, self._store.playlists, self._catalogue)
        self._atlas = Atlas(self._diaries, self._catalogue, self._champion)
        self._playlists = Playlists(self._store.playlists, self._catalogue)
        self._refreshing = Refreshing(self._refresh)
        self._metrics = self._counted(Metrics("recommender", replica))

    def start(self) -> None:
        """Load what there is, then follow what comes."""
        self._refreshing.start()
        self._live.start()

    def close(self) -> None:
        """Stop the threads and let go of the connections."""
        self._refreshing.close()
        self._live.close()
        self._diaries.close()
        self._producer.close()
        self._store.close()
        self._scans.close()

    def application(self) -> ASGIApp:
        """What answers HTTP."""
        app = FastAPI(title="Segue: recommender", openapi_url=None)
        app.include_router(self.routes())
        answer_problems(app)
        return Border(app, self._metrics, Hosts(self._settings))

    def routes(self) -> APIRouter:
        """The routes, without the prefix."""
        routes = APIRouter(responses=PROBLEMS, tags=["listeners"])
        own, own_or_admin = [Depends(self._access.listener)], [Depends(self._access.owner_or_admin)]
        for part in (self._answering, self._past, self._outings, self._insights, self._atlas, self._playlists):
            part.add_to(routes, dependencies=own)
        routes.add_api_route("/{user}/history", self.history, response_model=History, dependencies=own)
        routes.add_api_route("/{user}", self.forget, methods=["DELETE"], status_code=204, dependencies=own_or_admin)
        return routes

    async def history(self, user: User, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """What the listener did, newest first, as stored."""
        events, following = await asked(lambda: self._store.plays.history(user, limit, cursor), REQUEST_S)
        return as_json(History(items=tuple(events), cursor=following))

    async def forget(self, user: User) -> Response:
        """Forget everything about this listener, here and wherever the events are read; an admin may ask for any."""
        await self._producer.forget(user, REQUEST.get())
        # First what only this call deletes: long histories take their time, and whoever reads the wish deletes them too.
        await asyncio.to_thread(self._store.playlists.forget, user)
        await asyncio.to_thread(self._store.plays.forget, user)
        self._answering.forget(user)
        self._diaries.forget(user)
        self._outings.forget(user)
        return Response(status_code=204)

    def neighbours(self, track: TrackId, n: int) -> Neighbours:
        """Up to `n` tracks like `track`, best first."""
        model = self._champion.model
        found = model.recommender.similar(track, n + len(model.unlisted))
        listed = [one for one in found if one.track not in model.unlisted]
        return Neighbours(items=tuple(listed[:n]), model_version=model.version)

    def state(self) -> RecommenderState:
        """How this replica is."""
        model = self._champion.model
        return RecommenderState(
            model_version=model.version,
            tracks=len(model.recommender.tracks),
            fault=self._champion.told or self._debt,
            live=self._live.reading,
            lag=ReaderLag(live=self._live.lag.live, durable=self._live.lag.durable),
        )

    def numbers(self) -> str:
        """This replica's numbers for Prometheus."""
        return self._metrics.text()

    def document(self) -> Document:
        """The routes as an OpenAPI document, under the prefix."""
        return described(self.routes(), prefix=PREFIX)

    def _refresh(self) -> None:
        self._catalogue.catch_up()
        self._champion.refresh()
        self._live.measure()
        self._debt = self._owed()

    def _owed(self) -> str:
        """Why the model that answers should not, where nothing replaces it by itself; a part that is away says so elsewhere."""
        if self._settings.retrain_plays:
            return ""
        try:
            forgettings = self._scans.plays.forgettings()
            why = owed(registry.versions(self._addresses.mlflow), forgettings) if forgettings else ""
        except ServiceError:
            return self._debt
        return f"{why}; `segue train` makes a model without them" if why else ""

    def _counted(self, metrics: Metrics) -> Metrics:
        metrics.gauge("segue_tracks", "Tracks in the library", lambda: len(self._catalogue))
        metrics.gauge("segue_listeners", "Listeners held in memory", lambda: len(self._live))
        metrics.gauge("segue_live_events", "Events read from Kafka since the start", lambda: self._live.events_in)
        metrics.gauge("segue_live_reading", "1 while events are read from Kafka", lambda: self._live.reading)
        metrics.gauge("segue_live_lag", "Acknowledged events not read yet", lambda: self._live.lag.live)
        metrics.gauge("segue_durable_lag", "Acknowledged events not stored yet", lambda: self._live.lag.durable)
        metrics.gauge("segue_index_tracks", "Tracks that can be recommended", self._index_tracks)
        metrics.gauge("segue_model_version", "Registered version that answers; 0 by sound alone", self._version)
        return metrics

    def _index_tracks(self) -> int:
        return len(self._champion.model.recommender.tracks)

    def _version(self) -> int:
        return int(self._champion.model.version or 0)


def _champion(settings: Settings, addresses: Addresses, catalogue: Catalogue, store: Store) -> Champion:
    def load(version: str) -> SessionRecommender:
        return accept(registry.fetch(addresses.mlflow, version, settings.models), store.normalisers)

    return Champion(catalogue, lambda: registry.champion(addresses.mlflow), load, settings.champion_poll_s)
