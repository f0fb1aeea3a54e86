"""A small composer, for a library when there is no music at hand: pieces in six styles, tagged, with a drawn cover.

In: a seed and a length. Out: an MP3 that sounds like music: chords, bass, melody and percussion in one key and tempo.
The same album is in the same style; the seed decides everything else, so a piece is the same wherever it is made.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mutagen.id3 import APIC, ID3, TALB, TCON, TDRC, TIT2, TPE1, TRCK

from etl.audio.media import replacing
from etl.demo.cover import draw_cover
from etl.demo.synthesis import RATE, Style, render
from infra.errors import AudioError

__all__ = ["STYLES", "Piece", "compose", "piece"]

LIMIT_S = 120

MAJOR, MINOR, DORIAN, PENTATONIC = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 3, 5, 7, 10),
)
FRAMES: dict[Any, str] = {TIT2: "title", TPE1: "artist", TALB: "album", TCON: "genre", TRCK: "track", TDRC: "year"}


STYLES = (
    Style("Slow Tides", "Low Harbour", "Ambient", (58, 70), MAJOR, (0, 3, 4, 3), (1, 0.3, 0.1), 2.5, 1, "", "", ""),
    Style(
        "Night Circuits", "Copper Relay", "Techno", (124, 134), MINOR, (0, 0, 5, 6), (1, 0.8, 0.7, 0.6, 0.5, 0.4), 0.18, 4,
        "x...x...x...x...", "....x.......x...", "..x...x...x...x.",
    ),
    Style(
        "Porch Songs", "The Lindens", "Folk", (92, 108), MAJOR, (0, 4, 5, 3), (1, 0.6, 0.45, 0.3, 0.2, 0.1), 0.7, 2,
        "x.......x.......", "", "....x.......x...",
    ),
    Style(
        "Rust and Chrome", "Grindle", "Rock", (138, 156), PENTATONIC, (0, 2, 3, 0), (1, 0.9, 0.9, 0.8, 0.7, 0.7, 0.6, 0.5), 0.4, 2,
        "x..x..x.x..x..x.", "....x.......x...", "x.x.x.x.x.x.x.x.",
    ),
    Style(
        "Tape Garden", "Mossy Deck", "Hip Hop", (78, 90), DORIAN, (1, 4, 0, 0), (1, 0.2, 0.25, 0.05), 0.9, 1,
        "x.....x...x.....", "....x.......x..x", "x.xxx.x.x.xxx.x.",
    ),
    Style(
        "Eight Bits Home", "Pixel Orchard", "Chiptune", (150, 172), MAJOR, (0, 5, 3, 4), (1, 0, 0.33, 0, 0.2, 0, 0.14, 0, 0.11), 0.12, 4,
        "x.....x.x.......", "....x.......x...", "x...x...x...x...",
    ),
)  # fmt: skip

WORDS = (
    ("Silent", "Golden", "Broken", "Distant", "Paper", "Electric", "Hidden", "Northern", "Velvet", "Hollow", "Amber", "Second"),
    ("Rivers", "Signals", "Windows", "Engines", "Lanterns", "Letters", "Gardens", "Mirrors", "Stairs", "Orbits", "Echoes", "Roads"),
)  # fmt: skip


class Piece(NamedTuple):
    """A piece to be composed: where it belongs and what it is called."""

    style: Style
    tags: Mapping[str, str]


def piece(seed: int) -> Piece:
    """Style and names for a seed: one album after the other, six styles in all; titles repeat after 144 pieces."""
    style = STYLES[seed % len(STYLES)]
    number = seed // len(STYLES)
    first, second = WORDS[0][seed * 5 % 12], WORDS[1][(seed * 7 + seed // 12) % 12]
    tags = {"title": f"{first} {second}", "artist": style.artist, "album": style.album, "genre": style.genre}
    return Piece(style, {**tags, "track": str(number + 1), "year": str(2015 + seed % len(STYLES))})


def compose(path: Path, seed: int, seconds: float, bitrate: int = 192, tags: Mapping[str, str] | None = None) -> None:
    """Write piece number `seed` as an MP3 of `bitrate` kbit/s; `tags` replace its own. Raises `AudioError`."""
    style, own = piece(seed)
    sound = render(style, seed, seconds)
    with replacing(path) as part:
        coding = ["-c:a", "libmp3lame", "-b:a", f"{bitrate}k", "-f", "mp3", f"file:{part}"]
        raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0"]
        args = ["ffmpeg", "-v", "error", "-y", *raw, *coding]
        done = subprocess.run(
            args, input=sound.astype("<f4").tobytes(), capture_output=True, timeout=LIMIT_S, check=False
        )
        if done.returncode:
            raise AudioError("encode", done.stderr.decode(errors="replace").strip() or "FFmpeg failed")
        _tag(part, {**own, **(tags or {})}, draw_cover(style.album, seed))


def _tag(path: Path, tags: Mapping[str, str], cover: bytes) -> None:
    frames = ID3()
    for frame, name in FRAMES.items():
        if tags.get(name):
            frames.add(frame(encoding=3, text=[tags[name]]))
    frames.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=cover))
    frames.save(path, v2_version=3)
