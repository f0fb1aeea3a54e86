"""The command line, and the only place where all parts meet.

In: arguments and settings. Out: calls into the parts, text for people or one JSON object for programs (`--json`).
Exit status: 0 done, 1 failed, 2 misused, 75 what stood in the way passes (a part is away): try again. The commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys

import typer
from rich.markup import escape

from infra.errors import NotStorable, Outdated, SegueError, ServiceError
from ui.commands import installation, library, model, plays, users
from ui.commands.output import err

__all__ = ["app", "main"]

app = typer.Typer(
    name="segue",
    help="A music service you run yourself, on your own music, that learns from what you play.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(installation.up)
app.command()(installation.down)
app.command()(installation.status)
app.command()(installation.doctor)
app.command()(library.ingest)
app.command()(library.failures)
app.command("import")(library.import_plays)
app.command()(model.train)
app.command()(model.evaluate)
app.command()(model.promote)

plays_app = typer.Typer(help="Play events on their way.", no_args_is_help=True)
plays_app.command()(plays.dead)
app.add_typer(plays_app, name="plays")

user_app = typer.Typer(help="Accounts: while there is none, only this machine can listen.", no_args_is_help=True)
user_app.command()(users.add)
user_app.command("list")(users.accounts)
user_app.command()(users.remove)
user_app.command()(users.admin)
user_app.command()(users.password)
user_app.command()(users.token)
user_app.command()(users.tokens)
user_app.command()(users.revoke)
app.add_typer(user_app, name="user")


def main() -> None:
    """Run a command; an error that is ours is one clear line on standard error and exit status 1 or 75."""
    try:
        app()
    except SegueError as error:
        err.print(f"[red]segue:[/] {escape(str(error))}")
        passing = isinstance(error, (ServiceError, Outdated)) and not isinstance(error, NotStorable)
        sys.exit(os.EX_TEMPFAIL if passing else 1)


if __name__ == "__main__":
    main()
