"""FFmpeg's command lines, through ffmpeg-python, and what it says when it fails.

In: what is wanted of a file, and its path. Out: argument lists, and the reason of a failure in one line.
Names never meet a shell, and always stand behind `file:`, so "-y.mp3" and "a:b.mp3" are only names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, Any

import ffmpeg

from etl.audio.guards import guards_for

__all__ = ["KILLED", "OUTPUT", "TOO_LONG", "compiled", "complaint", "guards", "last_said", "source"]

INPUT, OUTPUT = "<input>", "<output>"
"""Stand for the names until the arguments are made: ffmpeg-python refuses names that are not UTF-8."""
TOO_LONG, KILLED = "took longer than", "was ended by signal"
SAID_BYTES = 1 << 16
"""So much of what FFmpeg said last is read: a damaged file makes it say a line for every frame."""
COMPLAINT = re.compile(
    r"^(?:\[(?P<who>[^\]@]+) @ 0x[0-9a-f]+\] )?\[(?:error|fatal|panic)\] (?P<what>.*\S)", re.MULTILINE
)
NAMED = re.compile(r"^file:.*: (?=[^:]+$)")
"""The name of the file at fault, which whoever reads the reason has before their eyes."""


def source(**options: Any) -> Any:
    """The file that is read, with FFmpeg's `options` for reading it."""
    return ffmpeg.input(INPUT, threads=1, **options)


def compiled(output: Any, path: Path, target: Path | None = None, *, level: str = "error") -> list[str]:
    """The arguments that make `output` out of the file at `path`; `target` is what `OUTPUT` stands for."""
    quiet = output.global_args("-nostdin", "-hide_banner", "-nostats", "-loglevel", f"level+{level}")
    names = {INPUT: f"file:{path}", OUTPUT: f"file:{target}"}
    arguments = ffmpeg.compile(quiet.global_args("-filter_threads", "1"), overwrite_output=True)
    args = [names.get(arg, arg) for arg in arguments]
    at = args.index("-i")
    return [*args[:at], *guards(path), *args[at:]]


def guards(path: Path) -> list[str]:
    """Options for reading a file that nobody vouches for."""
    return [text for name, value in guards_for(path).items() for text in (f"-{name}", str(value))]


def last_said(told: IO[bytes]) -> bytes:
    """The end of what FFmpeg has written to a file."""
    told.seek(max(0, told.seek(0, 2) - SAID_BYTES))
    return told.read()


def complaint(program: str, status: int, said: bytes) -> str:
    """The last error that FFmpeg told of, unless it was not let go on."""
    if status < 0:
        return f"{program} {KILLED} {-status}"
    found = list(COMPLAINT.finditer(said.decode("utf-8", "backslashreplace")))
    if not found:
        return "FFmpeg failed and did not say why"
    who, what = found[-1].groups()
    what = NAMED.sub("", what)
    return f"FFmpeg cannot read it: {who}: {what}" if who else f"FFmpeg cannot read it: {what}"
