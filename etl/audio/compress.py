"""FFmpeg at work: what is in a file, its content hash, and one pass that encodes, decodes and measures.

In: paths. Out: `Sound`, a SHA-256 of the audio alone, a compressed file on disk, mono samples at 22,050 Hz and the loudness.
Time limits: 60 s for a look; 120 s and twice the duration, two hours at most, for what reads the whole file.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from etl.audio.command import OUTPUT, TOO_LONG, compiled, complaint, guards, last_said, source
from etl.audio.encoding import Encoding
from etl.audio.guards import PROTECTED
from etl.audio.identity import hash_without_tags, mp3_frames
from etl.audio.loudness import LOUDNESS_FILTER, PEAK_FILTER, Loudness, loudness_said
from etl.sound.spectrum import SAMPLE_RATE
from infra.errors import AudioError

__all__ = ["Reading", "Sound", "content_hash", "decoded_seconds", "foreign_bytes", "probe"]

LOOK_S = 60.0
LONGEST_S = 7200.0
PIPE_BYTES = 1 << 20
BLOCK_BYTES = 4 << 20
"""A million samples, 48 seconds, at once."""
NO_AUDIO = "there is no audio in it"
INVALID = ("Invalid data found when processing input", "Invalid argument")
"""What FFmpeg says of bytes that are no audio, and of a format that it is not let read."""
BYTES_A_SECOND = 4_000
"""Where the headers tell no duration, the time limit is that of 32 kbit/s."""

LONGEST_FRAME = 1441
"""Bytes of an MP3 frame at the most."""


class Sound(NamedTuple):
    """The first audio stream of a file, as its headers tell it."""

    codec: str
    bitrate_kbps: int
    """Of the stream; 0 when the headers do not say."""
    duration_s: float
    """Estimated from the size when the headers do not say."""
    sample_rate: int
    plain_mp3: bool = False
    """MP3 frames between tags and nothing else: its content hash needs no FFmpeg."""
    container: str = "mp3"
    """FFmpeg's name of what the stream is wrapped in."""

    @property
    def is_mp3(self) -> bool:
        """Whether the file is an MP3; a video with the sound of one is not."""
        return self.codec == self.container == "mp3"

    @property
    def limit_s(self) -> float:
        """How long FFmpeg may take for this file."""
        return min(120.0 + 2 * self.duration_s, LONGEST_S)


def probe(path: Path) -> Sound:
    """What is in a file; raises `AudioError` at stage "decode" when there is no audio in it."""
    if found := mp3_frames(path):
        return Sound("mp3", *found, plain_mp3=True)
    entries = "stream=codec_name,codec_tag_string,bit_rate,duration,sample_rate:format=format_name,duration"
    shown = ["-select_streams", "a:0", "-show_entries", entries, "-of", "json", f"file:{path}"]
    try:
        answer = json.loads(_run(["ffprobe", "-v", "level+error", *guards(path), *shown], "decode", LOOK_S))
        stream = answer["streams"][0]
    except AudioError as error:
        raise (AudioError("decode", NO_AUDIO) if any(said in error.reason for said in INVALID) else error) from error
    except (ValueError, LookupError) as error:
        raise AudioError("decode", NO_AUDIO) from error
    if stream.get("codec_tag_string") in PROTECTED:
        raise AudioError("decode", "it is protected (DRM), so only its seller's own programs can play it")
    form = answer.get("format", {})
    duration = float(stream.get("duration") or form.get("duration") or 0)
    return Sound(
        codec=str(stream.get("codec_name", "")),
        bitrate_kbps=round(int(stream.get("bit_rate") or 0) / 1000),
        duration_s=duration if duration > 0 else path.stat().st_size / BYTES_A_SECOND,
        sample_rate=int(stream.get("sample_rate") or 0),
        container=str(form.get("format_name", "")),
    )


def content_hash(path: Path, sound: Sound) -> str:
    """SHA-256 of the audio without any container or tag: the same after retagging; raises `AudioError`."""
    if sound.plain_mp3:
        return hash_without_tags(path)
    hashed = source()["a:0"].output("pipe:", f="hash", hash="sha256", c="copy")
    answer = _run(compiled(hashed, path), "decode", sound.limit_s).decode()
    return answer.strip().removeprefix("SHA256=")


