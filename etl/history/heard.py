"""One listening, as an export tells of it: what every reader gives and everything after it works on.

In: the fields of an entry. Out: `Heard` and the `Recording` it was of; nothing else of the export travels on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from pydantic import ValidationError

from infra import clock
from infra.errors import SettingsError
from infra.events import DAY_MS, EARLIEST, LATEST

__all__ = ["Document", "Ending", "Heard", "Origin", "Recording", "damaged", "fault_in", "to_ms", "within_a_day"]

Origin = Literal["spotify", "listenbrainz", "lastfm"]
Ending = Literal["finished", "skipped", "left", "unknown"]
"""How it ended: to its end, skipped on purpose, merely left; "unknown" where the export does not say."""


class Document(NamedTuple):
    """The text of one file, or of one file inside a zip."""

    name: str
    text: str


class Recording(NamedTuple):
    """What was heard, in the words of the export; `album` may be empty."""

    artist: str
    title: str
    album: str


class Heard(NamedTuple):
    """One listening; times in milliseconds since 1970."""

    origin: Origin
    recording: Recording
    began_ms: int
    ended_ms: int | None
    """None where the export knows only the beginning."""
    ending: Ending
    identity: tuple[str, ...]
    """The same for the same listening in every export of this origin."""
    length_ms: int = 0
    """How long the recording is, 0 when it is not told."""
    private: bool = False


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, of UTC where no zone is told; raises `ValueError` for years that no event can have."""
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EARLIEST <= known <= LATEST.replace(year=LATEST.year - 1):
        raise ValueError(f"{moment:%Y-%m-%d} is not a time at which music was played")
    return clock.to_ms(known)


def within_a_day(length_ms: int) -> int:
    """A length that an event can carry."""
    return min(length_ms, DAY_MS)


def damaged(document: Document, where: str, what: str) -> SettingsError:
    """The error for an entry or line that cannot be read."""
    return SettingsError(
        f"{document.name}, {where}: {what}. Nothing was written; "
        "take that part out or fetch the export again, and repeat the command"
    )


def fault_in(document: Document, error: ValidationError, line: int | None = None) -> SettingsError:
    """The first fault that validation found: in `line`, or in the entry of a list that the error names."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    entry, *inside = first["loc"] or ("",)
    if line is None and isinstance(entry, int):
        where, place = f"entry {entry + 1}", inside
    else:
        where, place = f"line {line}" if line else "as a whole", [entry, *inside]
    field = ".".join(map(str, filter(None, place)))
    return damaged(document, where, f"{field}: {first['msg']}" if field else first["msg"])
