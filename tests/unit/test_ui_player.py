"""Up next says why, in plain words."""

from __future__ import annotations

from typing import Literal

import httpx
import pytest

from infra.models import Because, TrackId, UserId
from ui.client import Client
from ui.player import up_next, why

Kind = Literal["played_with", "goes_with", "sounds_like", "popular", "new", "explore"]
TITLES = {TrackId("a"): "Nebula", TrackId("b"): "Awakening", TrackId("c"): "Frontiers"}


@pytest.mark.parametrize(
    ("kind", "tracks", "words"),
    [
        ("played_with", ("a",), "Because you played Nebula"),
        ("played_with", ("a", "b", "c"), "Because you played Nebula and Awakening"),
        ("played_with", (), "Goes with what you play"),
        ("sounds_like", ("gone", "b"), "Sounds like Awakening"),
        ("sounds_like", ("gone",), "Sounds like what you play"),
        ("popular", (), "Played most here"),
        ("new", ("a",), "New here"),
        ("goes_with", ("a", "b"), "Goes with Nebula and Awakening"),
        ("goes_with", ("gone",), "Goes with what you asked for"),
        ("explore", (), "Something different"),
    ],
)
def test_reasons_in_words(kind: Kind, tracks: tuple[str, ...], words: str):
    assert why(Because(kind=kind, tracks=tuple(map(TrackId, tracks))), TITLES.get) == words


def test_what_nobody_has_played_says_so_beside_what_it_sounds_like():
    because = Because(kind="sounds_like", tracks=(TrackId("b"),), never_played=True)
    assert why(because, TITLES.get) == "Sounds like Awakening; no plays of it learned yet"


def test_titles_of_reasons_are_looked_up_once_and_removed_tracks_left_out():
    asked: list[str] = []

    def track(name: str) -> dict[str, object]:
        return {"id": name, "title": name.upper(), "duration_ms": 1000, "added_at": "2026-11-22T11:00:00Z"}

    def service(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/tracks/gone":
            return httpx.Response(404, json={"detail": "no such track"})
        if request.url.path.startswith("/tracks/"):
            return httpx.Response(200, json=track(request.url.path.removeprefix("/tracks/")))
        because = {"kind": "sounds_like", "tracks": ["gone", "p"]}
        items = [{"track": track(name), "score": 1.0, "because": because} for name in "xy"]
        return httpx.Response(200, json={"items": items, "model_version": "3", "as_of": None})

    client = Client("http://segue.test", pool=httpx.Client(transport=httpx.MockTransport(service)))
    answer = up_next(client, UserId("me"), 2)
    assert [item.why for item in answer.items] == ["Sounds like P", "Sounds like P"]
    assert sorted(asked) == ["/tracks/gone", "/tracks/p", "/users/me/recommendations"]
