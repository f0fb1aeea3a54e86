"""Tags and covers of every format, cleaned."""

from __future__ import annotations

import base64
from pathlib import Path

import mutagen
import pytest
from mutagen.flac import FLAC, Picture
from mutagen.id3 import COMM, ID3, TALB, TCON, TDRC, TIT2, TPE1, TPOS, TRCK
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggvorbis import OggVorbis

from etl.tags.read import read_tags
from tests.data.make_audio import png, tag, tone


def test_id3(tmp_path: Path):
    tags = read_tags(tag(tone(tmp_path / "a.mp3", 1)))
    assert (tags.title, tags.artist, tags.album, tags.track_number) == ("Étude No. 1", "Björk & Co.", "Наша музыка", 3)
    assert tags.cover is not None
    assert (tags.cover.data, tags.cover.suffix) == (png(), "png")


def test_a_file_without_tags_has_its_name_as_title(tmp_path: Path):
    assert read_tags(tone(tmp_path / "My song.mp3", 1)).title == "My song"


@pytest.mark.parametrize("name", ["a.ogg", "a.flac", "a.m4a"])
def test_the_other_formats(tmp_path: Path, name: str):
    path = tone(tmp_path / name, 1)
    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", png()
    file = mutagen.File(path, easy=True)
    file["title"], file["artist"], file["tracknumber"], file["date"] = "Un titre", ["A", "B"], "07/12", "1999-05-01"
    file["discnumber"], file["albumartist"] = "2", "Various"
    file.save()
    if name == "a.flac":
        flac = FLAC(path)
        flac.add_picture(picture)
        flac.save()
    elif name == "a.ogg":
        ogg = OggVorbis(path)
        ogg["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
        ogg.save()
    else:
        mp4 = MP4(path)
        mp4["covr"] = [MP4Cover(png(), MP4Cover.FORMAT_PNG)]
        mp4.save()
    tags = read_tags(path)
    assert (tags.title, tags.artist, tags.track_number, tags.disc_number) == ("Un titre", "A, B", 7, 2)
    assert (tags.year, tags.album_artist) == (1999, "Various")
    assert tags.cover is not None
    assert tags.cover.data == png()


def test_what_no_database_can_hold_is_cleaned_away(tmp_path: Path):
    path = tone(tmp_path / "a.mp3", 1)
    tags = ID3()
    tags.add(TIT2(encoding=1, text=["  A\x00B\n  C\t"]))
    tags.add(TPE1(encoding=1, text=["\u200b", "X"]))
    tags.add(TALB(encoding=3, text=["   "]))
    tags.add(TRCK(encoding=3, text=["A1"]))
    tags.add(TPOS(encoding=3, text=["0"]))
    tags.add(TDRC(encoding=3, text=["0000"]))
    tags.add(TCON(encoding=3, text=["(17)"]))
    tags.add(COMM(encoding=3, lang="eng", desc="", text=["unused"]))
    tags.save(path)
    read = read_tags(path)
    assert read.title.startswith("A")
    assert not set("\x00\n\t") & set(read.title)
    assert (read.artist, read.album, read.track_number, read.disc_number, read.year) == ("X", "", None, None, None)
    assert read.genre == "Rock"
    read.title.encode("utf-8")


def test_a_booklet_in_a_title_is_cut(tmp_path: Path):
    path = tone(tmp_path / "a.mp3", 1)
    tags = ID3()
    tags.add(TIT2(encoding=3, text=["word " * 1_000_000]))
    tags.add(TPE1(encoding=3, text=["A", "B"] * 50_000))
    tags.save(path)
    read = read_tags(path)
    assert read.title == ("word " * 200).strip()
    assert (len(read.artist), read.artist[:4]) == (1000, "A, B")


def test_a_picture_beside_the_file_is_the_cover_when_the_file_has_none(tmp_path: Path):
    path = tag(tone(tmp_path / "a.mp3", 1), cover=False)
    (tmp_path / "cover.jpg").write_bytes(b"no picture at all")
    assert read_tags(path).cover is None
    (tmp_path / "folder.jpg").write_bytes(png())
    cover = read_tags(path).cover
    assert cover is not None
    assert cover.suffix == "png"
