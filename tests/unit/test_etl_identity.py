"""The content hash of an MP3: its sound's alone, whatever tags surround it, and whatever is wrong with them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3, TIT2

from etl.audio.identity import hash_without_tags, mp3_frames

FRAME = b"\xff\xfb\x90\x00" + bytes(range(256)) + bytes(157)
"""MPEG 1, layer 3, 128 kbit/s, 44.1 kHz: 417 bytes."""
SOUND = FRAME * 40
ID3V1 = b"TAG" + b"Title".ljust(125, b"\0")
ID3V1_EXTENDED = b"TAG+" + bytes(223) + ID3V1
LYRICS3 = b"LYRICSBEGIN" + b"IND0000200"
LYRICS3_END = f"{len(LYRICS3):06d}LYRICS200".encode()


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp3"
    path.write_bytes(SOUND)
    return path


def id3v2(body: int, flags: int = 0, claimed: int | None = None) -> bytes:
    size = body if claimed is None else claimed
    sizes = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    footer = b"3DI\x04\0" + bytes([flags]) + sizes if flags & 0x10 else b""
    return b"ID3\x04\0" + bytes([flags]) + sizes + b"x" * body + footer


def ape(at_the_start: bool) -> bytes:
    def mark(flags: int) -> bytes:
        return b"APETAGEX" + b"".join(n.to_bytes(4, "little") for n in (2000, 50 + 32, 1, flags)) + bytes(8)

    return mark(0xA0000000) + b"y" * 50 + mark(0x80000000) if at_the_start else b"y" * 50 + mark(0)


def id3(version: int, v1: int, padding: int) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        tags = ID3()
        tags.add(TIT2(encoding=1, text=["A title " * 300]))
        tags.save(path, v2_version=version, v1=v1, padding=lambda _: padding)

    return save


def ape_by_mutagen(path: Path) -> None:
    tags = APEv2()
    tags["Title"] = "A title"
    tags.save(path)


def everything(path: Path) -> None:
    id3(4, 2, 1000)(path)
    ape_by_mutagen(path)


@pytest.mark.parametrize(
    "retag",
    [id3(3, 0, 0), id3(3, 2, 5000), id3(4, 0, 0), id3(4, 1, 70_000), ape_by_mutagen, everything],
    ids=["v2.3", "v2.3 + v1, padded", "v2.4", "v2.4, padded far", "APE", "everything"],
)
def test_retagging_leaves_the_hash(mp3: Path, retag: Callable[[Path], None]):
    before = hash_without_tags(mp3)
    retag(mp3)
    assert mp3.stat().st_size > len(SOUND)
    assert hash_without_tags(mp3) == before
    assert mp3_frames(mp3) == (128, pytest.approx(1.05, abs=0.02), 44_100)
    ID3().delete(mp3)
    APEv2().delete(mp3)
    assert hash_without_tags(mp3) == before


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (id3v2(300) + id3v2(20), b""),
        (id3v2(300, flags=0x10), b""),
        (id3v2(300) + bytes(5000), b""),
        (ape(at_the_start=True), b""),
        (b"", ID3V1_EXTENDED),
        (b"", ape(at_the_start=False) + ID3V1),
        (b"", LYRICS3 + LYRICS3_END + ID3V1),
        (b"", LYRICS3 + b"LYRICSEND" + ID3V1),
        (b"", id3v2(300, flags=0x10)),
        (id3v2(10), ape(at_the_start=True) + LYRICS3 + LYRICS3_END + ID3V1),
    ],
)
def test_tags_of_every_kind_are_no_sound(mp3: Path, head: bytes, tail: bytes):
    before = hash_without_tags(mp3)
    mp3.write_bytes(head + SOUND + tail)
    assert hash_without_tags(mp3) == before
    assert mp3_frames(mp3) is not None


@pytest.mark.parametrize("at", [4, len(SOUND) // 2, len(SOUND) - 1])
def test_one_other_byte_of_sound_is_another_hash(mp3: Path, at: int):
    before = hash_without_tags(mp3)
    changed = bytearray(SOUND)
    changed[at] ^= 1
    mp3.write_bytes(changed)
    assert hash_without_tags(mp3) != before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3",
        b"\0" * 5000,
        id3v2(100),
        id3v2(100, claimed=1 << 27) + SOUND,
        ID3V1,
        SOUND[:300],
        b"APETAGEX" + b"\xff" * 24 + SOUND,
        SOUND.replace(b"\xff\xfb", b"\xff\xfd"),  # layer 2
        b"fLaC" + SOUND,
        id3v2(50) + b"fLaC" + SOUND,
        b"RIFF" + bytes(40) + SOUND,
    ],
)
def test_what_is_not_plainly_an_mp3_is_left_to_others(mp3: Path, data: bytes):
    mp3.write_bytes(data)
    assert mp3_frames(mp3) is None
    assert len(hash_without_tags(mp3)) == 64


def test_tags_cut_short_and_bytes_at_random_end_well(mp3: Path):
    rng = random.Random(7)
    id3(4, 2, 200)(mp3)
    ape_by_mutagen(mp3)
    whole = mp3.read_bytes()
    for _ in range(300):
        begin, end = sorted(rng.choices(range(len(whole)), k=2))
        damaged = bytearray(whole[:begin] + rng.randbytes(rng.choice((0, 1, 40))) + whole[end:])
        for _ in range(rng.randrange(8)):
            if damaged:
                damaged[rng.randrange(min(len(damaged), 600))] = rng.randrange(256)
        mp3.write_bytes(damaged)
        found = mp3_frames(mp3)
        assert found is None or found.bitrate_kbps >= 0
        assert len(hash_without_tags(mp3)) == 64
