"""The mark that a file compressed in place carries: what its sound was before, so that it is known again as the same track.

In: an MP3, and a content hash. Out: its ID3v2 tag with the mark in it, and the mark of a file that has one.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import mutagen
from mutagen.id3 import ID3, TXXX, ID3NoHeaderError

from etl.tags.raw import TagBytes, head_length, tag_bytes, with_text
from infra.errors import AudioError

__all__ = ["origin_of", "tags_with_origin"]

ORIGIN = "SEGUE_CONTENT"
"""Name of the ID3 text frame that holds the content hash of the file as it was before compression."""


def origin_of(path: Path) -> str | None:
    """Content hash of what a file was before it was compressed in place; None when it was not."""
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
    return str(frames[0].text[0]) if frames and frames[0].text else None


def tags_with_origin(path: Path, content: str) -> TagBytes:
    """All tags of an MP3 and the mark `content`, every other byte as it was; raises `AudioError` at stage "in place"."""
    head, tail = tag_bytes(path)
    if not head:
        head = _new_head(path, content)
    elif origin_of(path) != content:
        head = with_text(head, ORIGIN, content)
    return TagBytes(head, tail)


def _new_head(path: Path, content: str) -> bytes:
    """An ID3v2.4 tag for a file that had none; what its ID3v1 tag says is in it, since players stop at the first they find."""
    try:
        tags = ID3(path)
    except ID3NoHeaderError:
        tags = ID3()
    except mutagen.MutagenError as error:
        raise AudioError("in place", f"its tags cannot be read, so it is left as it was: {error}") from error
    tags.add(TXXX(encoding=3, desc=ORIGIN, text=[content]))
    made = io.BytesIO()
    tags.save(made, v1=0, padding=lambda _: 0)
    return made.getvalue()
