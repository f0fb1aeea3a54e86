"""Ray Serve behind HAProxy, as the supervisor runs it: on the port it was given, on loopback, gone when told to go."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from infra.services import Program, Services, Supervisor, discover
from infra.services.part import answers
from infra.services.processes import family, still_running
from infra.services.state import read_state
from infra.settings import Settings

DEPLOY = """
import signal, sys
from infra.services import discover
from infra.settings import Settings

found = discover(Settings.load())
import ray
from ray import serve

ray.init(address=found.ray, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})

@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class Hello:
    async def __call__(self, _):
        return "hello"

serve.run(Hello.bind(), route_prefix="/")
signal.pause()
"""


def pid_of(settings: Settings, name: str) -> int:
    state = read_state(settings.run)
    assert state is not None
    part = state.part(name)
    assert part is not None
    return part.pid


def hello(address: str) -> bool:
    return answers(address) and httpx.get(address).text == "hello"


def listening(settings: Settings) -> set[tuple[str, str]]:
    """The name of each of Ray's processes with the addresses it listens on."""
    heard = set()
    for process in family(psutil.Process(pid_of(settings, "ray"))):
        # HAProxy is replaced by a new process whenever its configuration changes.
        with contextlib.suppress(psutil.NoSuchProcess):
            there = process.net_connections("tcp")
            heard |= {(process.name(), c.laddr.ip) for c in there if c.status == psutil.CONN_LISTEN}
    return heard


@pytest.mark.slow
def test_serve_answers_on_its_port_survives_a_killed_ray_and_leaves_nothing(services: Services, tmp_path: Path):
    shared = services.ensure("mongo", "kafka", "mlflow")
    settings = Settings.load(home=tmp_path, mongo_uri=shared.mongo, kafka=shared.kafka, mlflow_uri=shared.mlflow)
    said: list[str] = []
    with Supervisor(settings, [], said.append) as supervisor:
        port = supervisor.reserve({"http": 28500})["http"]
        address = f"http://127.0.0.1:{port}"
        deploy = [sys.executable, "-c", DEPLOY, str(port)]
        supervisor.start()
        supervisor.add(Program("http", deploy, address, lambda: hello(address), needs=("ray",)))
        assert discover(settings).http == address
        while ("haproxy", "127.0.0.1") not in (heard := listening(settings)):
            time.sleep(0.1)
        # Serve's replicas take calls from each other on every address, from whoever has the token.
        beyond = {name for name, ip in heard if ip not in ("127.0.0.1", "::ffff:127.0.0.1")}
        assert all(name.startswith("ray::ServeRepl") for name in beyond), heard

        ours = family(psutil.Process(pid_of(settings, "ray")))
        first = pid_of(settings, "http")
        os.kill(pid_of(settings, "ray"), signal.SIGKILL)
        until = time.monotonic() + 240
        while "http needs Ray; starting it again" not in said or not hello(address):
            assert time.monotonic() < until
            supervisor.watch()
            time.sleep(0.1)
        assert pid_of(settings, "http") != first
        ours += family(psutil.Process(pid_of(settings, "ray")))
    assert not still_running(ours, 0)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
