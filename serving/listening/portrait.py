"""A listener's taste in numbers and in facts for plain words.

In: listenings, private ones left out, and what the tracks are called. Out: `TasteTold`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple, TypeVar

from infra.models import Track, TrackId
from serving.listening.diary import Heard
from serving.listening.insight_answers import AlbumLeaning, Fact, Leaning, TasteTold, TrackLeaning

__all__ = ["portrait"]

K = TypeVar("K")
MOST = 200
"""Of each list."""
DOUBT = 2.0
"""So many listenings that say nothing are added to each: one play is not yet a taste."""
FEWEST = 3
OFTEN_SKIPPED = 0.5
NEWEST = 300
"""Listenings that tell how much is discovered."""
RETURNS = 4
TIMES = (("night", range(5)), ("morning", range(5, 12)), ("afternoon", range(12, 18)), ("evening", range(18, 24)))


class _Sum:
    """What listenings come to."""

    __slots__ = ("finished", "likes", "ms", "plays", "said", "skips", "spoke")

    def __init__(self) -> None:
        self.plays = self.skips = self.finished = self.likes = self.ms = self.spoke = 0
        self.said = 0.0

    def add(self, one: Heard) -> None:
        self.plays += one.heard
        self.skips += one.kind == "skipped"
        self.finished += one.kind == "finished"
        self.likes += one.opinion is not None and one.opinion > 0
        self.ms += one.listened_ms
        self.spoke += 1
        self.said += one.says

    @property
    def weight(self) -> float:
        return max(-1.0, min(self.said / (self.spoke + DOUBT), 1.0))

    def counts(self) -> dict[str, float]:
        return {"plays": self.plays, "skips": self.skips, "likes": self.likes, "ms": self.ms, "weight": self.weight}


class _Of(NamedTuple):
    """Sums by what a track is, has or is by."""

    tracks: dict[TrackId, _Sum]
    artists: dict[str, _Sum]
    genres: dict[str, _Sum]
    albums: dict[tuple[str, str], _Sum]
    """By whom they are, and their titles."""


def portrait(listenings: Sequence[Heard], tracks: Mapping[TrackId, Track], zone: tzinfo) -> TasteTold:
    """The taste that `listenings` (by their ends) tell of; of `tracks`, those that the library has."""
    heard = [one for one in listenings if not one.private]
    whole, hours = _Sum(), [0] * 24
    of = _Of({}, {}, {}, {})
    last_word: dict[TrackId, float] = {}
    for one in heard:
        whole.add(one)
        hours[_moment(one.started_ms, zone).hour] += one.listened_ms
        if one.opinion is not None:
            last_word[one.track] = one.opinion
        _add(of, one, tracks.get(one.track))
    return TasteTold(
        since=_moment(min(one.started_ms for one in heard), UTC) if heard else None,
        plays=whole.plays,
        finished=whole.finished,
        skipped=whole.skips,
        liked=sum(word > 0 for word in last_word.values()),
        disliked=sum(word < 0 for word in last_word.values()),
        ms=whole.ms,
        artists=_leanings(of.artists),
        genres=_leanings(of.genres),
        albums=tuple(
            AlbumLeaning.model_validate({"artist": artist, "name": title, **one.counts()})
            for (artist, title), one in _strongest(of.albums)
        ),
        tracks=tuple(
            TrackLeaning.model_validate({"track": tracks[track], **one.counts()})
            for track, one in _strongest(of.tracks)
        ),
        hours=tuple(hours),
        facts=tuple(_facts(heard, whole, of, hours, tracks)),
    )


def _add(of: _Of, one: Heard, track: Track | None) -> None:
    if track is None:
        return
    of.tracks.setdefault(track.id, _Sum()).add(one)
    for sums, name in ((of.artists, track.artist), (of.genres, track.genre)):
        if name:
            sums.setdefault(name, _Sum()).add(one)
    if track.album:
        of.albums.setdefault((track.album_by, track.album), _Sum()).add(one)


def _strongest(sums: Mapping[K, _Sum]) -> Iterable[tuple[K, _Sum]]:
    return heapq.nlargest(MOST, sums.items(), key=lambda item: (abs(item[1].weight), item[1].ms))


def _leanings(sums: Mapping[str, _Sum]) -> tuple[Leaning, ...]:
    return tuple(Leaning.model_validate({"name": name, **one.counts()}) for name, one in _strongest(sums))


def _facts(
    heard: Sequence[Heard], whole: _Sum, of: _Of, hours: Sequence[int], tracks: Mapping[TrackId, Track]
) -> Iterator[Fact]:
    if whole.plays < FEWEST:
        return
    yield from _most("most_artist", of.artists, whole)
    yield from _most("most_genre", of.genres, whole)
    skipped = {name: one for name, one in of.artists.items() if one.plays >= FEWEST and one.weight < 0}
    for name, one in _greatest(skipped, lambda one: one.skips):
        if one.skips >= OFTEN_SKIPPED * one.plays:
            yield Fact(kind="skips_artist", name=name, value=one.skips / one.plays)
    if whole.ms:
        time, ms = max(((name, sum(hours[hour] for hour in some)) for name, some in TIMES), key=lambda item: item[1])
        yield Fact(kind="time_of_day", name=time, value=ms / whole.ms)
    yield Fact(kind="finishes", value=whole.finished / whole.plays)
    yield Fact(kind="discovers", value=_discovered(heard))
    for track, one in _greatest(of.tracks, lambda one: one.plays - one.skips):
        if one.plays - one.skips >= RETURNS:
            yield Fact(kind="returns_to", name=tracks[TrackId(track)].title, value=one.plays)


def _most(kind: str, sums: Mapping[str, _Sum], whole: _Sum) -> Iterator[Fact]:
    for name, one in _greatest(sums, lambda one: one.ms):
        if one.ms:
            yield Fact.model_validate({"kind": kind, "name": name, "value": one.ms / whole.ms})


def _greatest(
    sums: Mapping[str, _Sum] | Mapping[TrackId, _Sum], by: Callable[[_Sum], int]
) -> Iterable[tuple[str, _Sum]]:
    """The one with the most; none where there is none."""
    return heapq.nlargest(1, sums.items(), key=lambda item: by(item[1]))


def _discovered(heard: Sequence[Heard]) -> float:
    """Share of the newest listenings in which a track was heard for the first time."""
    firsts: set[TrackId] = set()
    first = []
    for one in heard:
        if one.heard:
            first.append(one.track not in firsts)
            firsts.add(one.track)
    newest = first[-NEWEST:]
    return sum(newest) / max(len(newest), 1)


def _moment(at_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)
