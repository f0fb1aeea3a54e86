"""Files that are broken, or made to break whoever reads them: each comes in or is named with its reason, and the rest goes on."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from mutagen.id3 import APIC, ID3
from mutagen.mp3 import MP3

from etl.audio import compress
from etl.audio.command import guards
from etl.pipeline import Report, run
from etl.process import Failed, Ingested, Options, Outcome, process
from etl.ray_tasks import Work, submit_here
from etl.scan import SourceFile, Unreadable, path_of, scan, uri_of
from infra.store import Store
from tests.data.damage import damaged, enormous_png, granule, id3, text_frames, xing
from tests.data.make_audio import tag, tone
from ui.summaries import ingest_summary

FILES = 1000
AT_ONCE = 2


@pytest.fixture
def options(tmp_path: Path) -> Options:
    (tmp_path / "music").mkdir()
    return Options(folder=tmp_path / "music", media=tmp_path / "media")


def two_at_once(files: Iterable[SourceFile], work: Work) -> Iterator[Outcome]:
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, files, chunksize=4)


def found(path: Path) -> SourceFile:
    stat = path.stat()
    return SourceFile(uri_of(path), stat.st_size, stat.st_mtime_ns)


def outcome_of(path: Path, options: Options) -> Outcome:
    return process(found(path), options, {})


def failed(path: Path, options: Options) -> tuple[str, str]:
    outcome = outcome_of(path, options)
    assert isinstance(outcome, Failed), outcome
    return outcome.stage, outcome.reason


def ingested(path: Path, options: Options) -> Ingested:
    outcome = outcome_of(path, options)
    assert isinstance(outcome, Ingested), outcome
    return outcome


def duration_ms(outcome: Ingested) -> int:
    assert outcome.converted is not None
    return outcome.converted.duration_ms


def test_a_thousand_damaged_files(options: Options, store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Ray has it for its workers
    files = list(damaged(options.folder, seed=7, count=FILES))
    report = run(list(scan(options.folder)), options, store, two_at_once)
    assert report.found == FILES
    assert report.ingested + report.unchanged + len(report.failed) == FILES
    assert len(report.failed) in range(FILES // 5, FILES * 4 // 5)

    told = list(store.failures.all())
    assert len(told) == len(report.failed)
    assert {f.stage for f in told} <= {"decode", "encode", "features", "read"}
    assert all(len(f.reason) > 10 and str(options.folder) not in f.reason for f in told), told
    broken = {path_of(f.uri) for f in told}
    assert {path.suffix for path in files if path in broken} == {path.suffix for path in files}

    records = list(store.tracks.scan())
    kept = {path_of(r.media.uri): r for r in records}
    assert {p for p in options.media.rglob("*") if p.suffix == ".mp3"} == kept.keys()
    for path, record in kept.items():
        assert MP3(path).info.length == pytest.approx(record.track.duration_ms / 1000, abs=0.3)
    for path in list(kept)[::10]:
        assert compress.decoded_seconds(path, compress.probe(path)) > 0.9
    assert not list(options.media.rglob("*.part"))

    again = run(list(scan(options.folder)), options, store, nothing_to_do)
    assert again.failed == report.failed


def nothing_to_do(files: Iterable[SourceFile], _: Work) -> Iterator[Outcome]:
    assert list(files) == []
    yield from ()


def test_damaged_files_in_place_are_left_or_whole(options: Options):
    in_place = options._replace(in_place=True)
    for path in damaged(options.folder, seed=8, count=64):
        if path.suffix != ".mp3":
            continue
        before = path.read_bytes()
        outcome = outcome_of(path, in_place)
        if path.read_bytes() != before:
            assert isinstance(outcome, Ingested)
            assert compress.decoded_seconds(path, compress.probe(path)) == pytest.approx(
                duration_ms(outcome) / 1000, abs=0.15
            )
            assert path.stat().st_size < len(before)
    assert not list(options.folder.glob(".*"))


def test_what_follows_the_sound_is_not_lost_in_place(options: Options):
    path = tone(options.folder / "with an archive.mp3", 2)
    path.write_bytes(path.read_bytes() + os.urandom(50_000))
    before = path.read_bytes()
    outcome = ingested(path, options._replace(in_place=True))
    assert "neither sound nor a known tag" in outcome.left_as_it_was
    assert path.read_bytes() == before


def test_a_failure_is_tried_again_when_the_file_or_the_options_change(options: Options, store: Store):
    path = options.folder / "letter.mp3"
    path.write_text("Dear listener, this is no music.")
    read: list[str] = []

    def go(**changes: object) -> Report:
        def counting(files: Iterable[SourceFile], work: Work) -> Iterator[Outcome]:
            for file in files:
                read.append(file.uri)
                yield work(file)

        return run(list(scan(options.folder)), options._replace(**changes), store, counting)  # type: ignore[arg-type]

    first = go()
    assert len(first.failed) == len(read) == 1
    (told,) = store.failures.all()
    assert go().failed == first.failed
    assert (len(read), list(store.failures.all())) == (1, [told])
    go(retry_failed=True)
    assert len(read) == 2
    go(in_place=True)
    assert len(read) == 3
    tone(path, 2)
    assert go().failed == ()
    assert (len(read), list(store.failures.all())) == (4, [])


def test_what_may_be_mended_around_a_file_is_tried_every_time(options: Options, store: Store):
    path = tone(options.folder / "two names.mp3", 2, bitrate=192)
    os.link(path, options.folder.with_name("other.mp3"))
    there = options._replace(in_place=True)
    report = run([found(path)], there, store, submit_here)
    (left,) = report.left_as_they_were
    assert (left.file, "hard links" in left.reason) == (str(path), True)
    assert (report.ingested, report.failed) == (1, ())
    assert f"{path}\n          {left.reason}" in ingest_summary(report)
    options.folder.with_name("other.mp3").unlink()
    report = run([found(path)], there, store, submit_here)
    assert (report.failed, report.left_as_they_were) == ((), ())
    (record,) = store.tracks.scan()
    assert path_of(record.media.uri) == path


def test_small_mp3s_and_links_are_done_with_once_they_are_in_place(options: Options, store: Store):
    tone(options.folder / "small.mp3", 2, bitrate=48)
    outside = tone(options.folder.with_name("outside.mp3"), 2, hz=600, bitrate=192)
    (options.folder / "link.mp3").symlink_to(outside)
    there = options._replace(in_place=True)
    for way in (options, there):
        assert run(list(scan(options.folder)), way, store, submit_here).ingested == 2
    assert run(list(scan(options.folder)), there, store, nothing_to_do).unchanged == 2
    assert {r.media.uri for r in store.tracks.scan()} == {f.uri for f in scan(options.folder)}


def test_rests_of_old_runs_are_removed_and_new_ones_are_not(options: Options, store: Store):
    path = tone(options.folder / "a.mp3", 2, bitrate=48)
    old, new = options.folder / ".segue-0123456789abcdef.part", options.folder / ".segue-fedcba9876543210.part"
    for part in (old, new):
        part.write_bytes(b"half a file")
    os.utime(old, (0, 0))
    run([found(path)], options._replace(in_place=True), store, submit_here)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_hundred_thousand_empty_files_are_told_without_being_opened(options: Options, store: Store):
    for number in range(100_000):
        os.close(os.open(options.folder / f"{number:06}.mp3", os.O_CREAT))
    report = run(list(scan(options.folder)), options, store, nothing_to_do)
    assert Counter((f.stage, f.reason) for f in report.failed) == {("read", "the file is empty"): 100_000}
    assert sum(1 for _ in store.failures.all()) == 100_000
    shutil.rmtree(options.folder)


def test_folders_two_hundred_and_two_thousand_deep(options: Options):
    here = os.open(options.folder, os.O_RDONLY)
    for depth in range(2_100):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        if depth == 199:
            (options.folder.joinpath(*["d"] * 200) / "deep.mp3").write_bytes(b"x")
    os.close(here)
    seen = list(scan(options.folder))
    assert [one.path.name for one in seen if isinstance(one, SourceFile)] == ["deep.mp3"]
    assert [one.reason for one in seen if isinstance(one, Unreadable)] == ["File name too long"]
    # Python's own removal goes no deeper than a thousand calls.
    subprocess.run(["rm", "-r", options.folder], check=True)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(lambda: id3(text_frames(100_000)), id="100,000 frames"),
        pytest.param(lambda: id3(b"JUNK" + bytes(range(256)) * 120_000), id="30 MB of junk"),
        pytest.param(lambda: id3(b"TIT2\xff\xff\xff\xff\0\0\3" + b"x" * 1000), id="a frame without end"),
        pytest.param(lambda: id3(b"A" * 10) * 1000, id="a thousand tags"),
    ],
)
def test_enormous_tags_are_no_hindrance_and_are_kept(options: Options, head: Callable[[], bytes]):
    sound = tone(options.folder / "a.mp3", 2, bitrate=192).read_bytes()
    (options.folder / "a.mp3").write_bytes(head() + sound)
    outcome = ingested(options.folder / "a.mp3", options._replace(in_place=True))
    assert duration_ms(outcome) == pytest.approx(2000, abs=100)
    after = (options.folder / "a.mp3").read_bytes()
    assert head()[10:] in after
    assert len(after) < len(head()) + len(sound)


def test_a_cover_of_20_000_pixels_a_side_is_never_unpacked(options: Options):
    path = tone(options.folder / "a.mp3", 2, bitrate=192)
    tags = ID3()
    tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=enormous_png(16_000)))
    tags.save(path)
    limited = ["prlimit", f"--as={600 << 20}", "ffprobe", "-v", "error"]
    subprocess.run([*limited, *guards(path), f"file:{path}"], check=True, timeout=30)
    outcome = ingested(path, options._replace(in_place=True))
    assert outcome.cover_uri is None
    assert ID3(path).getall("APIC")[0].data == enormous_png(16_000)


def test_headers_that_promise_hours(options: Options):
    mp3 = tone(options.folder / "whole.mp3", 2, rate=22_050, channels=1, bitrate=48)
    wav = tone(options.folder / "whole.wav", 2)
    flac = tone(options.folder / "whole.flac", 2)
    ogg = tone(options.folder / "whole.ogg", 2)
    endless = {
        "xing.mp3": xing(1_000_000_000) + mp3.read_bytes(),
        "size.wav": wav.read_bytes()[:4] + b"\xff" * 4 + wav.read_bytes()[8:74] + b"\xff" * 4 + wav.read_bytes()[78:],
        "samples.flac": flac.read_bytes()[:21]
        + bytes([flac.read_bytes()[21] & 0xF0])
        + bytes(4)
        + flac.read_bytes()[26:],
        "granule.ogg": granule(ogg.read_bytes(), 2**62),
    }
    for name, data in endless.items():
        (options.folder / name).write_bytes(data)
        assert duration_ms(ingested(options.folder / name, options)) == pytest.approx(2000, abs=120), name


def test_a_video_comes_in_by_its_sound(options: Options):
    path = options.folder / "clip.m4a"
    inputs = ["-f", "lavfi", "-i", "testsrc=size=64x64:duration=2", "-f", "lavfi", "-i", "sine=duration=2"]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *inputs, "-f", "mp4", path], check=True)
    assert duration_ms(ingested(path, options)) == pytest.approx(2000, abs=120)


def test_protected_files_are_named_as_such(options: Options):
    path = tone(options.folder / "bought.m4a", 2)
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"drms"))
    assert failed(path, options) == ("decode", "it is protected (DRM), so only its seller's own programs can play it")


@pytest.mark.parametrize("in_place", [False, True])
def test_a_playlist_opens_no_other_file_and_no_address(options: Options, *, in_place: bool):
    canary = tone(options.folder.with_name("canary.mp3"), 2)
    shutil.copy(canary, options.folder / "canary.mp3")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.mp3"
        lists = {
            "concat": f"ffconcat version 1.0\nfile canary.mp3\nfile '{canary}'\nfile {address}\n",
            "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{address}\n#EXTINF:2,\ncanary.mp3\n#EXT-X-ENDLIST\n",
            "m3u": f"#EXTM3U\n#EXTINF:2,One\n{canary}\n",
            "pls": f"[playlist]\nNumberOfEntries=1\nFile1={address}\n",
            "cue": 'FILE "canary.mp3" MP3\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
            "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{address}</BaseURL></MPD>',
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        }
        for name, text in lists.items():
            path = options.folder / f"{name}.mp3"
            path.write_text(text)
            assert failed(path, options._replace(in_place=in_place))[1] == "there is no audio in it", name
        with pytest.raises(TimeoutError):
            server.accept()


def test_names_are_only_names(options: Options):
    sound = tone(options.folder / "whole.mp3", 1.2, bitrate=96).read_bytes()
    names = (
        b"-i.mp3", b";rm.mp3", b"$(touch x).mp3", b"`touch x`.mp3", b"a\nb.mp3", b"http:a|b.mp3", b"%d.mp3", b"%03d.mp3",
        b"concat:x.mp3", b"pipe:1.mp3", b"\\.mp3", b"'.mp3", b"\x1b[31m.mp3", b"caf\xe9.mp3", b"file:.mp3", b"*.mp3",
        "é".encode() * 125 + b".mp3", b"n" * 251 + b".mp3",
    )  # fmt: skip
    for number, name in enumerate(names):
        (options.folder / os.fsdecode(name)).write_bytes(sound + bytes(number))
    (options.folder / "whole.mp3").unlink()
    files = [f for f in scan(options.folder) if isinstance(f, SourceFile)]
    assert {os.fsencode(f.path.name) for f in files} == set(names)
    for file in files:
        assert isinstance(process(file, options._replace(in_place=True), {}), Ingested), file
    assert {os.fsencode(p.name) for p in options.folder.iterdir()} == set(names)


@pytest.mark.parametrize("version", [3, 4])
def test_every_kind_of_tag_survives_compression_in_place(options: Options, version: int):
    path = tag(tone(options.folder / "a.mp3", 2, bitrate=192))
    frames = ID3(path)
    frames.save(path, v2_version=version)
    item = len(b"-6.5 dB").to_bytes(4, "little") + bytes(4) + b"REPLAYGAIN_TRACK_GAIN\0-6.5 dB"
    footer = b"APETAGEX" + (2000).to_bytes(4, "little") + (len(item) + 32).to_bytes(4, "little")
    footer += (1).to_bytes(4, "little") + bytes(12)
    lyrics = b"LYRICSBEGININD0000200LYR00005Hello"
    lyrics += f"{len(lyrics):06}".encode() + b"LYRICS200"
    v1 = b"TAG" + "Титул".encode("cp1251").ljust(124, b"\0") + b"\x18"
    tail = item + footer + lyrics + v1
    path.write_bytes(path.read_bytes() + tail)
    os.setxattr(path, "user.comment", b"mine")
    before = ID3(path, translate=False)
    assert ingested(path, options._replace(in_place=True)).converted is not None
    after = ID3(path, translate=False)
    assert after.version == before.version == (2, version, 0)
    added = {"TXXX:SEGUE_CONTENT"}
    assert {k: v for k, v in after.items() if k not in added} == dict(before.items())
    assert after.keys() - before.keys() == added
    assert path.read_bytes().endswith(tail)
    assert os.getxattr(path, "user.comment") == b"mine"
    assert round(MP3(path).info.bitrate / 1000) == 64
