"""An MP3 without its tags: the bytes that make it the recording it is, and what its first frame says of them.

In: the path of a file. Out: a SHA-256 that outlives retagging, and `Mp3Frames` for what is plainly an MP3; no process is started.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import IO, Any, NamedTuple

import mutagen
from mutagen.mp3 import MPEGInfo

from etl.tags.raw import head_length, sound_end
from infra.errors import AudioError

__all__ = ["Mp3Frames", "hash_without_tags", "mp3_frames"]

BLOCK = 1 << 20
APE_HEADER = 32
LAYER_3 = 3


class Mp3Frames(NamedTuple):
    """The sound of an MP3, as its first frame or the Xing header in it tells it."""

    bitrate_kbps: int
    duration_s: float
    sample_rate: int


def mp3_frames(path: Path) -> Mp3Frames | None:
    """What an MP3 says of itself; None for a file that has anything but MP3 frames and tags at its start."""
    try:
        with path.open("rb") as opened:
            begin, end = _span(opened)
            info: Any = MPEGInfo(opened, begin)
            if info.sketchy or info.layer != LAYER_3 or info.frame_offset != begin or begin >= end:
                return None
            return Mp3Frames(round(info.bitrate / 1000), float(info.length), int(info.sample_rate))
    except (mutagen.MutagenError, OSError, ValueError, ArithmeticError, LookupError):
        return None  # what mutagen cannot make sense of is for FFmpeg to judge


def hash_without_tags(path: Path) -> str:
    """SHA-256 of the bytes between the tags at either end; raises `AudioError` at stage "read"."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as opened:
            begin, end = _span(opened)
            opened.seek(begin)
            while block := opened.read(min(BLOCK, end - begin)):
                digest.update(block)
                begin += len(block)
    except OSError as error:
        raise AudioError("read", error.strerror or str(error)) from error
    return digest.hexdigest()


def _span(opened: IO[bytes]) -> tuple[int, int]:
    """Where the sound begins and ends; all of the file when its tags claim to be longer than it is."""
    size = opened.seek(0, os.SEEK_END)
    begin = _begin(opened)
    end = sound_end(opened, size)
    return (begin, end) if begin < end else (0, size)


def _begin(opened: IO[bytes]) -> int:
    """Behind the ID3v2 tags, an APE tag and the zeros that some programs leave there."""
    begin = head_length(opened)
    opened.seek(begin)
    header = opened.read(APE_HEADER)
    if header.startswith(b"APETAGEX"):
        begin += APE_HEADER + int.from_bytes(header[12:16], "little")
    opened.seek(begin)
    while block := opened.read(BLOCK):
        zeros = len(block) - len(block.lstrip(b"\0"))
        begin += zeros
        if zeros < len(block):
            break
    return begin
