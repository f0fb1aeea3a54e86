"""Music for a first look: real free music from Debian's packages, or, where there is none to be had, our own.

In: a folder. Out: tagged MP3s in it, a folder an album; what is there already is kept.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutagen

from etl.audio.media import replacing
from etl.demo.compose import compose, piece
from etl.scan import SourceFile, scan
from etl.tags.read import read_tags
from infra.errors import AudioError

__all__ = ["compose_library", "demo_library", "package_library"]

PACKAGES = ("asc-music", "singularity-music")
SMALLEST = 200_000
"""Bytes; what is smaller in those packages is a sound effect."""
DOWNLOAD_S = 180.0
CONVERT_S = 300.0
COMPOSED = 24
COMPLETE = ".segue-demo"
"""This file in the folder says that the library was finished."""

Say = Callable[[str], None]


def demo_library(folder: Path, report: Say) -> Path:
    """A folder with music, made at the first call; `report` is told what is being done, a line at a time."""
    done = folder / COMPLETE
    if done.exists() and any(isinstance(found, SourceFile) for found in scan(folder)):
        report(f"the demo music is in {folder}")
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if not package_library(folder, report):
        report(f"there is no free music to be had here: composing {COMPOSED} pieces")
        compose_library(folder, report)
    done.touch()
    return folder


def package_library(folder: Path, report: Say) -> int:
    """Fetch, unpack (without installing) and convert the music of Debian packages; returns how many tracks there are."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return 0
    count = 0
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as work:
            report(f"fetching {package} from Debian")
            sources = list(_unpacked(package, Path(work)))
            with ThreadPoolExecutor() as pool:
                for number, target in enumerate(pool.map(lambda s: _convert(s, package, folder), sources), 1):  # noqa: B023
                    count += target is not None
                    report(f"{package}: {number} of {len(sources)}{f' ({target.stem})' if target else ''}")
    return count


def compose_library(folder: Path, report: Say, count: int = COMPOSED, seconds: float = 60) -> None:
    """Compose `count` pieces that are `seconds` long and up to 50 more."""
    for seed in range(count):
        tags = piece(seed).tags
        path = folder / tags["album"] / f"{int(tags['track']):02d} {tags['title']}.mp3"
        if not path.exists():
            compose(path, seed, seconds + seed * 17 % 50)
        report(f"composed {seed + 1} of {count}: {tags['artist']}, {tags['title']}")


def _unpacked(package: str, work: Path) -> Iterator[Path]:
    """The music files of a package; none when it cannot be had."""
    try:
        subprocess.run(
            ["apt-get", "download", "-qq", package], cwd=work, timeout=DOWNLOAD_S, check=True, capture_output=True
        )
        for deb in work.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", deb, work / "files"], timeout=DOWNLOAD_S, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        return
    for found in scan(work / "files"):
        if isinstance(found, SourceFile) and found.size >= SMALLEST and found.path.suffix != ".wav":
            yield found.path


def _convert(source: Path, package: str, folder: Path) -> Path | None:
    """One file as a tagged MP3 of 192 kbit/s; None when it cannot be decoded."""
    tags = _named(source, package)
    target = folder / _file_name(tags["album"]) / f"{_file_name(tags['title'])}.mp3"
    if target.exists():
        return target
    meta = [part for name, text in tags.items() if text for part in ("-metadata", f"{name}={text}")]
    args = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", f"file:{source}", "-map", "0:a:0", "-map_metadata", "-1"]
    coding = ["-c:a", "libmp3lame", "-b:a", "192k", "-id3v2_version", "3", "-f", "mp3"]
    try:
        with replacing(target) as part:
            subprocess.run([*args, *coding, *meta, f"file:{part}"], timeout=CONVERT_S, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return target


def _named(source: Path, package: str) -> dict[str, str]:
    """What the file says of itself, and where it is silent its name and its package's."""
    origin = package.removesuffix("-music")
    try:
        tags = read_tags(source)
        named = mutagen.File(source)
    except (AudioError, mutagen.MutagenError):
        return {"title": source.stem.replace("_", " "), "artist": origin, "album": origin}
    silent = named is None or not named.tags or "title" not in {str(k).lower() for k in named.tags}
    return {
        "title": source.stem.replace("_", " ") if silent else tags.title,
        "artist": tags.artist or origin,
        "album": tags.album or origin,
        "album_artist": tags.album_artist,
        "track": str(tags.track_number or ""),
        "date": str(tags.year or ""),
        "genre": tags.genre,
    }


def _file_name(text: str) -> str:
    return text.replace("/", "-").strip(". ")[:100] or "untitled"
