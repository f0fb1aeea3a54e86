"""Passwords, kept as Argon2id hashes.

In: a password as somebody typed it. Out: the hash that is stored, and whether another one is the same.
"""

from __future__ import annotations

from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from infra.errors import SettingsError

__all__ = ["MOST_CHARACTERS", "Verdict", "hashed", "verdict"]

FEWEST_CHARACTERS = 8
MOST_CHARACTERS = 1024

HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
"""RFC 9106's second choice: 64 MiB and some 50 ms for each password."""
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""The hash of no password: who has none takes as long to refuse as who has another."""


class Verdict(NamedTuple):
    """Whether a password is the right one, and whether its hash is better made anew."""

    right: bool
    outdated: bool = False


def hashed(password: str) -> str:
    """What is stored of a password; raises `SettingsError` for one that is too short or too long."""
    if not FEWEST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise SettingsError(f"a password has {FEWEST_CHARACTERS} to {MOST_CHARACTERS} characters")
    return HASHER.hash(password)


def verdict(password: str, stored: str | None) -> Verdict:
    """Whether `stored` is the hash of `password`; with None, as slowly, no."""
    try:
        HASHER.verify(stored or NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return Verdict(right=False)
    return Verdict(right=True, outdated=HASHER.check_needs_rehash(stored or NOBODYS))
