"""Listeners who take their sound as slowly as they like hold up nobody: not who asks what is next, not who posts a play."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from infra.services import Services
from infra.settings import Settings
from tests.data.deployed import Service, heard, small_service, until
from tests.data.records import play

SLOW = 200
LONG_BYTES = 8_000_000
"""More than lies in the buffers between a listener who reads nothing and the file."""
ASKED = 60
AT_ONCE_S = 0.1
OPEN = r'segue_http_answers_open{.*route="/tracks/{track_id}/audio"} (\d+)'


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("music")
    with small_service(services, installation, folder) as opened:
        long = folder / "long.mp3"
        long.write_bytes(bytes(LONG_BYTES))
        opened.store.tracks.upsert([heard("Long", 3, long)])
        until(lambda: opened.http.head(opened.audio("Long")).status_code == 200)
        yield opened


def listens_slowly(service: Service) -> socket.socket:
    """A listener who has asked for the whole track, has heard that it comes, and reads no more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", service.http.base_url.port or 80))
    connection.sendall(f"GET {service.audio('Long')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def seconds(ask: Callable[[int], int], status: int) -> list[float]:
    """How long each of some answers took, in order of length."""
    taken = []
    for number in range(ASKED):
        began = time.perf_counter()
        assert ask(number) == status
        taken.append(time.perf_counter() - began)
    return sorted(taken)


def test_slow_listeners_never_starve_the_others(service: Service):
    def next_track(_: int) -> int:
        return service.http.get("/users/quick/recommendations").status_code

    def posted(minute: int) -> int:
        return service.post(play("Anchor", user="quick", minute=minute)).status_code

    def listed(_: int) -> int:
        return service.http.get("/tracks").status_code

    calls = ((next_track, 200), (posted, 202), (listed, 200))
    alone = [seconds(*call) for call in calls]
    with ExitStack() as listening:
        for _ in range(SLOW):
            listening.enter_context(listens_slowly(service))
        # None of them has all of it in some buffer: the service is still sending to each.
        assert streams_open(service) >= SLOW
        among = [seconds(*call) for call in calls]
        part = service.http.get(service.audio(), headers={"Range": "bytes=0-99"})
        assert (part.status_code, len(part.content)) == (206, 100)
    for quiet, crowded in zip(alone, among, strict=True):
        # Of the slowest but one in twenty; as slow as the machine was before is no fault of the listeners'.
        assert crowded[-ASKED // 20] < max(AT_ONCE_S, 3 * quiet[-ASKED // 20])


def test_who_leaves_is_no_listener_any_more(service: Service):
    connections = [listens_slowly(service) for _ in range(20)]
    assert streams_open(service) >= 20
    for connection in connections:
        connection.close()
    until(lambda: streams_open(service) == 0)


def streams_open(service: Service) -> int:
    return sum(int(float(n)) for n in re.findall(OPEN, service.http.get("/metrics").text))
