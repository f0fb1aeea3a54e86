"""The application under `/`: the library, its audio, plays, health and the one OpenAPI document.

In: the catalogue, Kafka, and the recommender application through its handle. Out: tracks, streams and numbers.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from infra.addresses import Addresses
from infra.bus import Bus, PlayProducer
from infra.errors import NotFound, ServiceError
from infra.logs import REQUEST
from infra.settings import Settings
from infra.store import Store
from serving.answers import Accepted, Health, ScoredTrack, SimilarTracks, as_json
from serving.health import HealthCheck, Replicas
from serving.http.auth import Access, is_loopback
from serving.http.border import Border
from serving.http.documentation import described, merged_documents, page_policy
from serving.http.hosts import Hosts
from serving.http.parameters import Number, TrackPath
from serving.http.problems import PROBLEMS, answer_problems
from serving.http.sign_in import SigningIn
from serving.metrics import Metrics, merged
from serving.music.browsing import Browsing
from serving.music.catalogue import REQUEST_S, SCAN_S
from serving.music.works import Works
from serving.plays import BODY, PlayRates, posted_events
from serving.refreshing import Refreshing
from serving.streams.media import media_response
from serving.streams.rendition import STREAMS, Bitrate, Format, Offset, rendition_of
from serving.streams.transcode import GONE, Transcoder

__all__ = ["Library"]

log = logging.getLogger("segue.library")

DOCS_ASSETS = "/docs/assets"
"""Where the files behind `/docs` answer: ours, so that the page works without the internet."""


class Library:
    """One replica's state; its thread runs from `start` to `close`."""

    def __init__(self, settings: Settings, addresses: Addresses, replicas: Replicas, *, replica: str = "") -> None:
        """`replica` is what its numbers are called."""
        self._settings = settings
        self._replicas = replicas
        self._store = Store(addresses.mongo, settings.mongo_database, timeout_s=2.0, answer_s=REQUEST_S)
        self._scans = Store(addresses.mongo, settings.mongo_database, timeout_s=2.0, answer_s=SCAN_S)
        self._producer = PlayProducer(Bus(addresses.kafka, settings.kafka_prefix))
        self._access = Access(self._store.users, exposed=not is_loopback(settings.host))
        self._browsing = Browsing(self._scans.tracks.changed_since, self._access)
        self._catalogue = self._browsing.catalogue
        self._works = Works(self._store, addresses.mlflow, self._access)
        self._signing_in = SigningIn(self._store.users, self._access)
        self._play_rates = PlayRates()
        self._health = HealthCheck(self._store, addresses, replicas, lambda: len(self._catalogue))
        self._metrics = Metrics("library", replica)
        self._metrics.gauge("segue_tracks", "Tracks in the library", lambda: len(self._catalogue))
        self._posted = self._metrics.counter("segue_plays_posted", "Valid events that clients posted")
        self._acknowledged = self._metrics.counter("segue_plays_acknowledged", "Events that Kafka acknowledged")
        self._transcoder = Transcoder(settings, self._metrics)
        self._refreshing = Refreshing(self._refresh)

    def start(self) -> None:
        """Load what there is, then follow what comes."""
        self._refreshing.start()

    def close(self) -> None:
        """Stop the thread and let go of the connections."""
        self._refreshing.close()
        self._transcoder.close()
        self._producer.close()
        self._store.close()
        self._scans.close()

    def application(self) -> ASGIApp:
        """What answers HTTP."""
        app = FastAPI(title="Segue: library", openapi_url=None)
        for routes in (*self._documented(), self.documentation_routes()):
            app.include_router(routes)
        app.mount(DOCS_ASSETS, StaticFiles(packages=[("flask_swagger_ui", "dist")]))
        answer_problems(app)
        return Border(app, self._metrics, Hosts(self._settings))

    def open_routes(self) -> APIRouter:
        """What needs no token."""
        routes = APIRouter(tags=["service"])
        routes.add_api_route("/health", self.health, response_model=Health, responses={503: {"model": Health}})
        return routes

    def routes(self) -> APIRouter:
        """What needs a token once there are accounts."""
        routes = APIRouter(dependencies=[Depends(self._access.listener)], responses=PROBLEMS, tags=["library"])
        routes.add_api_route("/tracks/{track_id}/similar", self.similar, response_model=SimilarTracks)
        routes.add_api_route(
            "/plays", self.plays, methods=["POST"], status_code=202, response_model=Accepted, openapi_extra=BODY
        )
        return routes

    def admin_routes(self) -> APIRouter:
        """What needs an admin's token once there are accounts."""
        routes = APIRouter(dependencies=[Depends(self._access.admin)], responses=PROBLEMS, tags=["service"])
        routes.add_api_route("/metrics", self.metrics, response_class=Response)
        return routes

    def player_routes(self) -> APIRouter:
        """What `<audio>` and `<img>` ask for: the token may stand in the address."""
        routes = APIRouter(dependencies=[Depends(self._access.player)], responses=PROBLEMS, tags=["library"])
        routes.add_api_route("/tracks/{track_id}/cover", self.cover, response_class=Response)
        audio = "/tracks/{track_id}/audio"
        routes.add_api_route(audio, self.audio, response_class=Response, responses=STREAMS)
        routes.add_api_route(audio, self.audio, methods=["HEAD"], response_class=Response, include_in_schema=False)
        return routes

    def documentation_routes(self) -> APIRouter:
        """The document of both applications, and the page that shows it."""
        routes = APIRouter(dependencies=[Depends(self._access.listener)], include_in_schema=False)
        routes.add_api_route("/openapi.json", self.openapi)
        routes.add_api_route("/docs", self.docs)
        return routes

    async def openapi(self) -> JSONResponse:
        """The OpenAPI document of both applications."""
        own = described(*self._documented())
        return JSONResponse(merged_documents(own, await self._replicas.document()))

    def _documented(self) -> tuple[APIRouter, ...]:
        return (
            self._browsing.routes(),
            self._works.routes(),
            self.routes(),
            self.player_routes(),
            self.open_routes(),
            self._signing_in.routes(),
            self.admin_routes(),
        )

    async def docs(self) -> HTMLResponse:
        """A page to read the document and to try the calls."""
        files = DOCS_ASSETS.removeprefix("/")
        page = get_swagger_ui_html(
            openapi_url="openapi.json",
            title="Segue",
            swagger_js_url=f"{files}/swagger-ui-bundle.js",
            swagger_css_url=f"{files}/swagger-ui.css",
            swagger_favicon_url=f"{files}/favicon-32x32.png",
        )
        page.headers["Content-Security-Policy"] = page_policy(bytes(page.body))
        return page

    async def health(self) -> Response:
        """How the service and its parts are; 503 when a part that is needed is away."""
        health = await self._health.health()
        return as_json(health, 503 if health.status == "down" else 200)

    async def metrics(self) -> Response:
        """Numbers of all replicas, for Prometheus."""
        try:
            texts = await self._replicas.numbers()
        except ServiceError as error:
            log.warning("only this replica's numbers: %s", error)
            texts = [self.numbers()]
        return Response(merged(*texts), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def cover(self, track_id: TrackPath, request: Request) -> Response:
        """The track's picture."""
        entry = self._catalogue.entry(track_id)
        if entry.cover_uri is None:
            raise NotFound("this track has no cover")
        return await media_response(request, entry.cover_uri, None, "the cover's file is gone; ingest again")

    async def audio(
        self, track_id: TrackPath, request: Request, codec: Format = None, bitrate: Bitrate = None, offset: Offset = 0.0
    ) -> Response:
        """The track's audio, whole or by Range; in another format or bitrate, or from the middle, made while it streams.

        What is converted from its beginning is kept, and answers Range from the second time on.
        """
        entry = self._catalogue.entry(track_id)
        rendition = rendition_of(entry, self._settings, codec, bitrate, offset)
        if rendition is None:
            return await media_response(request, entry.media.uri, entry.media.mime, GONE)
        return await self._transcoder.response(request, entry, rendition)

    async def similar(self, track_id: TrackPath, n: Number = 20) -> Response:
        """Tracks like this one, best first."""
        self._catalogue.entry(track_id)
        found = await self._replicas.neighbours(track_id, n)
        entries = self._catalogue.entries
        items = [ScoredTrack(track=entries[o.track].track, score=o.score) for o in found.items if o.track in entries]
        return as_json(SimilarTracks(items=tuple(items), model_version=found.model_version))

    async def plays(self, request: Request) -> Response:
        """Take one event, or a list of up to 1,000: all of them, once Kafka has acknowledged them, or none."""
        caller = request.state.caller
        await self._play_rates.asked(caller)
        events = await posted_events(request, caller)
        await self._play_rates.posted(caller, len(events))
        self._posted.inc(len(events))
        await self._producer.publish(events, REQUEST.get())
        self._acknowledged.inc(len(events))
        for event in events:
            log.debug("acknowledged %s", event.event_id)
        return as_json(Accepted(accepted=len(events)), 202)

    def numbers(self) -> str:
        """This replica's numbers for Prometheus."""
        return self._metrics.text()

    def _refresh(self) -> None:
        self._catalogue.catch_up()
