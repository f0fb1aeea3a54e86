"""The mark that a file compressed in place carries: what its sound was before, so that it is known again as the same track.

In: an MP3, and content hashes. Out: its ID3v2 tag with the mark in it, and what the mark of a file says of its sound.
The mark names the sound that it was made for too: a part cut out of the file, or other sound with its tags, is no longer that.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import NamedTuple

import mutagen
from mutagen.id3 import ID3, TXXX, ID3NoHeaderError

from etl.tags.raw import REFUSED, TagBytes, head_length, tag_bytes, with_text
from infra.errors import AudioError

__all__ = ["Mark", "origin_of", "tags_with_mark"]

ORIGIN = "SEGUE_CONTENT"
"""Name of the ID3 text frame that holds the mark."""
MADE_DIGITS = 32
"""Digits of the second hash: a frame this short is read alike in every version of ID3."""
WRITTEN = re.compile(ORIGIN.encode() + rb"\0[0-9a-f]{64} [0-9a-f]{%d}" % MADE_DIGITS)


class Mark(NamedTuple):
    """Content hashes of a file as it was before compression in place, and of what was made of it."""

    origin: str
    made: str

    @property
    def text(self) -> str:
        """As it stands in the frame."""
        return f"{self.origin} {self.made[:MADE_DIGITS]}"


def origin_of(path: Path, content: str) -> str | None:
    """Content hash of what a file with this `content` was before it was compressed in place; None when it was not."""
    try:
        with path.open("rb") as opened:
            length = min(head_length(opened), os.fstat(opened.fileno()).st_size)
            opened.seek(0)
            head = opened.read(length)
        # Most files have none, and a tag of many thousand frames takes seconds to understand.
        if not any(ORIGIN.encode(coding) in head for coding in ("ascii", "utf-16-le", "utf-16-be")):
            return None
        frames = ID3(path).getall(f"TXXX:{ORIGIN}")
    except (mutagen.MutagenError, OSError):
        return None
    marks = (str(text).partition(" ") for frame in frames for text in frame.text)
    return next((origin for origin, _, made in marks if made == content[:MADE_DIGITS]), None)


def tags_with_mark(path: Path, mark: Mark) -> TagBytes:
    """All tags of an MP3 and the mark, every other byte as it was; raises `AudioError` at stage "in place"."""
    head, tail = tag_bytes(path)
    if not head:
        return TagBytes(_new_head(path, mark), tail)
    marked, found = WRITTEN.subn(f"{ORIGIN}\0{mark.text}".encode(), head, count=1)
    return TagBytes(marked if found else with_text(head, ORIGIN, mark.text), tail)


def _new_head(path: Path, mark: Mark) -> bytes:
    """An ID3v2.4 tag for a file that had none; what its ID3v1 tag says is in it, since players stop at the first they find."""
    try:
        tags = ID3(path)
    except ID3NoHeaderError:
        tags = ID3()
    except mutagen.MutagenError as error:
        raise AudioError(REFUSED, f"its tags cannot be read, so it is left as it was: {error}") from error
    tags.add(TXXX(encoding=3, desc=ORIGIN, text=[mark.text]))
    made = io.BytesIO()
    tags.save(made, v1=0, padding=lambda _: 0)
    return made.getvalue()
