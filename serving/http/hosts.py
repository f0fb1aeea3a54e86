"""The names by which this service may be called.

In: the settings, and the Host header of a request. Out: yes or no. A page elsewhere can make its own name point here:
that name is then what the browser sends, so only names that are ours are answered.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from infra.settings import Settings
from serving.http.auth import is_loopback

__all__ = ["UNKNOWN", "Hosts", "name_in"]

UNKNOWN = "the Host header names another machine; SEGUE_HOSTS lists the names of this one"
HEADER = re.compile(r"[\w.:\[\]-]+")


class Hosts:
    """Names and addresses that are this service's own."""

    def __init__(self, settings: Settings) -> None:
        own = socket.gethostname().lower()
        self.loopback = is_loopback(settings.host)
        """Whether only this machine may call, and only by a loopback name."""
        self._names = {settings.host.lower(), own, f"{own}.local", *settings.host_names}

    def know(self, header: str) -> bool:
        """Whether a Host header names this service; where others may call, every plain address does."""
        name = name_in(header)
        return is_loopback(name) or (not self.loopback and (name.rstrip(".") in self._names or _is_address(name)))


def name_in(header: str) -> str:
    """The name or address in a Host header, lowercase and without its port; empty when there is none."""
    if not HEADER.fullmatch(header):
        return ""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
