"""The programs of ours that `segue up` runs beside the embedded services.

In: settings and the ports given out. Out: for each its command line, address and needs; `infra/services` starts and watches them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from infra.services import Program
from infra.settings import Settings

__all__ = ["programs", "wanted_ports"]

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - a look-up, nothing is bound here


def wanted_ports(settings: Settings, *, page: bool) -> dict[str, int]:
    """The ports that the programs would like, by name."""
    return {"http": settings.http_port} | ({"ui": settings.ui_port} if page else {})


def programs(settings: Settings, ports: Mapping[str, int]) -> list[Program]:
    """The durable reader, the HTTP API, what trains by itself and, where it has a port, the listening page."""
    return list(_programs(settings, ports))


def _programs(settings: Settings, ports: Mapping[str, int]) -> Iterator[Program]:
    host = EVERYWHERE.get(settings.host, f"[{settings.host}]" if ":" in settings.host else settings.host)
    http = f"http://{host}:{ports['http']}"
    yield Program("plays", [sys.executable, "-m", "etl.plays"], needs=("mongo", "kafka"))
    yield Program(
        "http",
        [sys.executable, "-m", "serving.app", "--port", str(ports["http"])],
        address=http,
        ready=f"{http}/health",
        needs=("mongo", "kafka", "mlflow", "ray"),
    )
    training = [sys.executable, "-m", "ui.cli", "train", "--tuned"]
    yield Program("retrain", [sys.executable, "-m", "training.retrain", *training], needs=("mongo", "mlflow"))
    if "ui" in ports:
        ui = f"http://{host}:{ports['ui']}"
        yield Program(
            "ui",
            [sys.executable, "-m", "ui.web", "--port", str(ports["ui"]), "--http", http],
            address=ui,
            ready=ui,
            needs=("http",),
        )
