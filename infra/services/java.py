"""Which Java there is.

In: JAVA_HOME and PATH. Out: the program and its version, or a `ServiceError` with the command that installs one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from infra.errors import ServiceError
from infra.settings import inherited

__all__ = ["INSTALL_JAVA", "Java", "java_version"]

INSTALL_JAVA = "apt-get install openjdk-17-jre-headless"
OLDEST = 17


class Java(NamedTuple):
    """A Java that is new enough."""

    path: Path
    version: str


def java_version() -> Java:
    """Java from JAVA_HOME, else from PATH; raises `ServiceError` when there is none or an old one."""
    home = inherited("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        where = f"in JAVA_HOME={home}" if home else "on the PATH"
        raise ServiceError(f"no Java {where}; Kafka and Spark need Java {OLDEST} or newer: `{INSTALL_JAVA}`")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)([^"]*)"', told)
    if version is None or int(version[1]) < OLDEST:
        have = version[1] + version[2] if version else "of an unknown version"
        raise ServiceError(f"{found} is Java {have}; Kafka and Spark need {OLDEST} or newer: `{INSTALL_JAVA}`")
    return Java(Path(found), version[1] + version[2])
