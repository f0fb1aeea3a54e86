"""Commands about play events: `plays dead`.

In: the topic `plays.dead`. Out: what could not be read or stored and why; sent again when asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.settings import Settings
from ui.commands.output import Json, out, print_json, say

if TYPE_CHECKING:
    from infra.bus import Bus, DeadLetters, Letter

__all__ = ["dead"]

SHOWN = 120
"""Characters of an event that a person is shown."""


def dead(
    replay: Annotated[
        bool, typer.Option("--replay", help="Send them again; what cannot be used this time either comes back here.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Play events that could not be read or stored, with the reason, oldest first.

    Nobody's plays wait for them. They are kept as long as Kafka keeps plays (here: a month) and can be sent again, after an
    update of Segue that understands them, say.
    """
    from infra.bus import Bus, DeadLetters, ensure_topics
    from infra.services import Services

    settings = Settings.load()
    with Services(settings) as services:
        bus = Bus(services.ensure("kafka").kafka, settings.kafka_prefix)
        ensure_topics(bus)
        with closing(DeadLetters(bus)) as letters:
            waiting = letters.waiting()
            if replay:
                _send_again(bus, letters, waiting)
    if as_json:
        print_json({"letters": [_plain(letter) for letter in waiting], "sent_again": len(waiting) if replay else 0})
    elif not waiting:
        out.print("every event could be read and stored")
    elif replay:
        out.print(f"{len(waiting)} sent again; `segue plays dead` shows what comes back")
    else:
        out.print(_table(waiting))


def _send_again(bus: Bus, letters: DeadLetters, waiting: Sequence[Letter]) -> None:
    from infra.bus import PlayProducer

    producer = PlayProducer(bus)
    try:
        for letter in waiting:
            producer.resend(letter)
            # Acknowledged before it is struck off: killed in between, it is sent twice and counts once by its id.
            producer.flush()
            letters.done(letter)
            say(f"sent again: event {letter.offset}")
    finally:
        producer.close()


def _plain(letter: Letter) -> dict[str, Any]:
    return {
        "offset": letter.offset,
        "user": letter.user,
        "reason": letter.reason,
        "request_id": letter.request_id or None,
        "at": _when(letter),
        "event": (letter.payload or b"").decode(errors="backslashreplace"),
    }


def _table(waiting: Sequence[Letter]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("when", "listener", "reason", "event"):
        table.add_column(name, overflow="fold")
    for letter in waiting:
        # Bytes of anybody: shown so that no terminal takes them for orders.
        event = ascii((letter.payload or b"")[:SHOWN])[2:-1]
        table.add_row(*map(escape, (_when(letter) or "", ascii(letter.user)[1:-1], letter.reason, event)))
    return table


def _when(letter: Letter) -> str | None:
    return datetime.fromtimestamp(letter.at_ms / 1000, UTC).isoformat(timespec="seconds") if letter.at_ms else None
