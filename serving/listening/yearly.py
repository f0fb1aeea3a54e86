"""A year of listening in numbers.

In: listenings, private ones included, what the tracks are called, a year in the listener's zone. Out: `Statistics`.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Generic, NamedTuple, TypeVar

from infra.models import Track, TrackId
from serving.listening.diary import Heard
from serving.listening.insight_answers import (
    ListeningDay,
    MonthOfYear,
    NamedTime,
    PlayedAlbum,
    PlayedName,
    PlayedTrack,
    Statistics,
)

__all__ = ["statistics"]

TOP = 50
OF_A_MONTH = 10

K = TypeVar("K", bound=Hashable)


class _Played(NamedTuple):
    """One listening of the year, at its beginning in the listener's zone."""

    at: datetime
    heard: Heard
    track: Track | None


class _Most(Generic[K]):
    """Plays, milliseconds and a cover by whatever was played."""

    def __init__(self) -> None:
        self._plays: dict[K, int] = {}
        self._ms: dict[K, int] = {}
        self.covers: dict[K, TrackId] = {}
        """The first track with one."""

    def add(self, key: K, one: _Played) -> None:
        self._plays[key] = self._plays.get(key, 0) + 1
        self._ms[key] = self._ms.get(key, 0) + one.heard.listened_ms
        if one.track is not None and one.track.cover:
            self.covers.setdefault(key, one.track.id)

    def first(self, n: int) -> list[tuple[K, int, int]]:
        """Up to `n` of them with plays and milliseconds, the most heard first."""
        found = heapq.nlargest(n, self._ms.items(), key=lambda item: (item[1], self._plays[item[0]]))
        return [(key, self._plays[key], ms) for key, ms in found]


def statistics(
    listenings: Sequence[Heard], tracks: Mapping[TrackId, Track], zone: tzinfo, year: int | None, today: date
) -> Statistics:
    """The numbers of `year`; of the newest with any plays where none is given."""
    placed = [(datetime.fromtimestamp(one.started_ms / 1000, zone), one) for one in listenings if one.heard]
    years = sorted({at.year for at, _ in placed})
    shown = year if year is not None else years[-1] if years else today.year
    played = [_Played(at, one, tracks.get(one.track)) for at, one in placed if at.year == shown]
    before = {one.track for at, one in placed if at.year < shown}
    days = _by_day(played)
    longest = max(days, key=days.__getitem__, default=None)
    return Statistics(
        years=tuple(years),
        year=shown,
        ms=sum(one.heard.listened_ms for one in played),
        plays=len(played),
        finished=sum(one.heard.kind == "finished" for one in played),
        skipped=sum(one.heard.kind == "skipped" for one in played),
        n_tracks=len({one.heard.track for one in played}),
        n_artists=len({one.track.artist for one in played if one.track is not None and one.track.artist}),
        n_new=len({one.heard.track for one in played} - before),
        longest_day=ListeningDay(day=longest.isoformat(), ms=days[longest]) if longest is not None else None,
        days_in_a_row=_row(days),
        clock=_clock(played),
        months=_months(played),
        top_tracks=_tracks(played, tracks),
        top_artists=_names((one.track.artist, one) for one in played if one.track is not None),
        top_albums=_albums(played),
        top_genres=_names((one.track.genre, one) for one in played if one.track is not None),
    )


def _by_day(played: Sequence[_Played]) -> dict[date, int]:
    days: dict[date, int] = {}
    for one in played:
        days[one.at.date()] = days.get(one.at.date(), 0) + one.heard.listened_ms
    return days


def _row(days: Iterable[date]) -> int:
    """How many days the longest row has."""
    longest, row, before = 0, 0, None
    for day in sorted(days):
        row = row + 1 if before is not None and day - before == timedelta(days=1) else 1
        longest, before = max(longest, row), day
    return longest


def _clock(played: Sequence[_Played]) -> tuple[tuple[int, ...], ...]:
    clock = [[0] * 24 for _ in range(7)]
    for one in played:
        clock[one.at.weekday()][one.at.hour] += one.heard.listened_ms
    return tuple(map(tuple, clock))


def _months(played: Sequence[_Played]) -> tuple[MonthOfYear, ...]:
    by_month: dict[str, list[_Played]] = {}
    for one in played:
        by_month.setdefault(f"{one.at.year:04}-{one.at.month:02}", []).append(one)
    return tuple(_month(month, by_month[month]) for month in sorted(by_month))


def _month(month: str, played: Sequence[_Played]) -> MonthOfYear:
    genres, artists = _Most[str](), _Most[str]()
    for one in played:
        genres.add(one.track.genre if one.track is not None else "", one)
        artists.add(one.track.artist if one.track is not None else "", one)
    return MonthOfYear(
        month=month,
        ms=sum(one.heard.listened_ms for one in played),
        plays=len(played),
        genres=tuple(NamedTime(name=name, ms=ms) for name, _, ms in genres.first(OF_A_MONTH)),
        artists=tuple(NamedTime(name=name, ms=ms) for name, _, ms in artists.first(OF_A_MONTH)),
    )


def _tracks(played: Sequence[_Played], tracks: Mapping[TrackId, Track]) -> tuple[PlayedTrack, ...]:
    most = _Most[TrackId]()
    for one in played:
        if one.track is not None:
            most.add(one.track.id, one)
    return tuple(PlayedTrack(track=tracks[known], plays=plays, ms=ms) for known, plays, ms in most.first(TOP))


def _names(played: Iterable[tuple[str, _Played]]) -> tuple[PlayedName, ...]:
    most = _Most[str]()
    for name, one in played:
        if name:
            most.add(name, one)
    return tuple(
        PlayedName(name=name, plays=plays, ms=ms, cover_track=most.covers.get(name))
        for name, plays, ms in most.first(TOP)
    )


def _albums(played: Sequence[_Played]) -> tuple[PlayedAlbum, ...]:
    most = _Most[tuple[str, str]]()
    for one in played:
        if one.track is not None and one.track.album:
            most.add((one.track.album_by, one.track.album), one)
    return tuple(
        PlayedAlbum(name=album, artist=artist, plays=plays, ms=ms, cover_track=most.covers.get((artist, album)))
        for (artist, album), plays, ms in most.first(TOP)
    )
