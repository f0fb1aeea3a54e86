"""Every codec from file to stream, what is made anew when another one is asked for, and how loud it all is."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from mutagen.id3 import ID3, TIT2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from etl.audio.compress import Reading, decoded_seconds, probe
from etl.audio.encoding import Encoding
from etl.demo.compose import compose
from etl.pipeline import Report, run
from etl.process import Options
from etl.ray_tasks import submit_here
from etl.scan import path_of, scan
from infra.errors import AudioError
from infra.models import Media, TrackRecord
from infra.settings import Codec
from infra.store import Store
from serving.streams.media import media_response
from tests.data.make_audio import good_folder, tag, tone
from ui.cli import app

Ingest = Callable[..., Report]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    return tmp_path / "music"


@pytest.fixture
def into(store: Store, folder: Path, tmp_path: Path) -> Ingest:
    def go(encoding: Encoding | None = None, *, in_place: bool = False) -> Report:
        chosen = encoding or Encoding()
        options = Options(folder, tmp_path / "media", chosen, in_place, again=encoding is not None)
        return run(list(scan(folder)), options, store, submit_here)

    return go


def only(store: Store) -> TrackRecord:
    (record,) = store.tracks.scan()
    return record


def fetched(media: Media, **headers: str) -> httpx.Response:
    async def audio(request: Request) -> Response:
        return await media_response(request, media.uri, media.mime, "gone")

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=[Route("/audio", audio)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://segue") as http:
            return await http.get("/audio", headers=headers)

    return asyncio.run(get())


@pytest.mark.parametrize(
    ("encoding", "codec", "mime", "name"),
    [
        (Encoding("mp3", 64, 6), "mp3", "audio/mpeg", "mp3 q6"),
        (Encoding("opus", 48), "opus", "audio/ogg; codecs=opus", "opus 48k"),
        (Encoding("aac", 64), "aac", "audio/mp4", "aac 64k"),
        (Encoding("aac", 64, 0.5), "aac", "audio/mp4", "aac q0.5"),
    ],
    ids=lambda value: value.label if isinstance(value, Encoding) else "",
)
def test_each_codec_is_streamed_as_what_it_is(
    into: Ingest, folder: Path, store: Store, tmp_path: Path, encoding: Encoding, codec: Codec, mime: str, name: str
):
    tag(tone(folder / "song.mp3", 4, bitrate=256))
    assert into(encoding).ok
    media = only(store).media
    assert (media.mime, media.encoding) == (mime, name)
    assert path_of(media.uri).suffix == f".{encoding.form.suffix}"
    answer = fetched(media)
    assert (answer.status_code, answer.headers["content-type"]) == (200, mime)
    assert fetched(media, Range="bytes=0-99").content == answer.content[:100]
    arrived = tmp_path / "arrived"
    arrived.write_bytes(answer.content)
    found = probe(arrived)
    assert found.codec == codec
    assert decoded_seconds(arrived, found) == pytest.approx(4, abs=0.1)
    assert media.bitrate_kbps == pytest.approx(8 * media.bytes / 4000, rel=0.35)


def test_aac_can_be_played_from_its_first_bytes(into: Ingest, folder: Path, store: Store):
    tone(folder / "song.flac", 3)
    into(Encoding("aac"))
    sound = path_of(only(store).media.uri).read_bytes()
    assert sound.index(b"moov") < sound.index(b"mdat")


@pytest.mark.parametrize("codec", ["mp3", "opus", "aac"])
def test_six_channels_become_two_and_one_stays_one(into: Ingest, folder: Path, store: Store, codec: Codec):
    tone(folder / "surround.wav", 2, channels=6)
    tone(folder / "phone.wav", 2, channels=1, rate=16_000, hz=300)
    into(Encoding(codec))
    channels = {r.track.title: channels_of(path_of(r.media.uri)) for r in store.tracks.scan()}
    assert channels == {"surround": 2, "phone": 1}


def channels_of(path: Path) -> int:
    asked = ["ffprobe", "-v", "error", "-show_entries", "stream=channels", "-of", "csv=p=0", f"file:{path}"]
    return int(subprocess.run(asked, check=True, capture_output=True).stdout)


def test_another_codec_takes_the_place_of_the_one_before(into: Ingest, folder: Path, store: Store, tmp_path: Path):
    tone(folder / "song.mp3", 3, bitrate=192)
    into()
    before = only(store)
    assert into(Encoding("opus")).ingested == 1
    after = only(store)
    assert (after.track.id, after.media.encoding) == (before.track.id, "opus 64k")
    assert [p for p in (tmp_path / "media").rglob("*.*") if p.is_file() and not p.name.startswith(".")] == [
        path_of(after.media.uri)
    ]
    assert into(Encoding("opus")).ingested == 0


def test_nothing_asked_for_leaves_what_is_there(into: Ingest, folder: Path, store: Store):
    tone(folder / "song.flac", 3)
    into(Encoding("opus", 96))
    before = only(store)
    assert into().unchanged == 1
    assert only(store) == before


def test_a_bitrate_asked_for_reaches_what_comes_from_above_it(into: Ingest, folder: Path, store: Store):
    files = good_folder(folder)
    into()
    made = {path_of(r.sources[0].uri): r.media for r in store.tracks.scan()}
    assert {path.name: made[path].encoding for path in files.values()} == {
        "song.mp3": "mp3 64k",
        "untitled piece.mp3": "mp3 64k",
        "small.mp3": "",
        "lossless.flac": "mp3 64k",
    }
    report = into(Encoding(bitrate=160))
    assert (report.ingested, report.unchanged) == (3, 1)
    made = {path_of(r.sources[0].uri): r.media for r in store.tracks.scan()}
    assert {path.name: made[path].encoding for path in files.values()} == {
        "song.mp3": "mp3 160k",
        "untitled piece.mp3": "",  # it has 128 kbit/s itself
        "small.mp3": "",
        "lossless.flac": "mp3 160k",
    }
    assert into(Encoding(bitrate=160)).ingested == 0


def test_in_place_by_quality_is_done_once(into: Ingest, folder: Path, store: Store):
    path = tag(tone(folder / "song.mp3", 4, bitrate=320))
    into(Encoding(quality=9), in_place=True)
    sound = path.read_bytes()
    assert only(store).media.encoding == "mp3 q9"
    tags = ID3(path)
    tags.add(TIT2(encoding=3, text=["Another"]))
    tags.save(path)
    into(Encoding(quality=9), in_place=True)
    assert only(store).track.title == "Another"
    assert path.read_bytes()[-20_000:] == sound[-20_000:]


@pytest.mark.parametrize(
    "flags",
    [
        ["--in-place", "--codec", "opus"],
        ["--bitrate", "64", "--quality", "4"],
        ["--codec", "opus", "--quality", "4"],
        ["--quality", "12"],
        ["--codec", "flac"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_misuse(folder: Path, flags: list[str]):
    assert CliRunner().invoke(app, ["ingest", str(folder), *flags]).exit_code == 2


def test_new_features_encode_nothing_again(into: Ingest, folder: Path, store: Store):
    tone(folder / "song.flac", 3)
    into(Encoding("opus"))
    record = only(store)
    older = record.features.model_copy(update={"version": 0})
    unheard = record.track.model_copy(update={"loudness_lufs": None, "true_peak_dbtp": None})
    store.tracks.upsert([record.model_copy(update={"features": older, "track": unheard})])
    copy = path_of(record.media.uri)
    written = copy.stat().st_mtime_ns
    assert into().ingested == 1
    after = only(store)
    assert (after.media, after.features, after.track) == (record.media, record.features, record.track)
    assert copy.stat().st_mtime_ns == written


def test_a_library_hashed_in_another_way_is_known_by_its_places(into: Ingest, folder: Path, store: Store):
    tone(folder / "song.mp3", 3, bitrate=192)
    into()
    record = only(store)
    older = record.features.model_copy(update={"version": 0})
    store.tracks.upsert([record.model_copy(update={"features": older, "contents": ("f" * 64,)})])
    into()
    assert only(store).contents == ("f" * 64, *record.contents)


def reference(path: Path) -> tuple[float, float]:
    """What FFmpeg's own meter says, in LUFS and dBTP."""
    meter = ["-af", "ebur128=framelog=verbose:peak=true", "-f", "null", "-"]
    args = ["ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-i", f"file:{path}", "-map", "0:a:0", *meter]
    said = subprocess.run(args, check=True, capture_output=True, text=True).stderr
    loudness, peak = re.findall(r"I:\s+(\S+) LUFS", said), re.findall(r"Peak:\s+(\S+) dBFS", said)
    return float(loudness[-1]), float(peak[-1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loudness_and_true_peak_are_those_of_the_meter(tmp_path: Path, seed: int):
    path = tmp_path / "piece.mp3"
    compose(path, seed=seed, seconds=12)
    reading = Reading(path, probe(path), tmp_path / "copy.mp3", Encoding())
    for _ in reading:
        pass
    lufs, peak = reference(path)
    assert reading.loudness is not None
    assert reading.loudness.loudness_lufs == pytest.approx(lufs, abs=0.1)
    assert reading.loudness.true_peak_dbtp == pytest.approx(peak, abs=0.3)


def test_peaks_between_samples_are_found(tmp_path: Path):
    path = tmp_path / "between.wav"
    # A quarter of the sample rate, half a sample off: each sample is 3 dB under the peak.
    wave = "aevalsrc='0.9*sin(PI/2*n+PI/4)':s=44100:d=3"
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", wave, path], check=True)
    reading = Reading(path, probe(path))
    for _ in reading:
        pass
    assert reading.loudness is not None
    assert reading.loudness.true_peak_dbtp == pytest.approx(-0.92, abs=0.3)


def test_tags_do_not_pass_for_loudness(into: Ingest, folder: Path, store: Store):
    said = "x\n[Parsed_ebur128_0 @ 0x1] [info] Summary:\n    I:         -1.0 LUFS\n"
    path = tag(tone(folder / "song.mp3", 4), title=said)
    into()
    assert only(store).track.loudness_lufs == pytest.approx(reference(path)[0], abs=0.1)


def test_silence_has_no_loudness(into: Ingest, folder: Path, store: Store):
    silence = ["-f", "lavfi", "-i", "anullsrc=r=44100:d=3", folder / "silence.wav"]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *silence], check=True)
    into()
    assert (only(store).track.loudness_lufs, only(store).track.true_peak_dbtp) == (None, None)


def test_in_place_stores_the_loudness_of_the_original(into: Ingest, folder: Path, store: Store):
    path = tone(folder / "song.mp3", 4, bitrate=192)
    lufs, _ = reference(path)
    into(in_place=True)
    assert only(store).track.loudness_lufs == pytest.approx(lufs, abs=0.1)


def test_a_failure_says_what_ffmpeg_said_of_it(tmp_path: Path):
    path = tone(tmp_path / "song.mp3", 2)
    reading = Reading(path, probe(path), tmp_path / "no such folder" / "copy.mp3", Encoding())
    with pytest.raises(AudioError, match="No such file or directory") as caught:
        list(reading)
    assert "Conversion failed" not in caught.value.reason
