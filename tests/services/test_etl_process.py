"""One file at a time: compression, identity, compression in place, and every kind of broken file."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mutagen.id3 import ID3, TIT2
from mutagen.mp3 import MP3

from etl.audio import compress
from etl.audio.encoding import Encoding
from etl.audio.in_place import beside, take_place, written_beside
from etl.job import Job, mark_of
from etl.places import Place, place_of
from etl.process import Failed, Ingested, Known, Options, place_key, process
from etl.scan import SourceFile, path_of, scan, uri_of
from etl.sound.features import FEATURE_VERSION
from etl.tags.origin import Mark
from etl.tags.read import read_tags
from infra.errors import AudioError
from infra.models import TrackId
from tests.data.make_audio import good_folder, nasty_folder, png, tag, tone


@pytest.fixture
def options(tmp_path: Path) -> Options:
    (tmp_path / "music").mkdir()
    return Options(folder=tmp_path / "music", media=tmp_path / "media")


def source(path: Path) -> SourceFile:
    found = path.stat()
    return SourceFile(uri_of(path), found.st_size, found.st_mtime_ns)


def kbps(path: Path) -> int:
    return round(MP3(path).info.bitrate / 1000)


def ingested(path: Path, options: Options, known: dict[str, Known] | None = None) -> Ingested:
    outcome = process(source(path), options, known or {})
    assert isinstance(outcome, Ingested), outcome
    return outcome


def knowing(outcome: Ingested, *, version: int = FEATURE_VERSION) -> dict[str, Known]:
    assert outcome.converted is not None
    return dict.fromkeys(outcome.contents, Known(outcome.id, outcome.converted.media, version))


def test_a_file_becomes_a_64_kbit_copy_with_tags_and_cover(options: Options):
    path = good_folder(options.folder)["song"]
    before = path.read_bytes()
    outcome = ingested(path, options)
    assert outcome.converted is not None
    copy = path_of(outcome.converted.media.uri)
    assert copy == options.media / outcome.id[:2] / f"{outcome.id}.mp3"
    info = MP3(copy).info
    assert (kbps(copy), info.channels, info.sample_rate) == (64, 2, 44_100)
    assert outcome.converted.duration_ms == pytest.approx(4000, abs=60)
    assert str(ID3(copy)["TIT2"]) == "Étude No. 1"
    assert outcome.cover_uri is not None
    assert path_of(outcome.cover_uri).read_bytes() == png()
    assert path.read_bytes() == before
    assert not list(options.media.rglob("*.part"))


def test_an_mp3_under_the_target_is_copied_as_it_is(options: Options):
    path = good_folder(options.folder)["small"]
    outcome = ingested(path, options)
    assert outcome.converted is not None
    assert path_of(outcome.converted.media.uri).read_bytes() == path.read_bytes()
    assert outcome.converted.media.bitrate_kbps == 48


def test_the_id_is_the_sounds_and_outlives_tags_and_names(options: Options):
    path = good_folder(options.folder)["song"]
    first = ingested(path, options)
    tags = ID3(path)
    tags.add(TIT2(encoding=3, text=["Another title " * 500]))
    tags.save(path)
    moved = path.rename(options.folder / "moved.mp3")
    known = knowing(first)
    again = ingested(moved, options, known)
    assert (again.id, again.contents) == (first.id, first.contents)
    assert again.tags.title.startswith("Another title")
    assert again.converted is None
    other = ingested(good_folder(options.folder / "b")["flac"], options)
    assert other.id != first.id


def test_in_place_keeps_everything_but_the_bytes(options: Options, tmp_path: Path):
    path = good_folder(options.folder)["song"]
    path.chmod(0o640)
    os.utime(path, ns=(1_600_000_000_000_000_000, 1_600_000_000_123_456_789))
    original, stat = path.read_bytes(), path.stat()
    there = options._replace(in_place=True, backup=tmp_path / "backup")
    outcome = ingested(path, there)
    assert outcome.converted is not None
    assert path_of(outcome.converted.media.uri) == path
    assert kbps(path) == 64
    assert MP3(path).info.length == pytest.approx(4, abs=0.1)
    frames = ID3(path)
    assert str(frames["TXXX:MOOD"]) == "calm"
    assert frames.getall("APIC")[0].data == png()
    assert read_tags(path)._replace(cover=None) == outcome.tags
    now = path.stat()
    assert (now.st_mode, now.st_mtime_ns) == (stat.st_mode, stat.st_mtime_ns)
    assert now.st_size == outcome.source.bytes < stat.st_size
    assert (tmp_path / "backup" / "Band" / "song.mp3").read_bytes() == original
    assert sorted(p.name for p in path.parent.iterdir()) == ["small.mp3", "song.mp3", "untitled piece.mp3"]

    compressed = path.read_bytes()
    again = ingested(path, there)
    assert path.read_bytes() == compressed
    assert again.id == outcome.id == outcome.contents[0][:32]
    assert again.contents == outcome.contents
    assert len(outcome.contents) == 2


def test_a_backup_never_takes_the_place_of_another(options: Options, tmp_path: Path):
    backup = tmp_path / "backup"
    originals = set()
    for hz in (300, 500, 700):
        path = tone(options.folder / "01.mp3", 3, bitrate=192, hz=hz)
        originals.add(path.read_bytes())
        ingested(path, options._replace(in_place=True, backup=backup))
    assert {p.read_bytes() for p in backup.iterdir()} == originals


def test_in_place_replaces_what_a_link_points_to(options: Options, tmp_path: Path):
    real = tag(tone(tmp_path / "elsewhere" / "real.mp3", 3, bitrate=192))
    link = options.folder / "link.mp3"
    link.symlink_to(real)
    ingested(link, options._replace(in_place=True))
    assert link.is_symlink()
    assert kbps(real) == 64


def test_in_place_leaves_small_files_and_other_formats_alone(options: Options):
    files = good_folder(options.folder)
    before = {name: files[name].read_bytes() for name in ("small", "flac")}
    there = options._replace(in_place=True)
    small, flac = ingested(files["small"], there), ingested(files["flac"], there)
    assert {name: files[name].read_bytes() for name in ("small", "flac")} == before
    assert small.converted is not None
    assert path_of(small.converted.media.uri) == files["small"]
    assert flac.converted is not None
    assert path_of(flac.converted.media.uri).is_relative_to(options.media)


def test_in_place_never_makes_a_file_bigger(options: Options):
    path = tone(options.folder / "phone.mp3", 3, rate=8_000, channels=1, bitrate=16)
    before = path.read_bytes()
    ingested(path, options._replace(in_place=True, encoding=Encoding(bitrate=16)))
    assert path.read_bytes() == before


def test_rests_of_a_killed_run_are_no_hindrance(options: Options):
    path = good_folder(options.folder)["song"]
    beside(path).write_bytes(b"half a file")
    ingested(path, options._replace(in_place=True))
    assert kbps(path) == 64
    assert not beside(path).exists()


def test_a_file_that_does_not_play_as_long_is_not_replaced(options: Options, tmp_path: Path):
    path = good_folder(options.folder)["song"]
    before = path.read_bytes()
    shorter = tone(tmp_path / "shorter.mp3", 2)
    seconds = compress.decoded_seconds(path, compress.probe(path))
    sound = compress.probe(path)
    mark = Mark("0" * 64, "0" * 64)
    with written_beside(path, sound) as wrote, pytest.raises(AudioError, match="left as it was"):
        take_place(path, wrote._replace(part=shorter), mark, seconds=seconds, sound=sound, backup=None)
    assert path.read_bytes() == before


def test_a_bitrate_under_what_44_khz_allows(options: Options):
    outcome = ingested(tone(options.folder / "a.mp3", 2), options._replace(encoding=Encoding(bitrate=24)))
    assert outcome.converted is not None
    assert outcome.converted.media.bitrate_kbps == 24


def test_everything_that_happens_to_collections(options: Options):
    nasty_folder(options.folder)
    outcomes = [process(f, options, {}) for f in scan(options.folder) if isinstance(f, SourceFile)]
    failed = {path_of(o.file.uri).name: (o.stage, o.reason) for o in outcomes if isinstance(o, Failed)}
    denied = failed.pop("unreadable.mp3", None)
    assert failed == {
        "zero.mp3": ("read", "the file is empty"),
        "letter.mp3": ("decode", "there is no audio in it"),
        "blip.mp3": ("decode", "it plays 0.30 s, and 1 s is the least"),
    }
    # Permission bits do not bind root.
    assert denied == (None if os.geteuid() == 0 else ("read", "Permission denied"))
    good = {path_of(o.file.uri).name: o for o in outcomes if isinstance(o, Ingested)}
    assert len(good) == 9 + (denied is None)
    assert good["-y.mp3"].tags.title == "-y"
    assert good[os.fsdecode(b"caf\xe9 latin1.mp3")].tags.title == "caf\\xe9 latin1"
    truncated = good["truncated.mp3"].converted
    assert truncated is not None
    assert 2000 < truncated.duration_ms < 3500
    assert not list(options.media.rglob("*.part"))


@pytest.mark.parametrize("suffix", ["flac", "ogg", "oga", "opus", "m4a", "m4b", "aac", "wav", "aiff", "aif", "wma"])
def test_every_format(options: Options, suffix: str):
    tone(options.folder / f"a.{suffix}", 2)
    (found,) = scan(options.folder)
    assert isinstance(found, SourceFile)
    outcome = process(found, options, {})
    assert isinstance(outcome, Ingested), outcome
    assert outcome.converted is not None
    assert outcome.converted.duration_ms == pytest.approx(2000, abs=120)
    assert outcome.converted.media.mime == "audio/mpeg"


def test_a_video_without_sound_is_no_audio(options: Options):
    path = options.folder / "mute.m4a"
    video = ["-f", "lavfi", "-i", "color=size=16x16:duration=1", "-f", "mp4"]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *video, path], check=True)
    outcome = process(source(path), options, {})
    assert isinstance(outcome, Failed)
    assert (outcome.stage, outcome.reason) == ("decode", "there is no audio in it")


@pytest.mark.parametrize("bitrate", [192, 48])
def test_a_video_with_the_sound_of_an_mp3_is_none(options: Options, bitrate: int):
    path = options.folder / "clip.m4a"
    inputs = ["-f", "lavfi", "-i", "testsrc=size=64x64:duration=2", "-f", "lavfi", "-i", "sine=duration=2"]
    coding = ["-c:a", "libmp3lame", "-b:a", f"{bitrate}k", "-f", "mp4"]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *inputs, *coding, path], check=True)
    before = path.read_bytes()
    outcome = ingested(path, options._replace(in_place=True))
    assert outcome.converted is not None
    assert path.read_bytes() == before
    assert kbps(path_of(outcome.converted.media.uri)) == 64


@contextmanager
def touched_all_the_time(path: Path) -> Iterator[None]:
    done = threading.Event()

    def touch() -> None:
        time = path.stat().st_mtime_ns
        while not done.wait(0.001):
            time += 1_000_000
            os.utime(path, ns=(time, time))

    toucher = threading.Thread(target=touch)
    toucher.start()
    try:
        yield
    finally:
        done.set()
        toucher.join()


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("bitrate", [192, 48])
def test_a_file_that_changes_while_it_is_read_is_tried_again(options: Options, bitrate: int, *, in_place: bool):
    path = tone(options.folder / "a.mp3", 3, bitrate=bitrate)
    before = path.read_bytes()
    with touched_all_the_time(path):
        outcome = process(source(path), options._replace(in_place=in_place), {})
    assert isinstance(outcome, Failed)
    assert (outcome.stage, outcome.reason) == ("read", "it changed while it was read")
    assert path.read_bytes() == before


def test_a_file_that_changed_before_it_was_read_is_known_as_it_is_now(options: Options):
    path = tone(options.folder / "a.mp3", 2)
    found = source(path)
    known = {place_key(*found): Known(TrackId("0" * 32), None, FEATURE_VERSION)}
    tone(path, 3, hz=700)
    outcome = process(found, options, known)
    assert isinstance(outcome, Ingested)
    assert outcome.id == outcome.contents[0][:32]
    assert (outcome.source.bytes, outcome.source.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)


def test_parts_cut_out_of_a_compressed_file_are_other_recordings(options: Options):
    whole = tag(tone(options.folder / "mix.mp3", 6, bitrate=192))
    there = options._replace(in_place=True)
    first = ingested(whole, there)
    parts = [options.folder / "part 1.mp3", options.folder / "part 2.mp3"]
    for part, begin in zip(parts, ("0", "3"), strict=True):
        cut = ["ffmpeg", "-v", "error", "-nostdin", "-i", whole, "-ss", begin, "-t", "3", "-c", "copy", part]
        subprocess.run(cut, check=True)
        assert "TXXX:SEGUE_CONTENT" in ID3(part)
    assert len({first.id, *(ingested(part, there).id for part in parts)}) == 3
    assert ingested(whole, there).id == first.id


@pytest.mark.parametrize("version", [3, 4])
def test_compressed_in_place_twice_it_has_one_mark_and_is_the_same_track(options: Options, version: int):
    path = tag(tone(options.folder / "a.mp3", 3, bitrate=256))
    ID3(path).save(path, v2_version=version)
    first = ingested(path, options._replace(in_place=True, encoding=Encoding(bitrate=128)))
    second = ingested(path, options._replace(in_place=True))
    third = ingested(path, options._replace(in_place=True))
    assert kbps(path) == 64
    assert first.id == second.id == third.id
    assert (len(second.contents), third.contents) == (3, (second.contents[0], second.contents[-1]))
    assert path.read_bytes().count(b"SEGUE_CONTENT") == 1
    assert str(ID3(path)["TIT2"]) == "Étude No. 1"


def test_what_cannot_be_compressed_in_its_place_is_streamed_from_the_media_store(options: Options):
    linked = tone(options.folder / "two names.mp3", 2, bitrate=192, hz=300)
    os.link(linked, options.folder.with_name("other.mp3"))
    fixed = tone(options.folder / "read only.mp3", 2, bitrate=192, hz=500)
    fixed.chmod(0o444)
    for path, why in ((linked, "hard links"), (fixed, "read-only")):
        before = path.read_bytes()
        there = options._replace(in_place=True)
        outcome = ingested(path, there)
        assert why in outcome.left_as_it_was
        assert outcome.converted is not None
        assert path_of(outcome.converted.media.uri).is_relative_to(options.media)
        assert path.read_bytes() == before
        again = ingested(path, there, knowing(outcome))
        assert (again.left_as_it_was, again.converted) == (outcome.left_as_it_was, None)


def test_what_would_lose_something_is_refused_before_it_is_encoded(options: Options):
    path = tone(options.folder / "with an archive.mp3", 2, bitrate=192)
    path.write_bytes(path.read_bytes() + os.urandom(50_000))
    odd = tone(options.folder / "odd.mp3", 2, bitrate=192)
    odd.write_bytes(b"ID3\x05\0\0\0\0\0\x0a" + bytes(10) + odd.read_bytes())
    for refused in (path, odd):
        with pytest.raises(AudioError, match="left as it was"), written_beside(refused, compress.probe(refused)):
            pytest.fail("it was let in")
    assert not list(options.folder.glob(".*"))


def test_a_small_mp3_is_streamed_from_its_own_place_with_in_place(options: Options, tmp_path: Path):
    real = tone(tmp_path / "elsewhere" / "small.mp3", 2, bitrate=48)
    path = options.folder / "small.mp3"
    path.symlink_to(real)
    stored = ingested(path, options)
    there = options._replace(in_place=True)
    moved = ingested(path, there, knowing(stored))
    assert moved.converted is not None
    assert moved.converted.media.uri == moved.source.uri == uri_of(path)
    assert ingested(path, there, knowing(moved)).converted is None


@pytest.fixture
def behind_an_address(options: Options) -> tuple[Place, SourceFile]:
    tone(options.folder / "a.mp3", 2)
    archive = options.folder.with_name("music.tar")
    subprocess.run(["tar", "-cf", archive, "-C", options.folder, "a.mp3"], check=True)
    place = place_of(f"tar://::file://{archive}")
    (found,) = place.find()
    assert isinstance(found, SourceFile)
    return place, found


def test_a_fetched_file_is_known_by_its_own_place(options: Options, behind_an_address: tuple[Place, SourceFile]):
    place, found = behind_an_address
    known = {place_key(*found): Known(TrackId("0" * 32), None, FEATURE_VERSION)}
    outcome = Job(place, options, known, mark_of(options.media, make=True))(found)
    assert isinstance(outcome, Ingested), outcome
    assert (outcome.id, outcome.file, outcome.source.uri) == ("0" * 32, found, found.uri)


def test_no_room_for_a_copy_costs_that_file_only(
    options: Options, behind_an_address: tuple[Place, SourceFile], monkeypatch: pytest.MonkeyPatch
):
    place, found = behind_an_address
    monkeypatch.setattr(tempfile, "tempdir", str(options.folder / "gone"))
    outcome = Job(place, options, {}, mark_of(options.media, make=True))(found)
    assert outcome == Failed(found, "read", "No such file or directory")
