"""Streams in another format or bitrate and from the middle, through the real ingress: real FFmpeg, one at a time."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
from starlette.requests import Request
from starlette.types import Message

from etl.audio.compress import decoded_seconds, probe
from etl.audio.encoding import Encoding
from etl.audio.streaming import NICENESS
from infra.bus import Bus, ensure_topics
from infra.models import TrackRecord
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from serving.metrics import Metrics
from serving.music.catalogue import Catalogue
from serving.streams.rendition import Rendition
from serving.streams.transcode import Transcoder
from tests.data.deployed import deployed, heard, until
from tests.data.make_audio import tone
from tests.data.records import track_id

SONG_S = 6.0
TIMES = {"Song": 1, "Concert": 100, "Festival": 6000}
"""How often the song is heard in each: FFmpeg needs no time, some time, and more than any test takes."""
TOLERANCE_S = 0.1
"""An encoder's padding."""


class Streams(NamedTuple):
    """The deployed service, one conversion at a time, and what is behind it."""

    http: httpx.Client
    media: dict[str, Path]
    kept: Path

    def get(self, name: str, asked: str, **headers: str) -> httpx.Response:
        return self.http.get(audio(name), params=httpx.QueryParams(asked), headers=headers)

    def stream(self, name: str, asked: str):
        return self.http.stream("GET", audio(name), params=httpx.QueryParams(asked))

    def number(self, name: str) -> float:
        found = re.search(
            rf'^{name}{{application="library",replica="[a-z0-9]+"}} (.*)$', self.http.get("/metrics").text, re.MULTILINE
        )
        assert found, name
        return float(found[1])

    def idle(self) -> bool:
        return self.number("segue_transcodes") == 0

    def converting(self, name: str) -> list[psutil.Process]:
        """FFmpeg where it reads this file."""
        wanted = f"file:{self.media[name]}"
        running = psutil.process_iter(["name", "cmdline"])
        return [p for p in running if p.info["name"] == "ffmpeg" and wanted in (p.info["cmdline"] or [])]


def audio(name: str) -> str:
    return f"/tracks/{track_id(name)}/audio"


def played_s(sound: bytes, folder: Path, suffix: str) -> float:
    path = folder / f"heard.{suffix}"
    path.write_bytes(sound)
    return decoded_seconds(path, probe(path))


def track(name: str, media: Path, seconds: float) -> TrackRecord:
    found = heard(name, 0, media)
    return found.model_copy(update={"track": found.track.model_copy(update={"duration_ms": round(seconds * 1000)})})


