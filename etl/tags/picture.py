"""Covers: whether some bytes are a picture that may be shown, told from its header and without unpacking it.

In: the bytes of a picture. Out: a `Cover`, or None for other formats and for pictures that would fill a browser's memory.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COVER_LIMIT", "MOST_SIDE", "Cover", "cover_from"]

COVER_LIMIT = 5_000_000
"""Bytes, packed."""
MOST_SIDE = 5_000
"""Pixels a side: 100 MB when it is unpacked; a PNG of 20,000 a side has 400 times a cover's pixels in a file of its size."""


class Cover(NamedTuple):
    """A picture as it is in the file; `suffix` follows from its first bytes, not from what the tag claims."""

    data: bytes
    suffix: str


def cover_from(data: bytes) -> Cover | None:
    """The cover that these bytes are; None when they are no picture, or one that is too large."""
    if len(data) > COVER_LIMIT:
        return None
    suffix, size = _measured(data)
    return Cover(data, suffix) if size and 0 < min(size) <= max(size) <= MOST_SIDE else None


def _measured(data: bytes) -> tuple[str, tuple[int, int] | None]:
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return "png", (_big(data[16:20]), _big(data[20:24]))
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg", _jpeg_size(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp", _webp_size(data)
    return "", None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """From the start-of-frame segment, past whatever stands before it (Exif, colour profiles)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # segments without a length
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7])
        else:
            at += 2 + max(2, _big(data[at + 2 : at + 4]))
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    if data[12:16] == b"VP8X":
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if data[12:16] == b"VP8L":
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8 ":
        return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
