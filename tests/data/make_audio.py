"""Audio made on the spot for tests: short pieces of music, and a folder of everything that can be wrong with a file.

In: a folder. Out: real files in it; nothing that plays is ever kept in the repository.
"""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from pathlib import Path

from mutagen.id3 import APIC, ID3, TALB, TIT2, TPE1, TRCK, TXXX

NOT_UTF8 = b"caf\xe9 latin1.mp3"


def tone(
    path: Path, seconds: float = 3.0, *, hz: int = 440, rate: int = 44_100, channels: int = 2, bitrate: int = 128
) -> Path:
    """A chord with vibrato and a beat, in the format that the name asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beat = "(0.3+0.7*exp(-6*mod(t,0.5)))"
    sound = f"{beat}*(0.3*sin(2*PI*{hz}*t+3*sin(5*t))+0.2*sin(2*PI*{hz * 1.5}*t)+0.05*(random(0)-0.5))"
    source = f"aevalsrc='{sound}':s={rate}:d={seconds}"
    coding = ["-c:a", "libmp3lame", "-b:a", f"{bitrate}k"] if path.suffix == ".mp3" else []
    args = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source, "-ac", str(channels), *coding]
    subprocess.run([*args, f"file:{path}"], check=True)
    return path


def tag(path: Path, *, title: str = "Étude No. 1", artist: str = "Björk & Co.", cover: bool = True) -> Path:
    """ID3 tags with a cover, a lyric-like unknown frame and accents."""
    tags = ID3()
    for frame in (TIT2, title), (TPE1, artist), (TALB, "Наша музыка"), (TRCK, "3/12"):
        tags.add(frame[0](encoding=3, text=[frame[1]]))
    tags.add(TXXX(encoding=3, desc="MOOD", text=["calm"]))
    if cover:
        tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=png()))
    tags.save(path)
    return path


def png(side: int = 32) -> bytes:
    """A small valid picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes((x * 8 % 256, y * 8 % 256, 128)[c] for x in range(side) for c in range(3)) for y in range(side)
    )
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def good_folder(folder: Path) -> dict[str, Path]:
    """Four tagged or untagged files of different sound and format."""
    return {
        "song": tag(tone(folder / "Band" / "song.mp3", 4, hz=330, bitrate=192)),
        "untitled": tone(folder / "Band" / "untitled piece.mp3", 3, hz=220, bitrate=128),
        "small": tag(tone(folder / "Band" / "small.mp3", 3, hz=550, bitrate=48), title="Small"),
        "flac": tone(folder / "Other" / "lossless.flac", 3, hz=660),
    }


def nasty_folder(folder: Path) -> dict[str, Path]:
    """Everything that happens to collections, each under the name of its trouble."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "zero": folder / "zero.mp3",
        "text": folder / "letter.mp3",
        "truncated": folder / "truncated.mp3",
        "no tags": tone(folder / "no tags.mp3", 3, hz=300),
        "emoji": tone(folder / "🎵 \"quoted\" 'name' $HOME;ls.mp3", 3, hz=350),
        "dash": tone(folder / "-y.mp3", 3, hz=370),
        "colon": tone(folder / "http:a|b%20.mp3", 3, hz=390),
        "not utf-8": folder / os.fsdecode(NOT_UTF8),
        "two seconds": tone(folder / "two seconds.mp3", 2, hz=410),
        "blip": tone(folder / "blip.mp3", 0.3, hz=430),
        "mono 8 kHz": tone(folder / "phone.mp3", 3, hz=450, rate=8_000, channels=1, bitrate=16),
        "silence": folder / "silence.wav",
        "unreadable": tone(folder / "unreadable.mp3", 2, hz=470),
        "loop": folder / "deep" / "loop",
        "dangling": folder / "dangling.mp3",
        "hidden": tone(folder / ".hidden.mp3", 2, hz=490),
    }
    made["zero"].touch()
    made["text"].write_text("Dear listener,\nthis is no music.\n" * 200)
    whole = tone(folder / "whole.tmp.mp3", 6, hz=310)
    made["truncated"].write_bytes(whole.read_bytes()[: whole.stat().st_size // 2 - 100])
    whole.unlink()
    tone(folder / "x.mp3", 3, hz=510).rename(made["not utf-8"])
    silence = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "anullsrc=r=44100:d=3"]
    subprocess.run([*silence, str(made["silence"])], check=True)
    made["unreadable"].chmod(0)
    made["loop"].parent.mkdir()
    made["loop"].symlink_to(folder, target_is_directory=True)
    made["dangling"].symlink_to(folder / "nowhere.mp3")
    return made
