"""Whether this machine has what Segue needs, and the command or setting that mends what it lacks.

In: settings and the machine. Out: `Finding`s, as `segue doctor` shows them.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.errors import ServiceError
from infra.services.discovery import outside
from infra.services.java import INSTALL_JAVA, java_version
from infra.services.kafka_jars import KAFKA_VERSION, jars_folder
from infra.services.launcher import WANTED_PORTS
from infra.services.part import EMBEDDED
from infra.services.ports import is_free
from infra.services.state import read_state
from infra.services.status import status
from infra.settings import Settings

__all__ = ["Finding", "doctor"]

INSTALL_FFMPEG = "apt-get install ffmpeg"
DISK_GB = 2.0
MEMORY_GB = 3.0


class Finding(NamedTuple):
    """One thing looked at."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    """The exact command or setting; empty when all is well."""


def doctor(settings: Settings) -> list[Finding]:
    """Look at everything; never raises for what it finds wrong."""
    checks: list[Callable[[], Finding]] = [_python, _java, _ffmpeg, lambda: _kafka_itself(settings)]
    checks += [lambda: _disk(settings.home), _memory]
    return [*(check() for check in checks), *_ports(settings), *_parts(settings)]


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, platform.python_version(), "" if ok else "install Python 3.11 or newer")


def _java() -> Finding:
    try:
        java = java_version()
    except ServiceError as error:
        return Finding("Java", False, str(error), INSTALL_JAVA)
    return Finding("Java", True, f"{java.version} at {java.path}")


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg")
    if found is None:
        return Finding("FFmpeg", False, "no ffmpeg on the PATH; it reads and compresses the music", INSTALL_FFMPEG)
    encoders = subprocess.run([found, "-hide_banner", "-encoders"], capture_output=True, text=True, check=False).stdout
    if "libmp3lame" not in encoders:
        return Finding("FFmpeg", False, f"{found} cannot write MP3 (it lacks libmp3lame)", INSTALL_FFMPEG)
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stdout.split()
    return Finding("FFmpeg", True, f"{told[2] if len(told) > 2 else 'of an unknown version'} at {found}, writes MP3")


def _kafka_itself(settings: Settings) -> Finding:
    if settings.kafka:
        return Finding("Kafka's jars", True, f"not needed: SEGUE_KAFKA={settings.kafka}")
    if jars_folder().is_dir():
        return Finding("Kafka's jars", True, f"Apache Kafka {KAFKA_VERSION} in {jars_folder()}")
    part = next((part for part in status(settings).parts if part.name == "kafka" and part.state == "up"), None)
    if part is not None:
        return Finding(
            "Kafka's jars", False, part.fix, f"{INSTALL_JAVA}, a way to Maven Central, then `segue up` again"
        )
    return Finding("Kafka's jars", True, "not there yet: the first `segue up` fetches them from Maven Central (43 MB)")


def _disk(home: Path) -> Finding:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    ok = free_gb >= DISK_GB
    fix = "" if ok else f"free space on the disk of {there}, or set SEGUE_HOME to a folder on another"
    return Finding("Disk", ok, f"{free_gb:.1f} GB free for {home}", fix)


def _memory() -> Finding:
    free_gb = psutil.virtual_memory().available / 1e9
    ok = free_gb >= MEMORY_GB
    fix = "" if ok else "end other programs, or set SEGUE_SPARK_MEMORY=512m"
    return Finding("Memory", ok, f"{free_gb:.1f} GB available", fix)


def _ports(settings: Settings) -> list[Finding]:
    state = read_state(settings.run)
    ours = {part.port for part in state.parts} if state else set()
    wanted = {name: WANTED_PORTS[name][name] for name in EMBEDDED if name not in outside(settings)}
    wanted |= {"http": settings.http_port, "ui": settings.ui_port}
    found = []
    for name, port in wanted.items():
        if port in ours:
            detail = f"{port}: Segue has it"
        elif is_free(port):
            detail = f"{port}: free"
        else:
            detail = f"{port}: another program has it, so the next free one is used"
        found.append(Finding(f"Port for {name}", True, detail))
    return found


def _parts(settings: Settings) -> list[Finding]:
    found = []
    for part in status(settings).parts:
        ok = part.state in ("up", "outside") and not part.fix
        where = f"{part.state} {part.address} {part.version}".strip()
        found.append(Finding(part.name, ok, where, part.fix))
    return found
