"""An installation that somebody has used for a year: music, plays, playlists, a model that has been trained again and again.

In: a folder with music, an installation that is up. Out: the same one, lived in; only what users have is used for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from infra.events import PlayEvent
from infra.models import Track
from tests.data.installed import Installed, wait_for
from tests.screenshots.year import ME, a_year

__all__ = ["Service", "live_in", "told"]

SEED = 11
TRAININGS = 3
"""So often while the year goes by, beside the first one, which knows no plays."""
AT_ONCE = 1_000
PATIENCE_S = 120.0
PLAYLISTS = ("Sunday morning", "Long way home", "Headphones", "Dinner for six")
OF_A_PLAYLIST, APART = 12, 7
"""So many tracks, each so far from the one before it."""


class Service:
    """The HTTP API, as the page asks it."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=60)

    def get(self, path: str, **asked: Any) -> Any:
        """What it answers."""
        return self._http.get(path, params=asked).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        """What it answers to being given something."""
        return self._http.post(path, json=body).raise_for_status().json()

    def tracks(self) -> list[Track]:
        """All of them, by artist."""
        page = self.get("/tracks", limit=200, order="artist")
        found = page["items"]
        while page["cursor"] is not None:
            page = self.get("/tracks", limit=200, order="artist", cursor=page["cursor"])
            found += page["items"]
        return [Track.model_validate(item) for item in found]


def live_in(installed: Installed, service: Service, music: Path) -> None:
    """Bring the music in and train, then listen for a year, train meanwhile, and keep playlists."""
    told("bringing the music in")
    installed.segue("ingest", str(music))
    tracks = wait_for(service.tracks, "the tracks are served", PATIENCE_S)
    _train(installed, service)
    events = a_year(tracks, datetime.now(UTC), SEED)
    done = 0
    for part in range(1, TRAININGS + 1):
        upto = len(events) * part // TRAININGS
        told(f"listening, until {events[upto - 1].at:%d %B %Y}")
        _post(service, events[done:upto], upto)
        done = upto
        _train(installed, service)
    for place, name in enumerate(PLAYLISTS):
        chosen = [
            tracks[(place * len(tracks) // len(PLAYLISTS) + APART * n) % len(tracks)].id for n in range(OF_A_PLAYLIST)
        ]
        service.post(f"/users/{ME}/playlists", {"name": name, "tracks": list(dict.fromkeys(chosen))})


def _post(service: Service, events: Sequence[PlayEvent], all_of_them: int) -> None:
    """Post plays as the page does, and wait until they are kept."""
    for first in range(0, len(events), AT_ONCE):
        service.post("/plays", [event.model_dump(mode="json") for event in events[first : first + AT_ONCE]])
    kept = lambda: len(service.get(f"/users/{ME}/export")["plays"]) >= all_of_them  # noqa: E731
    wait_for(kept, "all plays are kept", PATIENCE_S)


def _train(installed: Installed, service: Service) -> None:
    """Train, and wait until a model answers."""
    told("training")
    installed.segue("train")
    wait_for(lambda: service.get("/health")["model_version"], "a model answers", PATIENCE_S)


def told(what: str) -> None:
    """A line about what is being done, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)
