"""Which files of a folder are audio, and what becomes of their names."""

from __future__ import annotations

import os
from pathlib import Path

from etl.scan import SourceFile, Unreadable, displayable, path_of, scan, uri_of


def test_finds_audio_in_order_and_leaves_hidden_and_other_files(tmp_path: Path):
    for name in ("b/two.FLAC", "a.mp3", "b/one.ogg", ".hidden.mp3", ".git/x.mp3", "notes.txt", "cover.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [f.path.relative_to(tmp_path).as_posix() for f in scan(tmp_path) if isinstance(f, SourceFile)]
    assert found == ["a.mp3", "b/one.ogg", "b/two.FLAC"]


def test_finds_every_kind_of_audio_file(tmp_path: Path):
    kinds = ("mp3", "flac", "ogg", "oga", "opus", "m4a", "m4b", "aac", "wav", "aiff", "aif", "wma")
    for kind in kinds:
        (tmp_path / f"a.{kind}").write_bytes(b"x")
    assert {f.path.suffix[1:] for f in scan(tmp_path) if isinstance(f, SourceFile)} == set(kinds)


def test_follows_links_to_files_and_enters_a_looping_folder_once(tmp_path: Path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.mp3").write_bytes(b"x")
    (tmp_path / "music" / "loop").symlink_to(tmp_path / "music", target_is_directory=True)
    (tmp_path / "music" / "self").symlink_to("self")
    (tmp_path / "music" / "b.mp3").symlink_to("a.mp3")
    (tmp_path / "music" / "gone.mp3").symlink_to("nowhere.mp3")
    found = list(scan(tmp_path / "music"))
    assert [f.path.name for f in found if isinstance(f, SourceFile)] == ["a.mp3", "b.mp3"]
    assert [path_of(f.uri).name for f in found if isinstance(f, Unreadable)] == ["gone.mp3"]


def test_names_of_any_bytes_survive_the_uri(tmp_path: Path):
    raw = b"\xff\xfe 100% #1?\n\xf0\x9f\x8e\xb5.mp3"
    path = tmp_path / os.fsdecode(raw)
    path.write_bytes(b"x")
    (found,) = scan(tmp_path)
    assert found.uri.isascii()
    assert path_of(found.uri) == path
    assert uri_of(path_of(found.uri)) == found.uri
    assert displayable(Path(path.name)).startswith("\\xff\\xfe 100% #1?")
    displayable(path).encode("utf-8")
