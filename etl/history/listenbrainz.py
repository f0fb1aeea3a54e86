"""ListenBrainz's export: one listen a line (`listens/2024/5.jsonl`), in older exports one list.

In: the text of one file. Out: a `Heard` a listen, None for one without a name or a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, Field, NonNegativeInt, TypeAdapter, ValidationError

from etl.history.heard import Document, Heard, Recording, fault_in

__all__ = ["read_lines", "read_list"]

LATEST_S = 7_000_000_000
"""In the year 2191: what is beyond it is not in seconds."""


class _Additional(BaseModel):
    duration_ms: float | None = Field(None, ge=0)
    duration: float | None = Field(None, ge=0)
    """In seconds; players send one or the other."""


class _Metadata(BaseModel):
    artist: str | None = Field(None, alias="artist_name")
    title: str | None = Field(None, alias="track_name")
    album: str | None = Field(None, alias="release_name")
    additional: _Additional | None = Field(None, alias="additional_info")


class _Listen(BaseModel):
    listened_at: NonNegativeInt | None = Field(None, le=LATEST_S)
    metadata: _Metadata = Field(alias="track_metadata")


LISTENS = TypeAdapter(list[_Listen])


def read_lines(document: Document) -> Iterator[Heard | None]:
    """Listens, one a line. Raises `SettingsError` naming the line at fault."""
    for number, line in enumerate(document.text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            listen = _Listen.model_validate_json(line)
        except ValidationError as error:
            raise fault_in(document, error, number) from error
        yield _heard(listen)


def read_list(document: Document) -> Iterator[Heard | None]:
    """Listens in one list. Raises `SettingsError` naming the entry at fault."""
    try:
        listens = LISTENS.validate_json(document.text)
    except ValidationError as error:
        raise fault_in(document, error) from error
    yield from map(_heard, listens)


def _heard(listen: _Listen) -> Heard | None:
    told = listen.metadata
    if not listen.listened_at or not told.artist or not told.title:
        return None
    more = told.additional
    length_ms = (more.duration_ms or (more.duration or 0) * 1000) if more else 0
    return Heard(
        "listenbrainz",
        Recording(told.artist, told.title, told.album or ""),
        listen.listened_at * 1000,
        None,
        "finished",
        ("listenbrainz", str(listen.listened_at), told.artist.casefold(), told.title.casefold()),
        length_ms=int(length_ms),
    )
