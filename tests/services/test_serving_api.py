"""The HTTP contract, through the real ingress: two applications on Ray Serve, real audio, real Kafka and MongoDB."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from infra.bus import GroupReader, TailReader
from infra.events import PlayEvent, decode
from infra.models import Track, UserId
from infra.services import Services
from infra.settings import Settings, child_environment
from tests.data.deployed import NAMES, Service, heard, small_service, until
from tests.data.make_audio import png
from tests.data.records import play, track_id

BEFORE = "Fri, 01 Jan 2021 00:00:00 GMT"


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with small_service(services, installation, tmp_path_factory.mktemp("café music")) as opened:
        yield opened


def test_health_names_every_part(service: Service):
    health = service.http.get("/health")
    assert health.status_code == 200
    body = health.json()
    assert body["tracks"] == len(NAMES)
    assert body["model_version"] is None
    assert {name: part["state"] for name, part in body["services"].items()} == dict.fromkeys(
        ("mongo", "kafka", "mlflow", "recommender"), "ok"
    )
    assert body["lag"].keys() == {"live", "durable"}


def test_tracks_are_listed_searched_and_paged(service: Service):
    first = service.http.get("/tracks", params={"limit": 2}).json()
    assert [t["title"] for t in first["items"]] == ["Anchor", "Été"]
    rest = service.http.get("/tracks", params={"limit": 2, "cursor": first["cursor"]}).json()
    assert [t["title"] for t in rest["items"]] == ["Cantata"]
    assert rest["cursor"] is None
    found = service.http.get("/tracks", params={"q": "ete BJORK"}).json()["items"]
    assert [Track.model_validate(t).title for t in found] == ["Été"]
    assert service.http.get(f"/tracks/{track_id('Anchor')}").json()["title"] == "Anchor"


@pytest.mark.parametrize("path", ["", "/audio", "/cover", "/similar"])
@pytest.mark.parametrize("bad", ["0" * 32, "..%2F..%2Fetc%2Fpasswd", "%00", "a" * 500])
def test_unknown_ids_are_problems(service: Service, path: str, bad: str):
    answer = service.http.get(f"/tracks/{bad}{path}")
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


def test_the_cover_is_a_picture(service: Service):
    answer = service.http.get(f"/tracks/{track_id('Anchor')}/cover")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", png())
    assert service.http.get(f"/tracks/{track_id('Cantata')}/cover").status_code == 404


def test_audio_comes_whole(service: Service):
    sound = service.media["Anchor"].read_bytes()
    answer = service.http.get(service.audio())
    assert (answer.status_code, answer.content) == (200, sound)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["accept-ranges"] == "bytes"
    assert "max-age" in answer.headers["cache-control"]
    head = service.http.head(service.audio())
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "last-modified", "content-type", "accept-ranges"):
        assert head.headers[name] == answer.headers[name]


@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=0-99", slice(0, 100)), ("bytes=1000-", slice(1000, None)), ("bytes=-500", slice(-500, None))],
)
def test_audio_comes_in_part(service: Service, asked: str, part: slice):
    sound = service.media["Anchor"].read_bytes()
    answer = service.http.get(service.audio(), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, sound[part])
    begin, end, _ = part.indices(len(sound))
    assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(sound)}"
    head = service.http.head(service.audio(), headers={"Range": asked})
    assert (head.status_code, head.headers["content-length"]) == (206, str(end - begin))


def test_several_parts_come_as_one_answer(service: Service):
    sound = service.media["Anchor"].read_bytes()
    answer = service.http.get(service.audio(), headers={"Range": "bytes=0-9,100-109"})
    assert answer.status_code == 206
    assert int(answer.headers["content-length"]) == len(answer.content)
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser(policy=HTTP).parsebytes(head + answer.content)
    assert parts.get_content_type() == "multipart/byteranges"
    assert [
        (part.get_content_type(), part["content-range"], part.get_payload(decode=True)) for part in parts.iter_parts()
    ] == [
        ("audio/mpeg", f"bytes 0-9/{len(sound)}", sound[:10]),
        ("audio/mpeg", f"bytes 100-109/{len(sound)}", sound[100:110]),
    ]


@pytest.mark.parametrize("asked", ["bytes=x-y", "lines=1-2", "bytes=10-5", "bytes"])
def test_a_range_that_is_none_is_ignored(service: Service, asked: str):
    answer = service.http.get(service.audio(), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, service.media["Anchor"].read_bytes())


def test_a_range_beyond_the_end_is_a_problem(service: Service):
    size = service.media["Anchor"].stat().st_size
    answer = service.http.get(service.audio(), headers={"Range": f"bytes={size}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")
    assert answer.json()["status"] == 416


def test_of_several_ranges_those_that_can_be_met_are_the_answer(service: Service):
    sound = service.media["Anchor"].read_bytes()
    answer = service.http.get(service.audio(), headers={"Range": f"bytes={len(sound)}-,5-9,-0"})
    assert (answer.status_code, answer.content) == (206, sound[5:10])
    assert answer.headers["content-range"] == f"bytes 5-9/{len(sound)}"
    assert service.http.get(service.audio(), headers={"Range": f"bytes={len(sound)}-,-0"}).status_code == 416


def test_a_copy_the_client_has_is_not_sent_again(service: Service):
    told = service.http.head(service.audio()).headers
    etag, modified = told["etag"], told["last-modified"]
    assert service.http.get(service.audio(), headers={"If-None-Match": etag}).status_code == 304
    assert service.http.get(service.audio(), headers={"If-None-Match": '"other"'}).status_code == 200
    assert service.http.get(service.audio(), headers={"If-Modified-Since": modified}).status_code == 304
    assert service.http.get(service.audio(), headers={"If-Modified-Since": BEFORE}).status_code == 200
    newer = service.http.get(service.audio(), headers={"If-None-Match": '"other"', "If-Modified-Since": modified})
    assert newer.status_code == 200


def test_a_part_is_sent_only_of_the_file_that_the_client_knows(service: Service):
    told = service.http.head(service.audio()).headers
    etag, modified = told["etag"], told["last-modified"]
    statuses = {
        known: service.http.get(service.audio(), headers={"Range": "bytes=0-9", "If-Range": known}).status_code
        for known in (etag, modified, '"other"', f"W/{etag}", BEFORE)
    }
    assert statuses == {etag: 206, modified: 206, '"other"': 200, f"W/{etag}": 200, BEFORE: 200}


def test_similar_tracks_come_from_the_recommender(service: Service):
    answer = service.http.get(f"/tracks/{track_id('Anchor')}/similar", params={"n": 2}).json()
    assert [item["track"]["title"] for item in answer["items"]] == ["Été", "Cantata"]
    assert answer["model_version"] is None


def test_a_play_is_on_kafka_when_it_is_accepted(service: Service):
    posted = play("Anchor", user="kafka")
    assert (service.post(posted).status_code, service.post(posted).json()) == (202, {"accepted": 1})
    reader = GroupReader(service.bus)
    try:
        events: list[PlayEvent] = []

        def found() -> bool:
            events.extend(decode(d.value) for d in reader.poll(timeout_s=0.2) if d.value)
            return posted in events

        until(found)
    finally:
        reader.close()


def test_an_event_is_followed_from_its_request_to_the_database_by_the_logs(service: Service):
    event = play("Anchor", user="followed")
    answer = service.http.post("/plays", content=event.model_dump_json(), headers={"X-Request-ID": "follow-me"})
    assert answer.headers["x-request-id"] == "follow-me"
    serving = (service.settings.logs / "library.log").read_text()
    assert re.search(
        rf'^at=.* level=DEBUG .*msg="acknowledged {event.event_id}" request_id=follow-me$', serving, re.MULTILINE
    )
    given = child_environment(**service.settings.environment())
    reader = subprocess.Popen([sys.executable, "-m", "etl.plays"], env=given, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: service.http.get("/users/followed/history").json()["items"])
    finally:
        reader.terminate()
        _, stored = reader.communicate(timeout=60)
    assert re.search(rf'msg="stored {event.event_id}" request_id=follow-me$', stored, re.MULTILINE)


def test_one_event_is_taken_without_a_list(service: Service):
    answer = service.http.post("/plays", json=play("Anchor", user="one").model_dump(mode="json"))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})


def test_a_bad_event_is_named_and_none_is_taken(service: Service):
    good = play("Anchor", user="strict").model_dump(mode="json")
    answer = service.http.post("/plays", json=[good, {**good, "kind": "hummed"}])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["event"], answer.json()["field"]) == (1, "kind")
    assert service.recommendations("strict")["as_of"] is None


def test_a_listener_always_sees_the_own_event(service: Service):
    for n in range(50):
        event = play(NAMES[n % 3], user="echo", kind=("skipped", "finished", "liked")[n % 3], minute=n)
        assert service.post(event).status_code == 202
        assert service.recommendations("echo")["as_of"] == str(event.event_id)


def test_a_dislike_is_in_the_next_answer(service: Service):
    before = {item["track"]["id"] for item in service.recommendations("critic")["items"]}
    assert track_id("Cantata") in before
    service.post(play("Cantata", user="critic", kind="disliked"))
    after = service.recommendations("critic")
    assert track_id("Cantata") not in {item["track"]["id"] for item in after["items"]}


def test_recommendations_say_why(service: Service):
    service.post(play("Anchor", user="curious", kind="liked"))
    items = service.recommendations("curious", n=2)["items"]
    assert 0 < len(items) <= 2
    for item in items:
        assert item["because"]["kind"] in {"played_with", "goes_with", "sounds_like", "popular", "new", "explore"}
        Track.model_validate(item["track"])


def test_a_radio_starts_from_its_track(service: Service):
    items = service.recommendations("radio", seed=track_id("Anchor"))["items"]
    assert [item["track"]["title"] for item in items] == ["Été", "Cantata"]
    assert service.http.get("/users/radio/recommendations", params={"seed": "nothing"}).status_code == 404


@pytest.mark.parametrize(("query", "field"), [("n=0", "n"), ("n=x", "n"), ("n=1000000", "n")])
def test_a_wrong_parameter_is_named(service: Service, query: str, field: str):
    answer = service.http.get(f"/users/me/recommendations?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_history_is_paged_newest_first_and_forgotten_on_demand(service: Service):
    plays = [play("Anchor", user="past", minute=n) for n in range(5)]
    service.store.plays.append(plays)
    first = service.http.get("/users/past/history", params={"limit": 3}).json()
    rest = service.http.get("/users/past/history", params={"limit": 3, "cursor": first["cursor"]}).json()
    found = [PlayEvent.model_validate(item) for item in first["items"] + rest["items"]]
    assert found == plays[::-1]
    assert rest["cursor"] is None
    assert service.recommendations("past")["as_of"] == str(plays[-1].event_id)
    gone = service.http.delete("/users/past")
    assert (gone.status_code, gone.content) == (204, b"")
    assert service.http.get("/users/past/history").json() == {"items": [], "cursor": None}
    assert service.recommendations("past")["as_of"] is None


def test_a_cursor_of_somebody_else_is_a_problem(service: Service):
    assert service.http.get("/users/past/history", params={"cursor": "x"}).status_code == 422
    assert service.http.get("/tracks", params={"cursor": "x"}).status_code == 422


def test_a_track_ingested_now_can_be_found_and_recommended_in_seconds(service: Service):
    media = service.media["Anchor"].with_name("new.mp3")
    media.write_bytes(service.media["Anchor"].read_bytes())
    new = heard("Newcomer", 3, media)
    service.store.tracks.upsert([new])

    def listed() -> bool:
        return bool(service.http.get("/tracks", params={"q": "newcomer"}).json()["items"])

    try:
        until(lambda: listed() and "Newcomer" in str(service.recommendations("fresh")["items"]), 5)
        media.unlink()
        gone = service.http.get(service.audio("Newcomer"))
        assert (gone.status_code, gone.json()["detail"]) == (404, "the track's file is gone; ingest again")
    finally:
        service.store.tracks.set_missing([new.track.id], missing=True)
        until(lambda: not listed(), 5)


def test_one_document_describes_both_applications(service: Service):
    document = service.http.get("/openapi.json").json()
    for path in (
        "/tracks",
        "/plays",
        "/tracks/{track_id}/audio",
        "/users/{user}/recommendations",
        "/users/{user}",
        "/sign-in",
    ):
        assert path in document["paths"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]
    answer = service.http.get("/docs")
    page = answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self' 'sha256-" in policy
    assert "script-src 'self' 'unsafe" not in policy
    assert "openapi.json" in page
    assert "https://" not in page
    for file in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert service.http.get(f"/{file}").status_code == 200


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_metrics_of_both_applications(service: Service):
    service.recommendations("metrics")
    text = service.http.get("/metrics").text
    asked = 'method="GET",replica="[a-z0-9]+",route="/users/{user}/recommendations",status="200"'
    assert re.search(rf'segue_http_requests_total{{application="recommender",{asked}}} [1-9]', text)
    assert re.search(r'segue_plays_acknowledged_total{application="library",replica="[a-z0-9]+"}', text)
    assert re.search(r'segue_live_lag{application="recommender",replica="[a-z0-9]+"} 0.0', text)


PROMISED = {
    "segue_http_request_seconds_bucket": r'route="/users/{user}/recommendations"',
    "segue_plays_posted_total": 'application="library"',
    "segue_plays_acknowledged_total": 'application="library"',
    "segue_live_events": 'application="recommender"',
    "segue_live_lag": 'application="recommender"',
    "segue_durable_lag": 'application="recommender"',
    "segue_model_version": 'application="recommender"',
    "segue_index_tracks": 'application="recommender"',
    "segue_transcode_hits_total": 'application="library"',
    "segue_transcode_misses_total": 'application="library"',
    "segue_http_answers_open": r'route="/tracks/{track_id}/audio"',
}
"""Request times by route, events in and out, lag of both readers, model, index, cache, streams open."""


def test_every_number_that_is_promised_is_told(service: Service):
    assert service.recommendations("numbers")
    assert service.http.get(service.audio()).status_code == 200
    told = service.http.get("/metrics").text.splitlines()
    missing = {n: label for n, label in PROMISED.items() if not any(t.startswith(n + "{") and label in t for t in told)}
    assert not missing


def test_events_in_and_out_are_counted(service: Service):
    def counted(name: str) -> float:
        told = service.http.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in told if line.startswith(name + "{"))

    names = ("segue_plays_acknowledged_total", "segue_live_events")
    before = [counted(name) for name in names]
    service.post(*(play("Anchor", user="counted", minute=minute) for minute in range(9)))
    assert service.recommendations("counted")["as_of"]
    assert [counted(name) for name in names] == [number + 9 for number in before]


def test_names_and_bodies_are_looked_at_behind_the_ingress_too(service: Service):
    for name in ("evil.example", "127.0.0.1.evil.example:8000"):
        assert service.http.get("/tracks", headers={"Host": name}).status_code == 421
        assert service.http.get("/users/me/recommendations", headers={"Host": name}).status_code == 421
    for body in (b" " * 1_000_001, iter([b" " * 500_000] * 3)):
        answer = service.http.post("/plays", content=body)
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert service.http.post("/plays", content=b" " * 1_000_000).status_code == 422
    crossing = {"Origin": "http://evil.example"}
    assert service.http.post("/plays", content=b"[]", headers=crossing).status_code == 403


def test_the_dashboard_shows_numbers_that_there_are(service: Service):
    dashboard = (Path(__file__).parents[2] / "infra" / "deploy" / "grafana.json").read_text()
    service.http.get(service.audio())
    told = service.http.get("/metrics").text
    shown = set(re.findall(r"segue_\w+", dashboard))
    assert len(shown) > 10
    assert not {name for name in shown if not re.search(rf"^{name}{{", told, re.MULTILINE)}


def test_health_and_metrics_tell_how_many_events_wait_to_be_stored(service: Service):
    # Asked of Kafka itself: what the service says may not know yet of what was posted a moment ago.
    with closing(TailReader(service.bus)) as asked:
        before = asked.lag(asked.ends()).durable
    service.post(*(play("Anchor", user="waiting", minute=minute) for minute in range(7)))
    until(lambda: service.http.get("/health").json()["lag"] == {"live": 0, "durable": before + 7})
    told = re.search(
        r'segue_durable_lag{application="recommender",replica="[a-z0-9]+"} (\d+)', service.http.get("/metrics").text
    )
    assert told is not None
    assert int(told[1]) >= before + 7


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/plays", 405), ("GET", "/users/me", 405), ("GET", "/users", 404)],
)
def test_wrong_routes_are_problems(service: Service, method: str, path: str, status: int):
    answer = service.http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["status"] == status


ANN, BOB = UserId("ann"), UserId("bob")
ANNS = "correct horse"


@pytest.fixture
def closed(service: Service) -> Iterator[Service]:
    """The service with two accounts; without any again after the test."""

    def both(status: int) -> bool:
        paths = ("/users/ann/recommendations", "/tracks")
        return [service.http.get(path).status_code for path in paths] == [status, status]

    service.store.users.add(ANN, password=ANNS)
    service.store.users.add(BOB, admin=True)
    try:
        until(lambda: both(401), 10)
        yield service
    finally:
        for name in service.store.users.names():
            service.store.users.remove(name)
        until(lambda: both(200), 10)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_accounts_close_the_door(closed: Service):
    token = closed.store.users.token(ANN)
    signed = bearer(token)
    assert closed.http.get("/health").status_code == 200
    assert closed.http.get("/users/ann/recommendations", headers=signed).status_code == 200
    assert closed.http.get("/users/bob/recommendations", headers=signed).status_code == 403
    assert closed.http.get("/users/bob/history", headers=signed).status_code == 403
    assert closed.http.delete("/users/bob", headers=signed).status_code == 403
    others = play("Anchor", user="bob").model_dump(mode="json")
    assert closed.http.post("/plays", json=others, headers=signed).status_code == 403
    assert closed.http.get(closed.audio(), params={"token": token}).status_code == 200
    assert closed.http.get("/tracks", params={"token": token}).status_code == 401


def test_an_admin_reads_numbers_and_has_listeners_forgotten_and_reads_no_history(closed: Service):
    admin, listener = bearer(closed.store.users.token(BOB)), bearer(closed.store.users.token(ANN))
    asked = [closed.http.get("/metrics", headers=headers).status_code for headers in (admin, listener, {})]
    assert asked == [200, 403, 401]
    assert closed.http.get("/users/ann/history", headers=admin).status_code == 403
    assert closed.http.delete("/users/ann", headers=admin).status_code == 204


def test_a_password_gives_a_token_that_ends_at_sign_out(closed: Service):
    given = {"name": "ann", "password": ANNS, "label": "phone"}
    answer = closed.http.post("/sign-in", json=given)
    assert answer.status_code == 201
    signed = bearer(answer.json()["token"])
    assert [one.label for one in closed.store.users.tokens(ANN)] == ["phone"]
    assert closed.http.get("/users/ann/history", headers=signed).status_code == 200
    assert closed.http.delete("/sign-in", headers=signed).status_code == 204
    until(lambda: closed.http.get("/users/ann/history", headers=signed).status_code == 401, 10)


def test_a_revoked_token_opens_nothing_within_seconds(closed: Service):
    signed = bearer(closed.store.users.token(ANN))
    assert closed.http.get("/tracks", headers=signed).status_code == 200
    closed.store.users.revoke(ANN, closed.store.users.tokens(ANN)[0].id)
    until(lambda: closed.http.get("/tracks", headers=signed).status_code == 401, 10)


def test_guessing_a_password_is_ended_with_a_time_to_come_back(closed: Service):
    guesses = [closed.http.post("/sign-in", json={"name": "eve", "password": f"guess {n}"}) for n in range(6)]
    assert [answer.status_code for answer in guesses] == [401] * 5 + [429]
    assert int(guesses[-1].headers["retry-after"]) > 0
    assert guesses[-1].headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ['{"$ne":""}', '{"$gt": ""}', "$where", ".*"])
def test_an_operator_for_a_name_is_a_name(service: Service, name: str):
    service.store.plays.append([play("Anchor", user="somebody")])
    asked = quote(name, safe="")
    assert service.http.get(f"/users/{asked}/history").json() == {"items": [], "cursor": None}
    assert service.recommendations(asked)["as_of"] is None
    assert service.http.delete(f"/users/{asked}").status_code == 204
    assert len(service.http.get("/users/somebody/history").json()["items"]) > 0


def test_an_operator_for_a_text_is_refused(service: Service):
    event = play("Anchor").model_dump(mode="json")
    for changed in ({"user": {"$gt": ""}}, {"track": {"$ne": None}}, {"event_id": {"$gt": ""}}):
        assert service.http.post("/plays", json={**event, **changed}).status_code == 422
    cursor = {"cursor": '{"$gt":""}'}
    assert service.http.get("/users/me/history", params=cursor).status_code == 422


def test_the_applications_know_for_whom_this_machine_asks(service: Service):
    assert service.http.get("/tracks", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 200
    assert service.http.get("/tracks", headers={"X-Forwarded-For": "192.168.1.9"}).status_code == 403


def test_answers_are_data_that_no_page_elsewhere_can_use(service: Service):
    policies = {"/tracks": "same-origin", "/nowhere": "same-origin", service.audio(): "cross-origin"}
    for path, policy in policies.items():
        headers = service.http.get(path, headers={"Origin": "http://evil.example"}).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert (headers["cross-origin-resource-policy"], headers["x-content-type-options"]) == (policy, "nosniff")
        assert not [name for name in headers if name.startswith("access-control")]


def test_serve_yaml_is_what_serve_takes():
    check = """
import sys, yaml
from ray._common.utils import import_attr
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
from ray.serve.schema import ServeDeploySchema
for one in ServeDeploySchema.model_validate(yaml.safe_load(open(sys.argv[1]))).applications:
    call_user_app_builder_with_args_if_necessary(import_attr(one.import_path), one.args)
"""
    path = Path(__file__).parents[2] / "serving" / "serve.yaml"
    subprocess.run([sys.executable, "-c", check, str(path)], check=True, timeout=120)
