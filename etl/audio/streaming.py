"""Sound encoded for somebody who listens already: front to back, into a file that is read while it grows.

In: a file, an encoding, and where to begin. Out: bytes appended to an open file, until the end or until told to stop.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from etl.audio.command import TOO_LONG, compiled, complaint, last_said, source
from etl.audio.encoding import APPENDED, Encoding
from infra.errors import AudioError

__all__ = ["NICENESS", "encode_into"]

NICENESS = 10
LOOK_EVERY_S = 0.02
USUAL_RATE = 44_100
"""Taken for the source's sample rate; a lower one is only raised where a low bitrate asks for 22,050 Hz."""
STOPPED = "nobody listens any more"


def encode_into(
    out: IO[bytes], path: Path, encoding: Encoding, *, offset_s: float, limit_s: float, stop: threading.Event
) -> None:
    """Append the sound of `path` from `offset_s` on to `out`; returns when all of it is there.

    Raises `AudioError` at stage "encode" when FFmpeg fails or takes longer than `limit_s`, and when `stop` is set.
    It runs on one core, and only when nothing else wants that.
    """
    try:
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                _arguments(path, encoding, offset_s), stdin=subprocess.DEVNULL, stdout=out, stderr=said
            )
            try:
                _await(process, time.monotonic() + limit_s, stop)
            finally:
                process.kill()
                process.wait()
            if process.returncode:
                raise AudioError("encode", complaint("ffmpeg", process.returncode, last_said(said)))
    except OSError as error:
        raise AudioError("encode", f"FFmpeg cannot be run on it: {error.strerror or error}") from error


def _arguments(path: Path, encoding: Encoding, offset_s: float) -> list[str]:
    options = encoding.options(USUAL_RATE, APPENDED)
    sound = source(ss=f"{offset_s:.3f}")["a:0"].output("pipe:", threads=1, **options)
    return ["nice", "-n", str(NICENESS), *compiled(sound, path)]


def _await(process: subprocess.Popen[bytes], deadline: float, stop: threading.Event) -> None:
    while process.poll() is None:
        if stop.wait(LOOK_EVERY_S):
            raise AudioError("encode", STOPPED)
        if time.monotonic() > deadline:
            raise AudioError("encode", f"FFmpeg {TOO_LONG} was allowed")
