"""Who can reach what: everything listens on loopback, or refuses whoever does not know the cluster's token."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import psutil
import pytest

from infra.services import Services
from infra.services.processes import family
from infra.settings import Settings
from tests.data.deployed import Service, small_service

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
CALLS = [f"/ray.serve.ASGIService/{name}" for name in ("HandleRequest", "HandleRequestWithRejection")]
"""What one replica asks of another."""


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with small_service(services, installation, tmp_path_factory.mktemp("music")) as opened:
        yield opened


def listening() -> set[tuple[str, int]]:
    """Address and port of every socket on which we, or whatever we have started, take connections."""
    everyone = family(psutil.Process())
    found = (c for process in everyone for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
    return {(one.laddr.ip, one.laddr.port) for one in found}


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
    everywhere = listening()
    assert len(everywhere) > 10
    beyond = {port for ip, port in everywhere if ip not in LOOPBACK}
    # Replicas ask each other through ports that Serve opens to all addresses.
    token = (service.settings.home / "ray" / "token").read_text().strip()
    for port in beyond:
        for call in CALLS:
            assert called(port, call) == grpc.StatusCode.UNAUTHENTICATED
            assert called(port, call, authorization="Bearer " + "0" * 64) == grpc.StatusCode.UNAUTHENTICATED
            # The same call by somebody who knows the token gets further: it is the token that makes the difference.
            assert called(port, call, authorization=f"Bearer {token}") != grpc.StatusCode.UNAUTHENTICATED
