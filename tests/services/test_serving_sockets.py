"""Who can reach what: everything listens on loopback, or refuses whoever does not know the cluster's token."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import NamedTuple

import grpc
import httpx
import psutil
import pytest

from infra.services import Services
from infra.services.processes import family
from infra.settings import Settings
from tests.data.deployed import Service, small_service, until

PARTS = (
    "nx_27017",
    "kafka.Kafka",
    "mlflow",
    "gcs_server",
    "raylet",
    "dashboard/agent.py",
    "runtime_env/agent/main.py",
    "haproxy",
    "ServeReplica:recommender",
    "ServeReplica:library",
)
"""Of each a socket is found."""
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
CALLS = [f"/ray.serve.ASGIService/{name}" for name in ("HandleRequest", "HandleRequestWithRejection")]
"""What one replica asks of another."""


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with small_service(services, installation, tmp_path_factory.mktemp("music")) as opened:
        yield opened


class Listening(NamedTuple):
    """A socket on which connections are taken, and by whom."""

    program: str
    ip: str
    port: int


def listening() -> set[Listening]:
    """Every such socket of ours, and of whatever we have started."""
    found = set()
    for process in family(psutil.Process()):
        # HAProxy is replaced by a new process whenever its configuration changes.
        with contextlib.suppress(psutil.NoSuchProcess):
            told, sockets = " ".join([process.name(), *process.cmdline()]), process.net_connections("tcp")
            found |= {Listening(told, *one.laddr) for one in sockets if one.status == psutil.CONN_LISTEN}
    return found


def unseen(everywhere: set[Listening]) -> set[str]:
    """Parts without a socket; HAProxy is one for a moment while it is replaced."""
    return {part for part in PARTS if not any(part in one.program for one in everywhere)}


def own_addresses() -> set[str]:
    """Of this machine, as others call it."""
    told = (address for card in psutil.net_if_addrs().values() for address in card)
    return {one.address for one in told if one.family == socket.AF_INET and one.address not in LOOPBACK}


def called(port: int, call: str, **metadata: str) -> grpc.StatusCode:
    """How a replica answers an empty question."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary(call)(b"", timeout=20, metadata=tuple(metadata.items()))
        except grpc.RpcError as error:
            code = error.code()
            assert isinstance(code, grpc.StatusCode)
            return code
    return grpc.StatusCode.OK


def test_what_does_not_listen_on_loopback_refuses_strangers(service: Service):
    assert service.http.get("/health").status_code == 200
    # All that there is to try is among them: no part is left out because it was not looked for.
    until(lambda: not unseen(listening()))
    everywhere = listening()
    assert not unseen(everywhere)
    beyond = {one.port for one in everywhere if one.ip not in LOOPBACK}
    # Replicas ask each other through ports that Serve opens to all addresses.
    token = (service.settings.home / "ray" / "token").read_text().strip()
    for port in beyond:
        for call in CALLS:
            assert called(port, call) == grpc.StatusCode.UNAUTHENTICATED
            assert called(port, call, authorization="Bearer " + "0" * 64) == grpc.StatusCode.UNAUTHENTICATED
            # The same call by somebody who knows the token gets further: it is the token that makes the difference.
            assert called(port, call, authorization=f"Bearer {token}") != grpc.StatusCode.UNAUTHENTICATED


def test_from_the_machine_s_own_address_nothing_else_is_reached(service: Service):
    assert service.http.get("/health").status_code == 200
    everywhere = listening()
    beyond = {one.port for one in everywhere if one.ip not in LOOPBACK}
    for address in own_addresses():
        for port in {one.port for one in everywhere} - beyond:
            with socket.socket() as stranger:
                stranger.settimeout(5)
                assert stranger.connect_ex((address, port)) != 0, (address, port)


def test_the_pages_of_haproxy_and_the_service_are_on_loopback(service: Service):
    """Serve's configuration opens the statistics and the metrics to all addresses; ours has closed them."""
    haproxy = {one for one in listening() if "haproxy" in one.program}
    assert {one.ip for one in haproxy} <= LOOPBACK
    answered = {one.port for one in haproxy if _answers(one.port)}
    # The service itself, statistics and metrics: all three were there to be tried.
    assert len(answered) >= 3
    assert (service.http.base_url.port or 80) in answered


def _answers(port: int) -> bool:
    return any(
        httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code == 200
        for path in ("/health", "/stats", "/metrics")
    )
