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

__all__ = ["scratch"]


@contextmanager
def scratch(parent: Path | None, kind: str) -> Iterator[Path]:
    """An empty folder in `parent` (None: the system's temporary folder), named after its `kind` and this process."""
    place = Path(tempfile.gettempdir() if parent is None else parent)
    place.mkdir(parents=True, exist_ok=True)
    # Folders that several machines see are theirs who made them: a pid says nothing elsewhere.
    ours = f"{kind}-{socket.gethostname()}-"
    for folder in place.glob(f"{ours}*"):
        if _abandoned(folder.name.removeprefix(ours)):
            shutil.rmtree(folder, ignore_errors=True)
    me = identity(os.getpid())
    prefix = f"{ours}{me.pid}-{round(me.create_time * 1000)}-"
    with tempfile.TemporaryDirectory(dir=place, prefix=prefix, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _abandoned(owner: str) -> bool:
    """Whether the process that `pid-milliseconds-anything` names is gone."""
    pid, _, rest = owner.partition("-")
    created, _, _ = rest.partition("-")
    known = pid.isdecimal() and created.isdecimal()
    return known and find(Identity(int(pid), int(created) / 1000)) is None
