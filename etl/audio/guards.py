"""What FFmpeg may do with a file that nobody vouches for: read that file, as one of a few formats, and decode no picture.

In: the path of a file. Out: options for FFmpeg's and ffprobe's inputs.
A playlist under the name of a song opens no other file and no address; a cover of 20,000 pixels a side stays packed.
"""

from __future__ import annotations

import re
from pathlib import Path

from etl.tags.raw import head_length

__all__ = ["PROTECTED", "guards_for"]

FORMATS = "mp3,flac,ogg,mov,aac,wav,w64,aiff,asf,matroska,mpegts,caf,ac3"
"""Demuxers for sound, none of which opens a second file; whatever a file is called, it is read by one of these."""
MOST_PIXELS = 1_000_000
"""FFmpeg decodes covers only to learn their format; larger ones are left packed."""
PROTECTED = frozenset({"drms", "drmi", "enca", "encv", "aavd"})
"""Sample entries of MP4 files whose sound is encrypted."""
MOST_FRAMES = 2_000
FRAME = re.compile(rb"[A-Z][A-Z0-9]{3}\0")


def guards_for(path: Path) -> dict[str, str | int]:
    """Input options for a file."""
    guards: dict[str, str | int] = {
        "protocol_whitelist": "file,pipe",
        "format_whitelist": FORMATS,
        "max_pixels": MOST_PIXELS,
    }
    if crowded := _crowded_head(path):
        guards["skip_initial_bytes"] = crowded
    return guards


def _crowded_head(path: Path) -> int:
    """Length of an ID3v2 tag with so many frames that FFmpeg, which compares each with all before, takes minutes; else 0."""
    with path.open("rb") as opened:
        length = head_length(opened)
        if length < MOST_FRAMES * 10:
            return 0
        opened.seek(0)
        return length if len(FRAME.findall(opened.read(length))) > MOST_FRAMES else 0
