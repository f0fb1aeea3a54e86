"""A way to MongoDB that is cut in the middle of a command, as when whoever gave it is killed.

In: the server's URI, and a command. Out: another URI; the first such command ends its connection, before or after it was carried out.
"""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class _Way(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, target: tuple[str, int], command: str, *, carried_out: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target, self.carried_out = target, carried_out
        # A command is the first field of its document: a string of that name.
        self.command = b"\x02" + command.encode() + b"\0"


class _Connection(socketserver.BaseRequestHandler):
    server: _Way

    def handle(self) -> None:
        asker: socket.socket = self.request
        given = False
        with socket.create_connection(self.server.target) as mongo:
            while True:
                for side in select.select([asker, mongo], [], [])[0]:
                    sent = side.recv(1 << 16)
                    if not sent or (given and side is mongo):
                        return
                    if side is asker and self.server.command in sent:
                        given = True
                        if not self.server.carried_out:
                            return
                    (mongo if side is asker else asker).sendall(sent)


@contextmanager
def cut_off(uri: str, command: str, *, carried_out: bool) -> Iterator[str]:
    """The URI of a way to `uri` on which this command is never answered."""
    there = urlsplit(uri)
    with _Way((str(there.hostname), there.port or 27017), command, carried_out=carried_out) as way:
        thread = threading.Thread(target=way.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"mongodb://127.0.0.1:{way.server_address[1]}"
        finally:
            way.shutdown()
            thread.join()
