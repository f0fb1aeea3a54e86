"""The tags of an MP3 as the bytes they are: ID3v2 before the sound, APE, Lyrics3 and ID3v1 behind it.

In: the path of an MP3. Out: `TagBytes`, to be put around other sound without a library having understood, or dropped, a frame.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import IO, NamedTuple

from infra.errors import AudioError

__all__ = ["REFUSED", "TagBytes", "head_length", "sound_end", "tag_bytes", "with_text"]

REFUSED = "in place"
"""Stage at which a file is left as it was, which says nothing against its sound."""
ID3V2_HEADER, ID3V1_BYTES, ID3V1_EXTENDED_BYTES, APE_FOOTER, LYRICS3_END = 10, 128, 227, 32, 15
LYRICS3_FIRST_BYTES = 5_120
"""The first version of Lyrics3 says only where it begins, at most so far before its end."""
MAX_TAG_BYTES = 1 << 28
"""A size in an ID3v2 header has 28 bits."""
APE_HAS_HEADER = 1 << 31
EXTENDED_HEADER, FOOTER = 0x40, 0x10


class TagBytes(NamedTuple):
    """What surrounds the sound of an MP3; either may be empty."""

    head: bytes
    tail: bytes


def tag_bytes(path: Path) -> TagBytes:
    """The tags of an MP3; raises `AudioError` at stage "in place" when they claim to be all of the file."""
    with path.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(0)
        if opened.read(8) == b"APETAGEX":
            raise AudioError(REFUSED, "it begins with an APE tag, which belongs at the end; left as it was")
        begin = head_length(opened)
        end = sound_end(opened, size)
        if begin >= end:
            raise AudioError(REFUSED, "its tags claim to be longer than the file is, so it is left as it was")
        opened.seek(0)
        head = opened.read(begin)
        opened.seek(end)
        return TagBytes(head, opened.read())


def head_length(opened: IO[bytes]) -> int:
    """How many bytes the ID3v2 tags at the start take, as their headers claim; there may be several."""
    length = 0
    while True:
        opened.seek(length)
        header = opened.read(ID3V2_HEADER)
        if len(header) < ID3V2_HEADER or header[:3] != b"ID3" or max(header[6:]) > 0x7F:
            return length
        length += ID3V2_HEADER + _syncsafe_value(header[6:]) + (ID3V2_HEADER if header[5] & FOOTER else 0)


def with_text(head: bytes, name: str, value: str) -> bytes:
    """An ID3v2 tag with one more text frame of the user's kind (TXXX), ASCII, every byte of the others as it was.

    The frame is the first one, which needs no understanding of those behind it. Raises `AudioError` at stage "in place".
    """
    version, flags = head[3], head[5]
    payload = b"\0" + name.encode("ascii") + b"\0" + value.encode("ascii")
    if not (2 <= version <= 4) or len(payload) > 0x7F or (version == 2 and flags & EXTENDED_HEADER):
        raise AudioError(REFUSED, f"its ID3v2.{version} tag is of a kind that cannot be kept whole; left as it was")
    short = len(payload).to_bytes(3 if version == 2 else 4, "big")
    frame = (b"TXX" + short if version == 2 else b"TXXX" + short + b"\0\0") + payload
    size = _syncsafe_value(head[6:10]) + len(frame)
    if size >= MAX_TAG_BYTES:
        raise AudioError(REFUSED, "its ID3 tag is as long as one can be; left as it was")
    whole = head[:6] + _syncsafe_bytes(size)
    at = ID3V2_HEADER + _extended_header_length(head)
    end = ID3V2_HEADER + _syncsafe_value(head[6:10])
    footer = b"3DI" + whole[3:] if flags & FOOTER else b""
    return whole + head[ID3V2_HEADER:at] + frame + head[at:end] + footer + head[end + len(footer) :]


def _extended_header_length(head: bytes) -> int:
    if not head[5] & EXTENDED_HEADER:
        return 0
    size = head[ID3V2_HEADER : ID3V2_HEADER + 4]
    # v2.4 counts the four bytes of the size itself, and v2.3 does not.
    return _syncsafe_value(size) if head[3] == 4 else 4 + int.from_bytes(size, "big")


def sound_end(opened: IO[bytes], size: int) -> int:
    """Where the last of the sound ends: tags are taken off the end for as long as there are any."""
    end = size
    while True:
        length = _tail_length(opened, end)
        if not 0 < length <= end:
            return end
        end -= length


def _tail_length(opened: IO[bytes], end: int) -> int:
    def before(count: int) -> bytes:
        opened.seek(max(0, end - count))
        return opened.read(min(count, end))

    if before(ID3V1_BYTES).startswith(b"TAG") and end >= ID3V1_BYTES:
        extended = before(ID3V1_BYTES + ID3V1_EXTENDED_BYTES).startswith(b"TAG+")
        return ID3V1_BYTES + (ID3V1_EXTENDED_BYTES if extended else 0)
    footer = before(APE_FOOTER)
    if footer.startswith(b"APETAGEX"):
        size, flags = int.from_bytes(footer[12:16], "little"), int.from_bytes(footer[20:24], "little")
        return size + (APE_FOOTER if flags & APE_HAS_HEADER else 0)
    if before(ID3V2_HEADER).startswith(b"3DI"):
        return 2 * ID3V2_HEADER + _syncsafe_value(before(4))
    if lyrics := re.fullmatch(rb"(\d{6})LYRICS200", before(LYRICS3_END)):
        return int(lyrics[1]) + LYRICS3_END
    if before(LYRICS3_END).endswith(b"LYRICSEND"):
        _, begin, text = before(LYRICS3_FIRST_BYTES).rpartition(b"LYRICSBEGIN")
        return len(begin + text) if begin else 0
    return 0


def _syncsafe_value(data: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(data)))


def _syncsafe_bytes(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
