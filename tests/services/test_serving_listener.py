"""What a listener did, said and keeps, through the real ingress, Kafka, the durable reader and MongoDB."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from etl.plays import run
from infra.models import UserId
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from tests.data.deployed import NAMES, Service, small_service, until
from tests.data.records import play, track_id


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with small_service(services, installation, tmp_path_factory.mktemp("music")) as opened:
        stop = threading.Event()
        with Store(opened.store.uri, opened.store.database) as store:
            reader = threading.Thread(target=run, args=(store, opened.bus, stop))
            reader.start()
            try:
                yield opened
            finally:
                stop.set()
                reader.join(30)


def asked(service: Service, path: str, **query: Any) -> Any:
    return service.http.get(f"/users/{path}", params=query).raise_for_status().json()


def stored(service: Service, user: str, number: int) -> None:
    """Wait until MongoDB has so many listenings."""
    until(lambda: len(asked(service, f"{user}/listens")["items"]) == number)


def test_a_session_of_three_hundred_in_a_library_of_three_never_runs_dry(service: Service):
    played: list[str] = []
    for minute in range(300):
        answer = service.http.post("/users/long/recommendations", json={"n": 5, "without": played[-2000:]})
        items = answer.raise_for_status().json()["items"]
        assert items
        track = items[0]["track"]["id"]
        assert played[-1:] != [track]
        played.append(track)
        if minute % 10 == 0:
            service.post(play("Anchor", user="long", minute=minute * 4).model_copy(update={"track": track}))
    assert len(set(played)) == len(NAMES)


@pytest.mark.parametrize(
    "body",
    [
        {"n": 0},
        {"seeds": ["x"] * 201},
        {"towards": ["x"] * 51},
        {"without": ["x"] * 2001},
        {"without": [""]},
        {"colour": "blue"},
        [],
    ],
)
def test_steering_that_cannot_be_followed_is_a_problem(service: Service, body: Any):
    answer = service.http.post("/users/me/recommendations", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_reasons_come_with_what_their_tracks_are_called(service: Service):
    service.post(play("Anchor", user="why"))
    answer = service.recommendations("why")
    named = {track for item in answer["items"] for track in item["because"]["tracks"]}
    assert answer["titles"] == dict.fromkeys(named, "Anchor")
    assert named
    steered = service.http.post("/users/why/recommendations", json={"without": [track_id("Été")]}).json()
    # Fewer than asked for: what was just played comes back, then what is not wanted now.
    assert [item["track"]["title"] for item in steered["items"]] == ["Cantata", "Anchor", "Été"]


def test_opinions_hold_until_they_are_taken_back(service: Service):
    service.post(
        play("Anchor", user="judge", kind="liked"),
        play("Été", user="judge", kind="liked", minute=1),
        play("Cantata", user="judge", kind="disliked", minute=2),
        play("Été", user="judge", kind="disliked", minute=3),
    )
    answer = asked(service, "judge/opinions")
    assert [o["track"]["title"] for o in answer["liked"]] == ["Anchor"]
    assert [o["track"]["title"] for o in answer["disliked"]] == ["Été", "Cantata"]
    assert [i["track"]["title"] for i in service.recommendations("judge")["items"]] == ["Anchor"]
    for name in ("Été", "Cantata", "Cantata"):
        assert service.http.delete(f"/users/judge/opinions/{track_id(name)}").status_code == 204
    assert asked(service, "judge/opinions")["disliked"] == []
    assert len(service.recommendations("judge")["items"]) == 3
    until(lambda: [e["kind"] for e in asked(service, "judge/history")["items"]] == ["liked"])


def test_listens_come_in_pages_newest_first(service: Service):
    events = [play(NAMES[n % 3], user="pages", minute=4 * n) for n in range(7)]
    service.post(*events, play("gone", user="pages", minute=99, private=True))
    stored(service, "pages", 8)
    seen: list[Any] = []
    cursor = None
    while True:
        page = asked(service, "pages/listens", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert [e for one in seen[1:] for e in one["events"]] == [str(e.event_id) for e in reversed(events)]
    assert (seen[0]["track"], seen[0]["track_id"], seen[0]["private"], seen[0]["weight"]) == (
        None,
        track_id("gone"),
        True,
        0.0,
    )
    assert seen[1]["track"]["title"] == "Anchor"
    assert service.http.get("/users/pages/listens", params={"cursor": "1.x"}).status_code == 422


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("events", [1]),
        ("track", [0, 3]),
        ("artist", [0, 1, 2, 3]),
        ("album", [0, 1, 2, 3]),
        ("genre", []),
    ],
)
def test_what_is_unlearned_is_out_of_the_next_answer_and_stays_in_the_history(
    service: Service, what: str, expected: list[int]
):
    user = f"unlearns {what}"
    events = [play(NAMES[n % 3], user=user, minute=4 * n) for n in range(4)]
    service.post(*events)
    body = {
        "events": [str(events[1].event_id)],
        "track": events[0].track,
        "artist": "bjork",
        "album": "LIVE",
        "genre": "Jazz",
    }
    for number in (len(expected), 0):
        answer = service.http.post(f"/users/{user}/unlearn", json={what: body[what]})
        assert (answer.status_code, answer.json()) == (202, {"events": number})
    named = {t for i in service.recommendations(user)["items"] for t in i["because"]["tracks"]}
    assert not named & {events[n].track for n in expected}
    stored(service, user, 4)
    until(lambda: service.http.get("/health").json()["lag"] == {"live": 0, "durable": 0})
    private = {e.event_id for e in service.store.plays.history(user, 10)[0] if e.private}
    assert private == {events[n].event_id for n in expected}
    assert {p.event_id for p in service.store.plays.scan() if p.user == user and p.private} == set(map(str, private))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"track": "a", "artist": "b"},
        {"events": []},
        {"events": ["x"]},
        {"artist": ""},
        {"track": "a", "album_artist": "b"},
    ],
)
def test_unlearning_has_to_be_said_of_one_thing(service: Service, body: Any):
    assert service.http.post("/users/me/unlearn", json=body).status_code == 422


def test_a_playlist_is_made_changed_and_deleted(service: Service):
    every = "/users/keeper/playlists"
    tracks = [track_id("Cantata"), track_id("gone"), track_id("Anchor")]
    made = service.http.post(every, json={"name": "  Evening ", "tracks": tracks})
    assert made.status_code == 201
    playlist = made.json()
    assert (playlist["name"], playlist["revision"], playlist["n_tracks"], playlist["duration_ms"]) == (
        "Evening",
        1,
        2,
        6000,
    )
    assert [track["title"] for track in playlist["items"]] == ["Cantata", "Anchor"]
    assert playlist["cover_tracks"] == [track_id("Anchor")]
    one = f"{every}/{playlist['id']}"
    assert service.http.get(one).json() == playlist
    changed = service.http.put(one, json={"name": "Night", "tracks": tracks[:1], "revision": 1})
    assert (changed.status_code, changed.json()["revision"], changed.json()["n_tracks"]) == (200, 2, 1)
    late = service.http.put(one, json={"name": "Late", "tracks": [], "revision": 1})
    assert (late.status_code, late.json()["field"]) == (409, "revision")
    assert "2" in late.json()["detail"]
    assert [p["name"] for p in service.http.get(every).json()["items"]] == ["Night"]
    stranger = one.replace("keeper", "stranger")
    assert [service.http.get(stranger).status_code, service.http.delete(stranger).status_code] == [404, 404]
    assert service.http.put(stranger, json={"name": "Mine", "tracks": [], "revision": 2}).status_code == 404
    assert [service.http.delete(one).status_code for _ in range(2)] == [204, 404]
    assert service.http.get(every).json() == {"items": []}


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 201},
        {"name": "x", "tracks": ["t"] * 10_001},
        {"name": "x", "tracks": [{"$gt": ""}]},
        {"tracks": []},
    ],
)
def test_a_playlist_that_cannot_be_kept_is_a_problem(service: Service, body: Any):
    assert service.http.post("/users/keeper/playlists", json=body).status_code == 422


def test_who_is_forgotten_has_no_playlists_and_no_past(service: Service):
    service.post(play("Anchor", user="leaves", kind="liked"))
    service.http.post("/users/leaves/playlists", json={"name": "x", "tracks": []})
    stored(service, "leaves", 1)
    assert service.http.delete("/users/leaves").status_code == 204
    assert asked(service, "leaves/playlists") == {"items": []}
    assert asked(service, "leaves/opinions") == {"liked": [], "disliked": []}
    until(lambda: asked(service, "leaves/listens")["items"] == [])


def test_mixes_are_there_from_the_first_day_and_stay_all_day(service: Service):
    assert {mix["id"] for mix in asked(service, "newcomer/mixes")["items"]} == {"never-played", "new-here"}
    service.post(*(play(name, user="mixed", minute=4 * n) for n, name in enumerate(["Anchor", "Anchor", "Été"])))
    stored(service, "mixed", 3)
    first = asked(service, "mixed/mixes")
    assert first == asked(service, "mixed/mixes")
    mixes = {mix["id"]: [track["title"] for track in mix["items"]] for mix in first["items"]}
    assert mixes["never-played"] == ["Cantata"]
    assert mixes["rediscover"] == ["Anchor"]
    assert "daily-1" in mixes
    service.post(play("Cantata", user="mixed", kind="disliked", minute=20))
    assert "never-played" not in {mix["id"] for mix in asked(service, "mixed/mixes")["items"]}


def test_a_journey_goes_from_one_track_to_another(service: Service):
    ends = {"from": track_id("Anchor"), "to": track_id("Cantata")}
    answer = asked(service, "me/journey", **ends)
    assert [item["track"]["title"] for item in answer["items"]] == ["Anchor", "Été", "Cantata"]
    nowhere = service.http.get("/users/me/journey", params=ends | {"to": ends["from"]})
    assert (nowhere.status_code, nowhere.json()["field"]) == (422, "to")
    assert service.http.get("/users/me/journey", params=ends | {"to": "0" * 32}).status_code == 404
    assert service.http.get("/users/me/journey", params={"from": ends["from"]}).status_code == 422


def test_taste_and_statistics_are_told_in_the_listener_s_zone(service: Service):
    events = [play("Anchor", user="told", minute=4 * n) for n in range(3)]
    service.post(*events, play("Été", user="told", minute=12, private=True))
    stored(service, "told", 4)
    taste = asked(service, "told/taste", tz="Asia/Tokyo")
    assert (taste["plays"], [one["name"] for one in taste["artists"]]) == (3, ["Björk"])
    assert [hour for hour, ms in enumerate(taste["hours"]) if ms] == [20, 21]
    year = asked(service, "told/statistics", tz="Asia/Tokyo")
    assert (year["year"], year["plays"], year["ms"]) == (2026, 4, 4 * 180_000)
    assert year["top_albums"][0]["cover_track"] == track_id("Anchor")
    service.http.post("/users/told/unlearn", json={"track": track_id("Anchor")})
    assert asked(service, "told/taste")["plays"] == 0
    assert asked(service, "told/statistics")["plays"] == 4
    for zone in ("Mars/Olympus", "../../etc/passwd", ""):
        answer = service.http.get("/users/told/taste", params={"tz": zone})
        assert (answer.status_code, answer.json()["field"]) == (422, "tz")


def test_everything_kept_can_be_taken_along(service: Service):
    events = [play("Anchor", user="goes", minute=n, position_ms=n) for n in range(1_100)]
    service.post(*events[:600])
    service.post(*events[600:])
    service.http.post("/users/goes/playlists", json={"name": "mine", "tracks": [track_id("gone")]})
    until(lambda: len(list(service.store.plays.written_since(UserId("goes"), 0))) == 1_100)
    answer = service.http.get("/users/goes/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    exported = answer.json()
    assert (exported["listener"], len(exported["plays"])) == ("goes", 1_100)
    assert {e["event_id"] for e in exported["plays"]} == {str(e.event_id) for e in events}
    assert [(p["name"], p["tracks"]) for p in exported["playlists"]] == [("mine", [track_id("gone")])]


def test_the_map_has_every_track_and_how_often_this_listener_played_it(service: Service):
    service.post(play("Anchor", user="maps"), play("Anchor", user="maps", minute=5))
    stored(service, "maps", 2)
    answer = asked(service, "maps/map")
    assert {len(answer[column]) for column in ("ids", "x", "y", "mood", "album", "plays")} == {len(NAMES)}
    assert dict(zip(answer["ids"], answer["plays"], strict=True))[track_id("Anchor")] == 2
    assert answer["albums"] == ["Live"]
    assert all(0 <= place <= 1 for column in "xy" for place in answer[column])
