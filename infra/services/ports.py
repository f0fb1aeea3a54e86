"""Free ports, given out so that neither two parts nor two installations get the same one.

In: the ports wanted. Out: those or the next free ones, reserved for a process until it ends.
"""

from __future__ import annotations

import fcntl
import json
import socket
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_cache_path

from infra.errors import ServiceError
from infra.services.processes import Identity, find

__all__ = ["RESERVATIONS", "choose_ports", "is_free"]

RESERVATIONS = "ports.json"
TRIES = 200

Reserved = dict[str, tuple[int, float]]


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_ports(
    wanted: Mapping[str, int],
    holder: Identity,
    *,
    hosts: Mapping[str, str] | None = None,
    steps: Mapping[str, int] | None = None,
    folder: Path | None = None,
) -> dict[str, int]:
    """For each name the wanted port or the next free one, reserved for `holder` until that process ends.

    `hosts` names the addresses to test on (127.0.0.1 unless given), `steps` the distance to the next try (1 unless
    given: a larger one gives out blocks of ports). Raises `ServiceError` when no port is free near a wanted one.
    """
    folder = folder or user_cache_path("segue")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / RESERVATIONS).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        reserved = _still_held(file.read())
        chosen: dict[str, int] = {}
        for name, first in wanted.items():
            step = (steps or {}).get(name, 1)
            port = _next_free(first, step, (hosts or {}).get(name, "127.0.0.1"), reserved, holder, chosen)
            if port is None:
                raise ServiceError(f"{name}: no free port from {first} on; end what listens there")
            chosen[name] = port
        reserved |= {str(port): (holder.pid, holder.create_time) for port in chosen.values()}
        file.seek(0)
        file.truncate()
        json.dump(reserved, file)
    return chosen


def _next_free(
    first: int, step: int, host: str, reserved: Reserved, holder: Identity, chosen: Mapping[str, int]
) -> int | None:
    for port in range(first, min(first + TRIES * step, 65536), step):
        taken = str(port) in reserved and tuple(reserved[str(port)]) != tuple(holder)
        if not taken and port not in chosen.values() and is_free(port, host):
            return port
    return None


def _still_held(text: str) -> Reserved:
    try:
        known: Reserved = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return {port: (pid, created) for port, (pid, created) in known.items() if find(Identity(pid, created))}