@pytest.fixture(scope="module")
def streams(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    addresses = services.ensure("mongo", "kafka", "mlflow", "ray")
    name = uuid.uuid4().hex[:8]
    changes = {"mongo_database": f"streams_{name}", "kafka_prefix": f"{name}.", "transcodes": 1}
    settings = installation.model_copy(update=changes)
    ensure_topics(Bus(addresses.kafka, settings.kafka_prefix))
    folder = tmp_path_factory.mktemp("caf\u00e9 'music'")
    song = tone(folder / "-y a:b.mp3", SONG_S, rate=22_050, channels=1, bitrate=32).read_bytes()
    media = {title: folder / f"{title}.mp3" for title in (*TIMES, "Letter")}
    for title, times in TIMES.items():
        media[title].write_bytes(song * times)
    media["Letter"].write_text("Dear listener,\nthis is no music.\n" * 200)
    records = [track(title, path, SONG_S * TIMES.get(title, 1)) for title, path in media.items()]
    with Store(addresses.mongo, settings.mongo_database).prepare() as store:
        store.tracks.upsert(records)
        with deployed(settings) as http:
            yield Streams(http, media, settings.transcoded)


@pytest.mark.parametrize(
    ("codec", "mime", "suffix"),
    [("mp3", "audio/mpeg", "mp3"), ("opus", "audio/ogg; codecs=opus", "opus"), ("aac", "audio/aac", "aac")],
)
def test_each_format_plays_as_long_and_is_kept(streams: Streams, tmp_path: Path, codec: str, mime: str, suffix: str):
    asked = f"format={codec}&bitrate=24"
    hits, misses = streams.number("segue_transcode_hits_total"), streams.number("segue_transcode_misses_total")
    first = streams.get("Song", asked, Range="bytes=0-99")
    assert (first.status_code, first.headers["content-type"], first.headers["accept-ranges"]) == (200, mime, "none")
    assert first.headers["cache-control"] == "no-store"
    assert played_s(first.content, tmp_path, suffix) == pytest.approx(SONG_S, abs=TOLERANCE_S)
    again = streams.get("Song", asked)
    assert (again.status_code, again.headers["content-type"], again.content) == (200, mime, first.content)
    part = streams.get("Song", asked, Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, first.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(first.content)}"
    assert streams.get("Song", asked, **{"If-None-Match": again.headers["etag"]}).status_code == 304
    assert streams.get("Song", asked, Range=f"bytes={len(first.content)}-").status_code == 416
    head = streams.http.head(audio("Song"), params=httpx.QueryParams(asked))
    assert (head.headers["content-length"], head.headers["etag"]) == (str(len(first.content)), again.headers["etag"])
    assert streams.number("segue_transcode_hits_total") == hits + 5
    assert streams.number("segue_transcode_misses_total") == misses + 1


@pytest.mark.parametrize("codec", ["mp3", "opus", "aac"])
def test_from_the_middle_it_plays_what_is_left(streams: Streams, tmp_path: Path, codec: str):
    before = set(streams.kept.iterdir()) if streams.kept.exists() else set()
    for _ in range(2):
        answer = streams.get("Song", f"format={codec}&bitrate=48&offset=2.5")
        assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "none")
        assert played_s(answer.content, tmp_path, codec) == pytest.approx(SONG_S - 2.5, abs=TOLERANCE_S)
    assert set(streams.kept.iterdir()) == before


@pytest.mark.parametrize("asked", ["", "format=mp3", "format=mp3&bitrate=64", "bitrate=320&offset=0"])
def test_what_the_stored_file_is_already_is_that_file(streams: Streams, asked: str):
    sound = streams.media["Song"].read_bytes()
    plain, answer = streams.get("Song", ""), streams.get("Song", asked)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, sound, plain.headers["etag"])
    assert streams.get("Song", asked, Range="bytes=0-9").content == sound[:10]


def test_head_tells_the_type_and_makes_nothing(streams: Streams):
    misses = streams.number("segue_transcode_misses_total")
    for asked in ("format=aac&bitrate=40", "offset=1"):
        head = streams.http.head(audio("Song"), params=httpx.QueryParams(asked))
        assert (head.status_code, head.headers["accept-ranges"], head.content) == (200, "none", b"")
        assert head.headers["content-type"] == ("audio/aac" if "aac" in asked else "audio/mpeg")
        assert "content-length" not in head.headers
    assert streams.number("segue_transcode_misses_total") == misses


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("format=wav", "format"),
        ("format=", "format"),
        ("bitrate=15", "bitrate"),
        ("bitrate=321", "bitrate"),
        ("format=opus&bitrate=320", "bitrate"),
        ("offset=-1", "offset"),
        ("offset=nan", "offset"),
        ("offset=inf", "offset"),
        (f"offset={SONG_S}", "offset"),
    ],
)
def test_what_cannot_be_asked_for_is_named(streams: Streams, asked: str, field: str):
    answer = streams.get("Song", asked)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_ffmpeg_ends_when_the_listener_leaves(streams: Streams):
    with streams.stream("Festival", "format=opus") as answer:
        assert answer.status_code == 200
        sound = answer.iter_raw()
        assert next(sound)
        (ffmpeg,) = streams.converting("Festival")
        assert ffmpeg.nice() >= NICENESS
    until(lambda: not streams.converting("Festival"), 15)
    until(streams.idle)
    assert not [path for path in streams.kept.iterdir() if path.name.endswith(".part")]
    assert not [path for path in streams.kept.iterdir() if path.name.startswith(track_id("Festival"))]


