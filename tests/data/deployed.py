"""The deployed service as the supervisor runs it, with a small library of real audio, and what tests look at behind it.

In: the test run's services. Out: `Service`, for the HTTP contract through the real ingress.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from infra.bus import Bus, ensure_topics
from infra.events import PlayEvent
from infra.models import Media, Source, Track, TrackRecord
from infra.services import Services, ray_environment
from infra.services.processes import family
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.installed import wait_for
from tests.data.make_audio import png, tone
from tests.data.records import START, record, track_id

__all__ = ["NAMES", "Service", "deployed", "heard", "replicas", "small_service", "until"]

NAMES = ["Anchor", "Été", "Cantata"]


class Service:
    """The deployed service, with what tests look at behind it."""

    def __init__(self, http: httpx.Client, store: Store, bus: Bus, media: dict[str, Path], settings: Settings) -> None:
        self.http, self.store, self.bus, self.media, self.settings = http, store, bus, media, settings

    def audio(self, name: str = "Anchor") -> str:
        return f"/tracks/{track_id(name)}/audio"

    def post(self, *events: PlayEvent) -> httpx.Response:
        return self.http.post("/plays", json=[event.model_dump(mode="json") for event in events])

    def recommendations(self, user: str, **query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/users/{user}/recommendations", params=query).raise_for_status().json()
        return answer


def until(true: Callable[[], Any], seconds: float = 30) -> Any:
    """What `true` returns once that is something true."""
    return wait_for(true, "what was waited for", seconds)


def replicas(application: str) -> set[psutil.Process]:
    """The processes that answer for an application."""
    found = set()
    for process in family(psutil.Process()):
        with contextlib.suppress(psutil.NoSuchProcess):
            if " ".join(process.cmdline()).startswith(f"ray::ServeReplica:{application}"):
                found.add(process)
    return found


def heard(name: str, place: int, media: Path, cover: Path | None = None) -> TrackRecord:
    track = Track(
        id=track_id(name),
        title=name,
        artist="Björk",
        album="Live",
        track_number=place,
        duration_ms=3000,
        cover=cover is not None,
        added_at=START,
    )
    size = media.stat().st_size
    vector = [0.0] * 4
    vector[place % 4], vector[(place + 1) % 4] = 0.8, 0.6
    return record(name).model_copy(
        update={
            "track": track,
            "sources": (Source(uri=media.as_uri(), bytes=size, mtime_ns=1),),
            "media": Media(uri=media.as_uri(), mime="audio/mpeg", bitrate_kbps=64, bytes=size),
            "cover_uri": cover.as_uri() if cover else None,
            "vectors": {1: tuple(vector)},
        }
    )


@contextmanager
def small_service(services: Services, installation: Settings, folder: Path) -> Iterator[Service]:
    """Deployed over three tracks, in a database and topics of its own; everything is logged."""
    addresses = services.ensure("mongo", "kafka", "mlflow", "ray")
    name = uuid.uuid4().hex[:8]
    settings = installation.model_copy(
        update={"mongo_database": f"serving_{name}", "kafka_prefix": f"{name}.", "log_level": "debug"}
    )
    bus = Bus(addresses.kafka, settings.kafka_prefix)
    ensure_topics(bus)
    cover = folder / "cover.png"
    cover.write_bytes(png())
    media = {n: tone(folder / f"{n} 100%.mp3", 3, hz=220 * (place + 1)) for place, n in enumerate(NAMES)}
    with Store(addresses.mongo, settings.mongo_database).prepare() as store:
        store.tracks.upsert(
            [heard(n, place, media[n], cover if n == "Anchor" else None) for place, n in enumerate(NAMES)]
        )
        with deployed(settings) as http:
            yield Service(http, store, bus, media, settings)


class deployed:  # noqa: N801 - reads as what it gives
    """`python -m serving.app` as the supervisor runs it, until its end."""

    def __init__(self, settings: Settings) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        given = {**settings.environment(), **ray_environment(settings)}
        self.log = settings.home / "serving-test.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving.app", "--port", str(self.port)],
                env=child_environment(**given),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> httpx.Client:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=15, trust_env=False)
        try:
            until(self._up, 240)
        except AssertionError as error:
            self.__exit__()
            raise AssertionError(self.log.read_text()) from error
        return self.http

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.process.terminate()
        try:
            assert self.process.wait(60) == 0, self.log.read_text()
        finally:
            self.process.kill()

    def _up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.http.get("/health").json().get("status") == "ok"
        except (httpx.HTTPError, ValueError):
            return False