class Reading:
    """One pass of FFmpeg over a file: iterate for blocks of mono samples at 22,050 Hz, then ask what else was found out.

    With `target` and `encoding`, a compressed file is made by the same pass; it is complete when the last block is taken.
    Iterating raises `AudioError` at stage "decode" or "encode".
    """

    def __init__(
        self,
        path: Path,
        sound: Sound,
        target: Path | None = None,
        encoding: Encoding | None = None,
        *,
        keep_tags: bool = True,
        loudness: bool = True,
    ) -> None:
        """`keep_tags`: whether the compressed file gets the text tags of this one; `loudness`: whether it is measured."""
        self._with_loudness = loudness
        self._sound, self._stage = sound, "encode" if target else "decode"
        audio = source()["a:0"]
        # Unless told so, FFmpeg writes every few milliseconds of sound on their own, and somebody has to wake up for them.
        outputs = [audio.output("pipe:", f="f32le", ac=1, ar=SAMPLE_RATE, threads=1, flush_packets=0)]
        if loudness:
            # What comes out of a filter is thrown away in the format it comes in.
            outputs.append(audio.output("loudness", f="null", af=LOUDNESS_FILTER, threads=1, **{"c:a": "pcm_f64le"}))
            outputs.append(audio.output("peak", f="null", af=PEAK_FILTER, threads=1))
        if target and encoding:
            options = {"map_metadata": 0 if keep_tags else -1, "threads": 1, **encoding.options(sound.sample_rate)}
            outputs.append(audio.output(OUTPUT, **options))
        self._args = compiled(ffmpeg.merge_outputs(*outputs), path, target, level="info")
        self.seconds = 0.0
        """How much has been taken so far."""
        self.loudness: Loudness | None = None
        """Of the whole file, when the last block has been taken; None when it is not measured."""

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        said: list[bytes] = []
        with _piped(self._args, self._sound.limit_s, self._stage, said) as samples:
            while block := samples.read(BLOCK_BYTES):
                self.seconds += (len(block) // 4) / SAMPLE_RATE
                yield np.frombuffer(block[: len(block) & ~3], np.float32)
        if self._with_loudness:
            self.loudness = loudness_said(said[0])


def decoded_seconds(path: Path, sound: Sound) -> float:
    """How long a file plays when every packet of it is decoded; raises `AudioError` when one cannot be."""
    nowhere = source(err_detect="explode")["a:0"].output("pipe:2", f="null")
    watched = nowhere.global_args("-xerror", "-progress", "pipe:1", "-stats_period", "3600")
    args = compiled(watched, path)
    fields = dict(line.partition("=")[::2] for line in _run(args, "encode", sound.limit_s).decode().splitlines())
    try:
        return int(fields["out_time_us"]) / 1e6
    except (LookupError, ValueError) as error:
        raise AudioError("encode", "the compressed file cannot be decoded") from error


def foreign_bytes(path: Path, sound: Sound) -> int:
    """How many bytes of an MP3 lie between its frames, or behind them, and are neither sound nor a tag that is known."""
    shown = ["-select_streams", "a:0", "-show_entries", "packet=size", "-of", "csv=p=0", f"file:{path}"]
    told = _run(["ffprobe", "-v", "level+error", *guards(path), *shown], "decode", sound.limit_s)
    sizes = (int(size) for size in re.findall(rb"\d+", told))
    return sum(size - LONGEST_FRAME for size in sizes if size > LONGEST_FRAME)


def _run(args: list[str], stage: str, limit_s: float) -> bytes:
    try:
        done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise AudioError(stage, f"{args[0]} {TOO_LONG} {limit_s:.0f} s") from error
    if done.returncode:
        raise AudioError(stage, complaint(args[0], done.returncode, done.stderr))
    return done.stdout


@contextlib.contextmanager
def _piped(args: list[str], limit_s: float, stage: str, said: list[bytes]) -> Iterator[IO[bytes]]:
    """The standard output of a process that is killed at the time limit, and whose failure becomes an `AudioError`.

    What it said last is in `said` when it has ended well.
    """
    late = threading.Event()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=told, pipesize=PIPE_BYTES
        )

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
        said.append(last_said(told))
        if late.is_set():
            raise AudioError(stage, f"{args[0]} {TOO_LONG} {limit_s:.0f} s")
        if status:
            raise AudioError(stage, complaint(args[0], status, said[0]))
