"""FFmpeg, through ffmpeg-python: what is in a file, its content hash, and one pass that compresses and decodes.

In: paths. Out: `Sound`, a SHA-256 of the audio alone, an MP3 on disk and mono samples at 22,050 Hz on a pipe.
Names never meet a shell, and always stand behind `file:`, so "-y.mp3" and "a:b.mp3" are only names.
Time limits: 60 s for a look; 120 s and twice the duration for what reads the whole file.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from etl.spectrum import SAMPLE_RATE
from infra.errors import AudioError

__all__ = ["Sound", "content_hash", "decoded_seconds", "encode_and_decode", "probe"]

LOOK_S = 60.0
BLOCK_BYTES = 4 << 20
"""A million samples, 48 seconds, at once."""
INPUT, OUTPUT = "<input>", "<output>"
"""Stand for the names until the arguments are made: ffmpeg-python refuses names that are not UTF-8."""
LOW_RATE = 22_050
"""MP3 at 44.1 kHz cannot go under 32 kbit/s; at half the sample rate it can."""


class Sound(NamedTuple):
    """The first audio stream of a file, as its headers tell it."""

    codec: str
    bitrate_kbps: int
    """Of the stream; 0 when the headers do not say."""
    duration_s: float
    """0 when the headers do not say."""
    sample_rate: int

    @property
    def limit_s(self) -> float:
        """How long FFmpeg may take for this file."""
        return 120.0 + 2 * self.duration_s


def probe(path: Path) -> Sound:
    """What is in a file; raises `AudioError` at stage "decode" when there is no audio in it."""
    entries = "stream=codec_name,bit_rate,duration,sample_rate:format=duration"
    args = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", entries, "-of", "json", f"file:{path}"]
    try:
        answer = json.loads(_run(args, "decode", LOOK_S))
        stream = answer["streams"][0]
    except (AudioError, ValueError, LookupError) as error:
        raise AudioError("decode", "there is no audio in it") from error
    duration = stream.get("duration") or answer.get("format", {}).get("duration") or 0
    return Sound(
        codec=str(stream.get("codec_name", "")),
        bitrate_kbps=round(int(stream.get("bit_rate") or 0) / 1000),
        duration_s=float(duration),
        sample_rate=int(stream.get("sample_rate") or 0),
    )


def content_hash(path: Path, sound: Sound) -> str:
    """SHA-256 of the audio packets without any container or tag: the same after retagging; raises `AudioError`."""
    hashed = _input()["a:0"].output("pipe:", f="hash", hash="sha256", c="copy")
    answer = _run(_compiled(hashed, path), "read", sound.limit_s).decode()
    return answer.strip().removeprefix("SHA256=")


def encode_and_decode(
    path: Path, sound: Sound, target: Path | None, bitrate: int, *, keep_tags: bool = True
) -> Iterator[NDArray[np.float32]]:
    """Decode a file once, into an MP3 of `bitrate` kbit/s at `target` (none: not at all) and into blocks of mono samples.

    The MP3 is complete when the last block has been taken. Raises `AudioError` at stage "decode" or "encode".
    """
    audio = _input()["a:0"]
    outputs = [audio.output("pipe:", f="f32le", ac=1, ar=SAMPLE_RATE, threads=1)]
    if target is not None:
        slower = {"ar": LOW_RATE} if bitrate < 32 and sound.sample_rate > LOW_RATE else {}
        tags = {"map_metadata": 0 if keep_tags else -1, "id3v2_version": 3}
        mp3 = {"f": "mp3", "c:a": "libmp3lame", "b:a": f"{bitrate}k", "threads": 1}
        outputs.append(audio.output(OUTPUT, **mp3, **tags, **slower))
    args = _compiled(ffmpeg.merge_outputs(*outputs), path, target)
    stage = "decode" if target is None else "encode"
    with _piped(args, sound.limit_s, stage) as samples:
        while block := samples.read(BLOCK_BYTES):
            yield np.frombuffer(block[: len(block) & ~3], np.float32)


def decoded_seconds(path: Path, sound: Sound) -> float:
    """How long a file plays when every packet of it is decoded; raises `AudioError` when one cannot be."""
    nowhere = _input(err_detect="explode")["a:0"].output("pipe:2", f="null")
    watched = nowhere.global_args("-xerror", "-progress", "pipe:1", "-stats_period", "3600")
    args = _compiled(watched, path)
    fields = dict(line.partition("=")[::2] for line in _run(args, "encode", sound.limit_s).decode().splitlines())
    try:
        return int(fields["out_time_us"]) / 1e6
    except (LookupError, ValueError) as error:
        raise AudioError("encode", "the compressed file cannot be decoded") from error


def _input(**options: Any) -> Any:
    return ffmpeg.input(INPUT, threads=1, **options)


def _compiled(output: Any, path: Path, target: Path | None = None) -> list[str]:
    quiet = output.global_args("-nostdin", "-hide_banner", "-loglevel", "error")
    names = {INPUT: f"file:{path}", OUTPUT: f"file:{target}"}
    return [names.get(arg, arg) for arg in ffmpeg.compile(quiet, overwrite_output=True)]


def _run(args: list[str], stage: str, limit_s: float) -> bytes:
    try:
        done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise AudioError(stage, f"{args[0]} took longer than {limit_s:.0f} s") from error
    if done.returncode:
        raise AudioError(stage, _last_line(done.stderr))
    return done.stdout


@contextlib.contextmanager
def _piped(args: list[str], limit_s: float, stage: str) -> Iterator[IO[bytes]]:
    """The standard output of a process that is killed at the time limit, and whose failure becomes an `AudioError`."""
    late = threading.Event()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)

        def stop() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(limit_s, stop)
        clock.start()
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe, as asked for above
            yield process.stdout
            process.stdout.close()
            status = process.wait()
        finally:
            clock.cancel()
            process.kill()
            process.wait()
        said.seek(0)
        if late.is_set():
            raise AudioError(stage, f"{args[0]} took longer than {limit_s:.0f} s")
        if status:
            raise AudioError(stage, _last_line(said.read()))


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "backslashreplace").strip().splitlines()
    return lines[-1].strip() if lines else "FFmpeg failed and did not say why"
