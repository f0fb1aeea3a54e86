"""A listener's year, made up: when they listen, to what, and how their taste moves on.

In: the library's tracks, the moment at which the year ends, a seed. Out: play events as the page posts them, oldest first.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from infra.events import PlayEvent, PlayKind
from infra.models import Track, UserId

__all__ = ["ME", "a_year"]

ME = UserId("me")
DAYS = 365
WORKDAYS, WEEKEND = range(5), range(5, 7)


class Habit(NamedTuple):
    """On which days, when, how likely, and how many tracks."""

    weekdays: range
    hour: float
    chance: float
    tracks: int


HABITS = (
    Habit(WORKDAYS, 7.6, 0.5, 4),
    Habit(WORKDAYS, 20.4, 0.55, 8),
    Habit(WEEKEND, 10.3, 0.6, 9),
    Habit(WEEKEND, 16.0, 0.35, 6),
    Habit(WEEKEND, 21.6, 0.5, 10),
)
LAST = Habit(range(7), 0, 1, 7)
"""What was heard just before the year ends."""
SEASON_DAYS = 70
WANTED, UNWANTED, ALWAYS = 0.15, 0.04, 0.4
"""How much an album is wanted out of its season, and the two that are never, or always, wanted."""
GOES_ON, ASTRAY = 0.65, 0.15
"""Chance that the next track of the album follows, and that it is any track at all."""
NEVER_PLAYED = 11
"""Every track of so many is one that nobody has played yet."""
LIKED, DISLIKED, PRIVATE = 0.12, 0.3, 0.02


class Listener:
    """Somebody with a taste: albums that each have a season, and tracks that please more than others."""

    def __init__(self, tracks: Sequence[Track], seed: int) -> None:
        self.chance = random.Random(seed)
        known = sorted(tracks, key=lambda track: (track.album, track.track_number or 0, track.title))
        self.played = [track for n, track in enumerate(known) if n % NEVER_PLAYED != NEVER_PLAYED - 1]
        self.albums: dict[str, list[Track]] = {}
        for track in self.played:
            self.albums.setdefault(track.album, []).append(track)
        order = self.chance.sample(list(self.albums), len(self.albums))
        self.favourite, self.unloved = order[0], order[-1]
        self.season = {album: DAYS * (place + 0.5) / len(order) for place, album in enumerate(order)}
        # Albums of many short tracks come up more often: long ones would take all of the time otherwise.
        self.turns = {album: len(of) ** 2 / sum(track.duration_ms for track in of) for album, of in self.albums.items()}
        self.appeal = {track.id: self.chance.lognormvariate(0, 0.6) for track in self.played}
        self.said: set[str] = set()

    def wants(self, album: str, day: int) -> float:
        """How much they want an album on a day of the year, from 0 to about 1."""
        if album == self.unloved:
            return UNWANTED
        least = ALWAYS if album == self.favourite else WANTED
        return least + (1 - least) * math.exp(-(((day - self.season[album]) / SEASON_DAYS) ** 2))

    def session(self, day: int, at: datetime, tracks: int) -> Iterator[PlayEvent]:
        """One sitting that begins at `at`: two albums of the season, and now and then something else."""
        private = self.chance.random() < PRIVATE
        weights = [self.wants(album, day) ** 1.3 * self.turns[album] for album in self.albums]
        albums = self.chance.choices(list(self.albums), weights, k=2)
        track = self._of(albums[0])
        for _ in range(max(2, round(self.chance.gauss(tracks, 2)))):
            for event in self._plays(track, day, at, private):
                yield event
                at = event.at + timedelta(seconds=self.chance.uniform(1, 3))
            track = self._next(track, albums)

    def _of(self, album: str) -> Track:
        tracks = self.albums[album]
        return self.chance.choices(tracks, [self.appeal[track.id] for track in tracks])[0]

    def _next(self, track: Track, albums: Sequence[str]) -> Track:
        if self.chance.random() < ASTRAY:
            return self.chance.choice(self.played)
        if track.album in albums and self.chance.random() < GOES_ON:
            tracks = self.albums[track.album]
            return tracks[(tracks.index(track) + 1) % len(tracks)]
        return self._of(self.chance.choice(albums))

    def _plays(self, track: Track, day: int, at: datetime, private: bool) -> Iterator[PlayEvent]:
        """Begun, then finished or skipped, perhaps judged."""
        pleased = self.wants(track.album, day) * min(1.5, 0.6 + 0.4 * self.appeal[track.id])
        finished = self.chance.random() < min(0.97, 0.35 + pleased)
        heard = 1.0 if finished else self.chance.betavariate(1.2, 6)
        ended = at + timedelta(milliseconds=track.duration_ms * heard)
        yield self._event(track, "started", at, 0.0, private)
        yield self._event(track, "finished" if finished else "skipped", ended, heard, private)
        if track.id in self.said or private:
            return
        if finished and self.appeal[track.id] > 1.2 and self.chance.random() < LIKED:
            yield self._opinion(track, "liked", ended, heard)
        elif not finished and track.album == self.unloved and self.chance.random() < DISLIKED:
            yield self._opinion(track, "disliked", ended, heard)

    def _opinion(self, track: Track, kind: PlayKind, at: datetime, heard: float) -> PlayEvent:
        self.said.add(track.id)
        return self._event(track, kind, at, heard, private=False)

    def _event(self, track: Track, kind: PlayKind, at: datetime, heard: float, private: bool) -> PlayEvent:
        return PlayEvent(
            event_id=uuid.UUID(int=self.chance.getrandbits(128), version=4),
            user=ME,
            track=track.id,
            kind=kind,
            position_ms=round(track.duration_ms * heard),
            duration_ms=track.duration_ms,
            at=at,
            client="page",
            private=private,
        )


def a_year(tracks: Sequence[Track], end: datetime, seed: int) -> list[PlayEvent]:
    """All that the listener did in the year before `end`; the same library and seed make the same year."""
    listener = Listener(tracks, seed)
    begin = (end - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    events: list[PlayEvent] = []
    for day in range(DAYS + 1):
        date = begin + timedelta(days=day)
        for habit in HABITS:
            if date.weekday() in habit.weekdays and listener.chance.random() < habit.chance * _mood(day):
                at = date + timedelta(hours=listener.chance.gauss(habit.hour, 0.6))
                events += listener.session(day, at, habit.tracks)
    last = listener.session(DAYS, end - timedelta(minutes=40), LAST.tracks)
    before = [event for event in events if event.at < end - timedelta(minutes=45)]
    return before + [event for event in last if event.at < end]


def _mood(day: int) -> float:
    """More in winter than in summer, and a little of everything between."""
    return 0.85 + 0.25 * math.cos(2 * math.pi * day / DAYS) + 0.15 * math.sin(day / 9)
