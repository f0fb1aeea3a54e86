"""Damaged audio from a seed: real files of five formats with bytes flipped, cut, spliced, zeroed, or another's header.

In: a folder, a seed and how many. Out: that many files, each under the name of what was done to it; the same for the same seed.
Also single files of special malice: tags without end, pictures of 20,000 pixels a side, headers that promise hours.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from mutagen.ogg import OggPage

from tests.data.make_audio import tag, tone

__all__ = ["DAMAGES", "damaged", "enormous_png", "granule", "id3", "text_frames", "xing"]

SUFFIXES = ("mp3", "flac", "mp3", "ogg", "mp3", "m4a", "mp3", "wav")
"""In turn: every other file is an MP3."""


def _whole_files(folder: Path) -> dict[str, bytes]:
    """A second and a half of sound in each of five formats, by suffix."""
    formats = sorted(set(SUFFIXES))
    made = {
        s: tone(folder / f"whole.{s}", 1.6, hz=300 + 40 * n, rate=22_050, channels=1) for n, s in enumerate(formats)
    }
    tag(made["mp3"])
    return {suffix: path.read_bytes() for suffix, path in made.items()}


def damaged(folder: Path, seed: int, count: int) -> Iterator[Path]:
    """Write `count` damaged files; every kind of damage meets every format, in its head, its body and its end."""
    dice = random.Random(seed)
    whole = _whole_files(folder.with_name("whole"))
    others = list(whole.values())
    for number in range(count):
        suffix = SUFFIXES[number % len(SUFFIXES)]
        kind, damage = list(DAMAGES.items())[number // len(SUFFIXES) % len(DAMAGES)]
        path = folder / f"{number:04} {kind}.{suffix}"
        path.write_bytes(damage(dice, bytearray(whole[suffix]), dice.choice(others)))
        yield path


def _flip(dice: random.Random, data: bytearray, _: bytes) -> bytes:
    reach = dice.choice((64, 4096, len(data)))
    for _ in range(dice.choice((1, 8, 64, 512))):
        data[dice.randrange(min(reach, len(data)))] ^= 1 << dice.randrange(8)
    return bytes(data)


def _cut(dice: random.Random, data: bytearray, _: bytes) -> bytes:
    at = dice.randrange(len(data))
    return bytes(data[at:] if dice.random() < 0.3 else data[:at])


def _splice(dice: random.Random, data: bytearray, other: bytes) -> bytes:
    at, begin = dice.randrange(len(data)), dice.randrange(len(other))
    return bytes(data[:at] + other[begin : begin + dice.randrange(1, 8192)] + data[at:])


def _zeros(dice: random.Random, data: bytearray, _: bytes) -> bytes:
    at, length = dice.randrange(len(data)), dice.randrange(1, 8192)
    data[at : at + length] = bytes(len(data[at : at + length]))
    return bytes(data)


def _noise(dice: random.Random, data: bytearray, _: bytes) -> bytes:
    at, length = dice.randrange(len(data)), dice.randrange(1, 4096)
    data[at : at + length] = dice.randbytes(len(data[at : at + length]))
    return bytes(data)


def _another_head(dice: random.Random, data: bytearray, other: bytes) -> bytes:
    length = dice.choice((4, 16, 64, 512))
    return other[:length] + bytes(data[length:])


def _huge_sizes(dice: random.Random, data: bytearray, _: bytes) -> bytes:
    """Numbers in the header that promise more than there can be."""
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(min(256, len(data) - 4))
        data[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)))
    return bytes(data)


def _shuffled(dice: random.Random, data: bytearray, _: bytes) -> bytes:
    blocks = [bytes(data[at : at + 1024]) for at in range(0, len(data), 1024)]
    dice.shuffle(blocks)
    return b"".join(blocks)


DAMAGES: dict[str, Callable[[random.Random, bytearray, bytes], bytes]] = {
    "flipped": _flip,
    "cut": _cut,
    "spliced": _splice,
    "zeroed": _zeros,
    "noise": _noise,
    "another's head": _another_head,
    "huge sizes": _huge_sizes,
    "shuffled": _shuffled,
}


def id3(frames: bytes) -> bytes:
    """An ID3v2.3 tag of these frames."""
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + frames


def text_frames(count: int) -> bytes:
    """Frames of the user's kind, each of another name."""
    texts = (f"\0key {n}\0value".encode() for n in range(count))
    return b"".join(b"TXXX" + struct.pack(">IH", len(text), 0) + text for text in texts)


def enormous_png(side: int = 20_000) -> bytes:
    """A grey picture that takes `side` squared bytes when it is unpacked, and a thousandth of that as it is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(1), bytes(1 + side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def xing(frames: int) -> bytes:
    """A silent MP3 frame that promises so many more: 48 kbit/s, 22,050 Hz, mono."""
    frame = b"\xff\xf3\x60\xc0" + bytes(9) + b"Xing" + struct.pack(">II", 1, frames)
    return frame.ljust(156, b"\0")


def granule(ogg: bytes, position: int) -> bytes:
    """An Ogg file whose last page says that it ends at sample `position`."""
    begin = ogg.rindex(b"OggS")
    page = OggPage(BytesIO(ogg[begin:]))
    page.position = position
    return ogg[:begin] + bytes(page.write())
