"""Browsing, searching and looking at what is under way, through the real ingress."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.clock import now_ms
from infra.services import Services
from infra.settings import Settings
from infra.store import Failure, Work
from infra.under_way import SILENT_MS
from tests.data.deployed import Service, small_service, until
from tests.data.records import START, record, track_id


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with small_service(services, installation, tmp_path_factory.mktemp("music")) as opened:
        yield opened


def titles(answer: dict[str, list[dict[str, str]]], of: str = "items") -> list[str]:
    return [one["title"] for one in answer[of]]


def test_tracks_in_another_order_and_by_id(service: Service):
    newest = service.http.get("/tracks", params={"order": "title", "limit": 2}).json()
    assert titles(newest) == ["Anchor", "Cantata"]
    rest = service.http.get("/tracks", params={"order": "title", "cursor": newest["cursor"]}).json()
    assert titles(rest) == ["Été"]
    ids = ",".join([track_id("Été"), "nobody", track_id("Anchor")])
    assert titles(service.http.get("/tracks", params={"ids": ids}).json()) == ["Été", "Anchor"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"order": "length"}, "order"),
        ({"cursor": "made up"}, "cursor"),
        ({"ids": ",".join("a" * 201)}, "ids"),
        ({"limit": "0"}, "limit"),
    ],
)
def test_what_cannot_be_meant_is_named(service: Service, query: dict[str, str], field: str):
    answer = service.http.get("/tracks", params=query)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_albums_artists_and_genres(service: Service):
    (album,) = service.http.get("/albums").json()["items"]
    assert (album["title"], album["artist"], album["n_tracks"]) == ("Live", "Björk", 3)
    assert album["cover_track"] == track_id("Anchor")
    whole = service.http.get(f"/albums/{album['id']}").json()
    assert (whole["duration_ms"], titles(whole)) == (9000, ["Anchor", "Été", "Cantata"])
    (artist,) = service.http.get("/artists", params={"q": "bjork"}).json()["items"]
    whole = service.http.get(f"/artists/{artist['id']}").json()
    assert (titles(whole, "albums"), len(whole["items"])) == (["Live"], 3)
    assert service.http.get("/genres").json() == {"items": []}
    for lost in ("/albums/nobody", "/artists/..%2F..%2Fetc"):
        assert service.http.get(lost).status_code == 404


def test_search_forgives_and_follows_the_library(service: Service):
    def found(typed: str) -> list[str]:
        answer = service.http.get("/search", params={"q": typed}).json()
        assert answer.keys() == {"tracks", "albums", "artists"}
        return titles(answer, "tracks")

    assert found("canatta") == ["Cantata"]
    assert found("") == []
    song = record("Newcomer", artist="Somebody")
    service.store.tracks.upsert([song])
    until(lambda: found("newc") == ["Newcomer"])
    service.store.tracks.set_missing([song.track.id], missing=True)
    until(lambda: found("newc") == [])


def test_work_is_seen_while_it_goes_on_and_when_it_was_killed(service: Service):
    assert service.http.get("/work").json() == {"items": []}
    now = now_ms()
    running = Work("ingest", "running", "files", 3, 10, 1, 12.5, began_ms=now - 5_000, changed_ms=now)
    service.store.work.tell(running)
    ended = Work("training", "done", began_ms=now - 90_000, changed_ms=now - 60_000, told="version 1 serves now")
    service.store.work.tell(ended)
    ingest, training = service.http.get("/work").json()["items"]
    assert (ingest["kind"], ingest["state"], ingest["done"], ingest["total"]) == ("ingest", "running", 3, 10)
    assert (training["state"], training["told"], training["left_s"]) == ("done", "version 1 serves now", None)
    service.store.work.tell(running._replace(changed_ms=now - SILENT_MS - 1_000))
    stopped = service.http.get("/work").json()["items"][0]
    assert (stopped["state"], stopped["left_s"]) == ("stopped", None)


def test_failures_say_what_to_do_and_no_folder(service: Service):
    where = "/home/ann/My Music/ö.mp3"
    failures = [
        Failure("file:///home/ann/My%20Music/%C3%B6.mp3", "decode", f"{where}: no audio", 3, 5, "1", START),
        Failure("s3://bucket/music/b.flac", "worker", "two processes died", 3, 5, "1", START.replace(year=2027)),
    ]
    service.store.failures.record(failures)
    answer = service.http.get("/failures", params={"limit": 1}).json()
    assert (answer["total"], [one["name"] for one in answer["items"]]) == (2, ["b.flac"])
    text = service.http.get("/failures").text
    assert "ö.mp3: no audio" in text
    assert "put a good copy in its place" in text
    assert not any(part in text for part in ("ann", "My Music", "bucket"))


def test_models_are_told_oldest_first(service: Service):
    models = service.http.get("/models").json()["items"]
    assert [int(one["version"]) for one in models] == sorted(int(one["version"]) for one in models)
