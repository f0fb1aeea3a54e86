"""Commands about accounts: `user add`, `list`, `remove`, `admin`, `password`, `token`, `tokens`, `revoke`.

In: names, and passwords typed or on standard input. Out: accounts in the database, tokens shown once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.models import UserId
from infra.settings import Settings
from ui.commands.output import Json, out, print_json, say

if TYPE_CHECKING:
    from infra.store import UserStore

__all__ = ["accounts", "add", "admin", "password", "remove", "revoke", "token", "tokens"]

Name = Annotated[str, typer.Argument(help="Name of the listener.")]


def add(
    name: Name,
    as_admin: Annotated[bool, typer.Option("--admin", help="An admin: see `segue user admin`.")] = False,
    with_password: Annotated[
        bool, typer.Option("--password", help="Ask for a password to sign in with, instead of showing a token.")
    ] = False,
) -> None:
    """Make an account and show its first token, once. From then on every call needs a token."""
    chosen = _asked() if with_password else None
    with _users() as users:
        users.add(UserId(name), admin=as_admin, password=chosen)
        if chosen is None:
            out.print(users.token(UserId(name)))
    if chosen is not None:
        say(f"{name} can sign in with this password")


def accounts(as_json: Json = False) -> None:
    """All accounts."""
    with _users() as users:
        found = [(one, len(users.tokens(one.name))) for one in users.accounts()]
    if as_json:
        print_json({"accounts": [{**one._asdict(), "tokens": count} for one, count in found]})
        return
    table = Table(box=None, pad_edge=False)
    for title in ("name", "role", "password", "tokens"):
        table.add_column(title)
    for one, count in found:
        role = "admin" if one.admin else "listener"
        table.add_row(escape(one.name), role, "yes" if one.password else "no", str(count))
    out.print(table)


def admin(name: Name, off: Annotated[bool, typer.Option("--off", help="An admin no longer.")] = False) -> None:
    """Let an account read the service's numbers (`/metrics`) and have any listener forgotten; nothing else."""
    with _users() as users:
        users.set_admin(UserId(name), admin=not off)
    say(f"{name} is {'no admin' if off else 'an admin'}")


def password(name: Name) -> None:
    """Ask for a new password; who signed in with the one before has to sign in again."""
    chosen = _asked()
    with _users() as users:
        users.set_password(UserId(name), chosen)
    say(f"{name} has a new password")


def token(
    name: Name,
    label: Annotated[str, typer.Option(help="What the token is for, to be told from others.")] = "",
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Good for so many days only.")] = None,
) -> None:
    """Another token for an account, shown once."""
    lasts = timedelta(days=days) if days else None
    with _users() as users:
        out.print(users.token(UserId(name), label, lasts=lasts))


def tokens(name: Name, as_json: Json = False) -> None:
    """The tokens of an account: which, what for, and when they were last used; never themselves."""
    with _users() as users:
        found = users.tokens(UserId(name))
    if as_json:
        print_json({"tokens": [one._asdict() for one in found]})
        return
    table = Table(box=None, pad_edge=False)
    for title in ("id", "label", "from", "made", "last used", "good until"):
        table.add_column(title)
    for one in found:
        origin = "sign-in" if one.signed_in else "command"
        table.add_row(one.id, escape(one.label), origin, *map(_day, (one.created_at, one.used_at, one.expires_at)))
    out.print(table)


def revoke(
    name: Name, token_id: Annotated[str, typer.Argument(metavar="ID", help="As `segue user tokens` shows it.")]
) -> None:
    """End one token of an account; within seconds it opens nothing."""
    with _users() as users:
        users.revoke(UserId(name), token_id)
    say(f"token {token_id} of {name} revoked")


def remove(name: Name) -> None:
    """Delete an account with its tokens; the plays stay until the listener's data are deleted over HTTP."""
    with _users() as users:
        users.remove(UserId(name))
    say(f"{name} removed")


def _asked() -> str:
    """A password from the terminal, typed twice, or the first line of standard input; never an argument, which others see."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


@contextmanager
def _users() -> Iterator[UserStore]:
    from ui.commands.parts import opened_store

    with opened_store(Settings.load()) as store:
        yield store.users
