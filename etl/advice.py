"""What to do about files that could not be brought in.

In: the stage at which a file failed. Out: a sentence for whoever has the file.
"""

from __future__ import annotations

from typing import Final

__all__ = ["AGAIN", "advice"]

AGAIN: Final = (
    "A file that changes is tried again by the next ingest; `segue ingest FOLDER --retry-failed` tries all of them."
)
BY_STAGE = {
    "read": "Look whether the file is there, whole, and readable for the account that Segue runs under.",
    "tags": "Write its tags anew with a tag editor.",
    "decode": "The file is damaged, protected, or no music: put a good copy in its place.",
    "encode": "FFmpeg could not compress it: look for free disk space, or put another copy in its place.",
    "features": "Its sound cannot be measured: put a good copy in its place.",
    "record": "Its tags hold more than the database takes: shorten them with a tag editor.",
    "worker": "Whoever read it ended twice, mostly for want of memory: try it again when the machine has less to do.",
}


def advice(stage: str) -> str:
    """What helps after a failure at `stage`."""
    return BY_STAGE.get(stage, AGAIN)