def test_ffmpeg_ends_when_the_listener_leaves_before_the_first_sound(streams: Streams, tmp_path: Path):
    path = streams.media["Festival"]
    catalogue = Catalogue(lambda _: [(1, track("Festival", path, 36_000))], vectors=False)
    catalogue.refresh()
    sent: list[Message] = []

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def left(metrics: Metrics) -> None:
        transcoder = Transcoder(Settings.load(home=tmp_path), metrics)
        request = Request({"type": "http", "method": "GET", "headers": []}, leave)
        wanted = Rendition(Encoding.of("opus", 64), 0)
        response = await transcoder.response(request, catalogue.entry(track_id("Festival")), wanted)
        await response(request.scope, leave, send)
        async with asyncio.timeout(15):
            while 'segue_transcodes{application="test",replica=""} 0.0' not in metrics.text():
                await asyncio.sleep(0.05)
        transcoder.close()

    metrics = Metrics("test")
    asyncio.run(left(metrics))
    assert 'segue_transcode_misses_total{application="test",replica=""} 1.0' in metrics.text()
    assert sent == []
    assert list((tmp_path / "transcoded").iterdir()) == []


def test_a_slow_listener_holds_nobody_up_and_gets_all_of_it(streams: Streams, tmp_path: Path):
    with streams.stream("Concert", "format=opus&bitrate=256") as answer:
        sound = answer.iter_raw()
        begun = next(sound)
        until(streams.idle)
        assert streams.get("Song", "format=mp3&bitrate=20").status_code == 200
        whole = begun + b"".join(sound)
    times = TIMES["Concert"]
    assert played_s(whole, tmp_path, "opus") == pytest.approx(times * SONG_S, abs=times * TOLERANCE_S)
    assert streams.get("Concert", "format=opus&bitrate=256").content == whole


def test_beyond_the_limit_listeners_are_told_to_come_again(streams: Streams):
    assert streams.get("Song", "format=opus&bitrate=32").status_code == 200
    with streams.stream("Festival", "format=opus") as answer:
        sound = answer.iter_raw()
        assert next(sound)
        for asked in ("format=aac&bitrate=100", "offset=1"):
            refused = streams.get("Song", asked)
            assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
            assert int(refused.headers["retry-after"]) > 0
        assert streams.get("Song", "format=opus&bitrate=32").status_code == 200
        assert streams.get("Song", "").status_code == 200
        with streams.stream("Festival", "format=opus") as shared:
            same = shared.iter_raw()
            assert next(same)
            assert len(streams.converting("Festival")) == 1
        assert next(sound)
    until(streams.idle)
    assert streams.get("Song", "format=aac&bitrate=100").status_code == 200


def test_what_is_no_sound_is_a_problem_that_names_no_file(streams: Streams):
    answer = streams.get("Letter", "format=opus")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert str(streams.media["Letter"].parent) not in answer.text
    assert "Letter" not in answer.text
    assert streams.get("Letter", "").content == streams.media["Letter"].read_bytes()


def test_a_stream_that_ffmpeg_does_not_finish_is_cut(streams: Streams):
    with streams.stream("Festival", "format=opus") as answer:
        sound = answer.iter_raw()
        assert next(sound)
        (ffmpeg,) = streams.converting("Festival")
        ffmpeg.kill()
        with pytest.raises(httpx.RemoteProtocolError):
            list(sound)
    until(streams.idle)
    assert not [path for path in streams.kept.iterdir() if path.name.startswith(track_id("Festival"))]


def test_the_document_tells_what_can_be_asked_and_answered(streams: Streams):
    document = streams.http.get("/openapi.json").json()["paths"]["/tracks/{track_id}/audio"]["get"]
    asked = {one["name"]: one["schema"] for one in document["parameters"] if one["in"] == "query"}
    assert set(asked) == {"format", "bitrate", "offset"}
    assert {"200", "206", "304", "404", "416", "422", "500", "503"} <= set(document["responses"])
    for status in ("200", "206"):
        assert {"audio/mpeg", "audio/ogg; codecs=opus", "audio/aac", "audio/mp4"} <= set(
            document["responses"][status]["content"]
        )
    assert "Retry-After" in document["responses"]["503"]["headers"]
