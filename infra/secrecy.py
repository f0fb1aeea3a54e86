"""Addresses as they may be shown, stored and logged.

In: text with links in it. Out: the same text without users, passwords and queries.
"""

from __future__ import annotations

import re

__all__ = ["WEB", "without_secrets"]

WEB = ("http", "https", "webdav", "webdavs")
"""Schemes with queries, and with names that are percent-encoded."""
NO_LOGIN = frozenset({"github", "git", "abfs", "abfss", "hf", "memory", "zip", "tar", "dir", "file", "local"})
"""Schemes whose "@" stands behind a repository, a container or within a name; elsewhere it ends user and password."""
LINK = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://((?:\[[^\]\s]*\]|(?!::)\S)*)")
"""One link of a chain of addresses; the colons of an IPv6 address end none."""
SPLIT_PASSWORD = re.compile(r"[^/:@]*:(?!\d{1,5}/)\S*@")
"""A user and a password with a slash in it: what stands behind the colon is no port."""


def without_secrets(text: str) -> str:
    """Text without the users, passwords and queries of the addresses in it."""
    return LINK.sub(_bared, text)


def _bared(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    if scheme.lower() in NO_LOGIN:
        return found[0]
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        rest = authority.rpartition("@")[2] + slash + path
    elif SPLIT_PASSWORD.match(rest):
        rest = rest.rpartition("@")[2]
    return f"{scheme}://" + (rest.partition("?")[0] if scheme.lower() in WEB else rest)
