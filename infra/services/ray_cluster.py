"""The embedded Ray cluster: one node on loopback that only the owner of this home may use.

In: a home and its ports. Out: a `Part` answering at `127.0.0.1:port`, and the variables its clients need.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from infra.errors import ServiceError
from infra.services.haproxy import write_haproxy
from infra.services.part import Part
from infra.settings import Settings, export

__all__ = ["RAY_CLIENT", "RAY_PORTS", "prepare_ray_client", "ray_answers", "ray_environment", "ray_folder", "ray_part"]

OBJECT_STORE_BYTES = 200 * 1024 * 1024

RAY_PORTS = {
    "ray": 6379,
    "haproxy_stats": 8404,
    "haproxy_metrics": 9101,
    "serve_fallback": 8500,
    "replicas": 30000,
}
"""Ports that must differ between installations; `replicas` is the first of 100 for Serve's replicas.

HAProxy and Serve share a port that another has instead of failing, and requests would go to either.
"""

RAY_CLIENT = {
    "RAY_AUTH_MODE": "token",
    # Without clusters over several machines, Ray takes 127.0.0.1 for what it is instead of the machine's own address.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Nobody reads Ray's own numbers; and each connection leaves a thread that exports them, of which a process can die when
    # it ends (https://github.com/ray-project/ray/pull/60048).
    "RAY_enable_open_telemetry": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
}
"""What holds for every installation; Ray reads these when it is imported."""


def ray_folder(settings: Settings) -> Path:
    """Ray's files: beside the system's temporary ones, because the paths of its sockets must stay under 108 bytes."""
    return Path(tempfile.gettempdir()) / f"segue-{hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]}"


def ray_environment(settings: Settings) -> dict[str, str]:
    """The variables that a process must have before `import ray` in order to connect; none for a cluster of one's own."""
    if settings.ray_address:
        return {}
    return {**RAY_CLIENT, "RAY_AUTH_TOKEN_PATH": str(settings.home / "ray" / "token")}


def prepare_ray_client(settings: Settings) -> None:
    """Make this process able to connect; raises `ServiceError` when Ray was imported too early for that."""
    constants = sys.modules.get("ray._private.ray_constants")
    if not settings.ray_address and getattr(constants, "ENABLE_RAY_CLUSTER", False):
        raise ServiceError("Ray was imported before its settings were known; import it after Services.ensure('ray')")
    export(ray_environment(settings))


def ray_part(settings: Settings, ports: Mapping[str, int]) -> Part:
    """The node on these ports (those of `RAY_PORTS`)."""
    port, replicas = ports["ray"], ports["replicas"]
    folder, home = ray_folder(settings), settings.home / "ray"
    ready, haproxy, files = home / "ready", home / "haproxy", folder / "haproxy"

    def prepare() -> None:
        _own_folder(folder)
        home.mkdir(parents=True, exist_ok=True)
        ready.unlink(missing_ok=True)
        _token(home / "token")
        write_haproxy(haproxy, ports["haproxy_stats"], ports["haproxy_metrics"], settings.host)
        for old in (folder / "ray", files):
            shutil.rmtree(old, ignore_errors=True)
        files.mkdir(mode=0o700)

    program = Path(__file__).with_name("ray_head.py")
    numbers = [str(port), str(folder / "ray"), str(os.cpu_count() or 1), str(OBJECT_STORE_BYTES), str(ready)]
    return Part(
        name="ray",
        argv=[sys.executable, "-P", str(program), *numbers],
        address=f"127.0.0.1:{port}",
        ready=lambda: ready.exists() and ray_answers(f"127.0.0.1:{port}"),
        environment={
            **ray_environment(settings),
            "RAY_SERVE_HAPROXY_BINARY_PATH": str(haproxy),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(ports["haproxy_stats"]),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports["haproxy_metrics"]),
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(files / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(files / "admin.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(files),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(files / "server-state"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(files / "metrics.sock"),
            # There is one proxy and it learns of an ending replica at once: nobody has to wait half a minute for others.
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
            "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "1",
            # Ray would give streams and recommendations the lowest priority but four, behind any training.
            "RAY_worker_niceness": "0",
            "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, os.cpu_count() or 1)),
            # The defaults (5 and 10 s) end a proxy that only waits for a busy processor.
            "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
            "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "30",
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports["serve_fallback"]),
            "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(replicas),
            "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(replicas + 49),
            "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(replicas + 50),
            "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(replicas + 99),
        },
        port=port,
        data=folder,
        version=version("ray"),
        prepare=prepare,
        clear=lambda: shutil.rmtree(folder, ignore_errors=True),
        grace_s=15.0,
        patience_s=180.0,
        # Ray gives its own processes 30 s to start, which a busy machine may need longer for.
        tries=3,
    )


def ray_answers(address: str) -> bool:
    """Whether something listens at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1.0):
            return True
    except (OSError, ValueError):
        return False


def _own_folder(folder: Path) -> None:
    """A folder that nobody else can look into; raises `ServiceError` when somebody else made it first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ServiceError(f"{folder} belongs to somebody else; remove it, or set TMPDIR to a folder of your own")
    folder.chmod(0o700)


def _token(path: Path) -> None:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
