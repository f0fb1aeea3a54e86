"""Converted streams on disk: whose they are, which go first, and what a killed writer leaves."""

from __future__ import annotations

import os
import time
from pathlib import Path

from etl.audio.encoding import Encoding
from serving.streams.transcoded import Transcoded, name_of
from tests.data.records import track_id

DAYS_2 = 2 * 24 * 3600


def keep(kept: Transcoded, name: str, size: int = 100) -> None:
    with kept.begin() as part:
        part.write(b"x" * size)
    kept.keep(Path(part.name), name)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_name_is_of_one_track_one_file_and_one_encoding(tmp_path: Path):
    source = tmp_path / "source"
    source.write_bytes(b"sound")
    track, encoding = track_id("a"), Encoding.of("aac", 96)
    name = name_of(track, source.stat(), encoding)
    assert name.startswith(track)
    assert name.endswith("-aac-96k.aac")
    assert name == name_of(track, source.stat(), encoding)
    source.write_bytes(b"other sound")
    others = {name_of(track, source.stat(), encoding), name_of(track_id("b"), source.stat(), encoding)}
    others |= {name_of(track, source.stat(), other) for other in (Encoding.of("aac", 64), Encoding.of("mp3", 96))}
    assert len(others - {name}) == 4


def test_the_least_recently_used_goes_first(tmp_path: Path):
    kept = Transcoded(tmp_path, 300)
    for name in "abc":
        keep(kept, name)
    assert kept.find("a") == tmp_path / "a"
    keep(kept, "d")
    assert names(tmp_path) == {"a", "c", "d"}
    keep(kept, "e", 150)
    assert names(tmp_path) == {"d", "e"}
    assert kept.find("a") is None


def test_what_is_larger_than_all_of_the_room_drives_nothing_out(tmp_path: Path):
    kept = Transcoded(tmp_path, 300)
    keep(kept, "a")
    keep(kept, "b", 301)
    assert kept.find("a") is not None
    assert kept.find("b") is None


def test_using_a_file_does_not_change_its_date(tmp_path: Path):
    kept = Transcoded(tmp_path, 300)
    keep(kept, "a")
    os.utime(tmp_path / "a", (1, 1))
    assert kept.find("a") is not None
    seen = (tmp_path / "a").stat()
    assert (seen.st_mtime, seen.st_atime > 1) == (1, True)


def test_what_a_killed_writer_left_goes_and_what_is_written_stays(tmp_path: Path):
    kept = Transcoded(tmp_path, 300)
    with kept.begin() as left, kept.begin() as written:
        os.utime(left.name, (0, time.time() - DAYS_2))
        keep(kept, "a")
        assert names(tmp_path) == {Path(written.name).name, "a"}
