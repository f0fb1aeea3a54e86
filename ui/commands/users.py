"""Commands about accounts: `user add`, `user token`, `user remove`.

In: names. Out: accounts in the database, tokens shown once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from infra.models import UserId
from infra.settings import Settings
from ui.commands.output import out, say

if TYPE_CHECKING:
    from infra.store import UserStore

__all__ = ["add", "remove", "token"]

Name = Annotated[str, typer.Argument(help="Name of the listener.")]


def add(name: Name) -> None:
    """Make an account and show its first token, once. From then on every call needs a token."""
    with _users() as users:
        users.add(UserId(name))
        out.print(users.token(UserId(name)))


def token(name: Name) -> None:
    """Another token for an account, shown once."""
    with _users() as users:
        out.print(users.token(UserId(name)))


def remove(name: Name) -> None:
    """Delete an account with its tokens; the plays stay until the listener's data are deleted over HTTP."""
    with _users() as users:
        users.remove(UserId(name))
    say(f"{name} removed")


@contextmanager
def _users() -> Iterator[UserStore]:
    from ui.commands.parts import opened_store

    with opened_store(Settings.load()) as store:
        yield store.users
