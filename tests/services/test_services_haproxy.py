"""HAProxy between a caller and an application: whom the application is told it hears."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.services.haproxy import write_haproxy
from infra.services.ray_cluster import ray_answers

CONFIGURATION = """
global
    log 127.0.0.1:{syslog} local0 info
defaults
    log global
    option httplog
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend http_frontend
    bind 127.0.0.1:{port} accept-proxy
    default_backend replica
backend replica
    server replica 127.0.0.1:{replica}
"""
OWN = "192.168.1.2"


class Echo(BaseHTTPRequestHandler):
    """Answers with the addresses it was forwarded for."""

    def do_GET(self) -> None:
        told = ", ".join(self.headers.get_all("X-Forwarded-For", [])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Nothing: the test looks at answers."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def syslog() -> Iterator[socket.socket]:
    """Where HAProxy is told to write its log."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.setblocking(False)
        yield opened


@pytest.fixture(scope="module")
def port(syslog: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("haproxy")
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as replica:
        threading.Thread(target=replica.serve_forever, daemon=True).start()
        filled = CONFIGURATION.format(port=port, replica=replica.server_port, syslog=syslog.getsockname()[1])
        (folder / "haproxy.cfg").write_text(filled)
        write_haproxy(folder / "haproxy", 1, 2, OWN)
        command: list[str | Path] = [folder / "haproxy", "-db", "-f", folder / "haproxy.cfg"]
        # Checked first, as Ray does: what is mended twice must still be right.
        subprocess.run([*command, "-c"], check=True, capture_output=True)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as haproxy:
            while not ray_answers(f"127.0.0.1:{port}"):
                assert haproxy.poll() is None
            yield port
            haproxy.terminate()
        replica.shutdown()


@pytest.mark.parametrize(
    ("source", "given", "told"),
    [
        ("192.168.1.9", None, "192.168.1.9"),
        ("192.168.1.9", "127.0.0.1", "192.168.1.9"),
        ("192.168.1.9", "10.0.0.1, 127.0.0.1", "192.168.1.9"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "192.168.1.9", "192.168.1.9"),
        (OWN, "192.168.1.9", "192.168.1.9"),
        (OWN, None, OWN),
    ],
)
def test_only_this_machine_says_for_whom_it_asks(port: int, source: str, given: str | None, told: str):
    header = f"X-Forwarded-For: {given}\r\n" if given else ""
    assert answered(port, source, "/", header) == told


def test_no_token_of_an_address_reaches_the_log(port: int, syslog: socket.socket):
    for _ in range(20):
        answered(port, "127.0.0.1", "/tracks/1/audio?token=secret")
    with pytest.raises(BlockingIOError):
        syslog.recv(4096)


def answered(port: int, source: str, path: str, headers: str = "") -> str:
    """The body of the answer to a caller from `source`."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        # HAProxy's PROXY protocol: a connection says where it comes from.
        connection.sendall(f"PROXY TCP4 {source} 127.0.0.1 4000 {port}\r\n".encode())
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: segue\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    return answer.partition("\r\n\r\n")[2]
