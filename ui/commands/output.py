"""What commands print: for people on a console, for programs as one JSON object.

In: text and plain values. Out: standard output for results, standard error for what is told meanwhile.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

__all__ = ["Json", "err", "out", "print_json", "say"]

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def say(line: str) -> None:
    """Tell a person what happens."""
    err.print(escape(line), highlight=False)


def print_json(value: Any) -> None:
    """The result, for a program."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
