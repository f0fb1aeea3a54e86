"""The map of the music: every track with its place, its mood and how often this listener has played it.

In: the model's layout, the library, the history. Out: columns of equal length.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from fastapi import APIRouter, Response
from numpy.typing import NDArray

from infra.models import TrackId
from serving.answers import Answer, of_json
from serving.champion import Champion, Model
from serving.http.parameters import User
from serving.listening.diary import Diaries, Diary
from serving.music.catalogue import Catalogue, Entry

__all__ = ["MOODS", "Atlas", "MusicMap", "moods"]

MOODS = ("calm and warm", "calm and bright", "lively and warm", "lively and bright")
"""By loudness and brightness, each against the middle of the library."""
DECIMALS = 4


class MusicMap(Answer):
    """Every track that can be recommended, in columns of equal length."""

    model_version: str | None
    ids: tuple[TrackId, ...]
    x: tuple[float, ...]
    """From 0 to 1."""
    y: tuple[float, ...]
    mood: tuple[int, ...]
    """Places in `moods`."""
    moods: tuple[str, ...]
    album: tuple[int, ...]
    """Places in `albums`."""
    albums: tuple[str, ...]
    """Titles; empty for tracks without an album."""
    plays: tuple[int, ...]
    """Last, as it alone is another listener's."""


class _Drawn(NamedTuple):
    """What is the same for all listeners."""

    model: Model
    """What it is of; another one as soon as the library has changed."""
    ids: tuple[TrackId, ...]
    told: bytes
    """JSON, up to the plays: megabytes of a large library, written once and not for everybody who looks at it."""


class Atlas:
    """The route `/map`."""

    def __init__(self, diaries: Diaries, catalogue: Catalogue, champion: Champion) -> None:
        self._diaries, self._catalogue, self._champion = diaries, catalogue, champion
        self._drawn: _Drawn | None = None

    def add_to(self, routes: APIRouter, **guarded: Any) -> None:
        """Add the route, without the prefix."""
        routes.add_api_route("/{user}/map", self.map, response_model=MusicMap, **guarded)

    async def map(self, user: User) -> Response:
        """The library as a map: what sounds alike, or is heard together, lies close."""
        diary = await self._diaries.of(user)
        return await asyncio.to_thread(self._answer, diary)

    def _answer(self, diary: Diary) -> Response:
        model = self._champion.model
        drawn = self._drawn
        if drawn is None or drawn.model is not model:
            drawn = self._drawn = self._draw(model)
        plays = Counter(one.track for one in diary.listenings if one.heard)
        column = json.dumps([plays[track] for track in drawn.ids], separators=(",", ":"))
        return of_json(drawn.told + column.encode() + b"}")

    def _draw(self, model: Model) -> _Drawn:
        entries = self._catalogue.entries
        known = [(place, entries[track]) for place, track in enumerate(model.recommender.tracks) if track in entries]
        shown = [entry for _, entry in known]
        places = model.recommender.layout[[place for place, _ in known]] if known else np.empty((0, 2))
        x, y = np.round(places.astype(np.float64), DECIMALS).T.tolist()
        numbers: dict[tuple[str, str], int] = {}
        album = tuple(numbers.setdefault(_album(entry), len(numbers)) for entry in shown)
        ids = tuple(entry.track.id for entry in shown)
        # Made of what is right by construction: a hundred thousand rows need not be looked at again.
        told = MusicMap.model_construct(
            model_version=model.version,
            ids=ids,
            x=tuple(x),
            y=tuple(y),
            mood=tuple(moods(shown).tolist()),
            moods=MOODS,
            album=album,
            albums=tuple(title for _, title in numbers),
            plays=(),
        )
        return _Drawn(model, ids, told.model_dump_json().removesuffix("[]}").encode())


def moods(entries: Sequence[Entry]) -> NDArray[np.int64]:
    """(n,) the mood of each: a place in `MOODS`. What was not measured counts as the middle."""
    loud = _above_middle([entry.track.loudness_lufs for entry in entries])
    bright = _above_middle([entry.brightness_hz for entry in entries])
    return 2 * loud.astype(np.int64) + bright


def _above_middle(values: Sequence[float | None]) -> NDArray[np.bool_]:
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.asarray(known > np.nanmedian(known)) if np.isfinite(known).any() else np.zeros(len(known), dtype=bool)


def _album(entry: Entry) -> tuple[str, str]:
    track = entry.track
    return (track.album_by, track.album) if track.album else ("", "")
