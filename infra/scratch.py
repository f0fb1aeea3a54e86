"""Folders for a while, of which none is left for good: not even one whose process was killed.

In: where it is to lie. Out: a folder that goes with its `with` block; those of processes that are gone go at the next.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.services.processes import Identity, find, identity

__all__ = ["scratch", "sweep"]


@contextmanager
def scratch(parent: Path | None, kind: str) -> Iterator[Path]:
    """An empty folder in `parent` (None: the system's temporary folder), named after its `kind` and this process."""
    place = Path(tempfile.gettempdir() if parent is None else parent)
    place.mkdir(parents=True, exist_ok=True)
    sweep(place, kind)
    me = identity(os.getpid())
    prefix = f"{_ours(kind)}{me.pid}-{round(me.create_time * 1000)}-"
    with tempfile.TemporaryDirectory(dir=place, prefix=prefix, ignore_cleanup_errors=True) as name:
        yield Path(name)


def sweep(parent: Path, kind: str = "*") -> None:
    """Remove the folders of this `kind` (`*`: of all) that processes of this machine made there and left when killed."""
    for folder in parent.glob(f"{_ours(kind)}*"):
        if _abandoned(folder.name.rpartition(_ours(""))[2]):
            shutil.rmtree(folder, ignore_errors=True)


def _ours(kind: str) -> str:
    # Folders that several machines see are theirs who made them: a pid says nothing elsewhere.
    return f"{kind}-{socket.gethostname()}-"


def _abandoned(owner: str) -> bool:
    """Whether the process that `pid-milliseconds-anything` names is gone."""
    pid, _, rest = owner.partition("-")
    created, _, _ = rest.partition("-")
    known = pid.isdecimal() and created.isdecimal()
    return known and find(Identity(int(pid), int(created) / 1000)) is None
