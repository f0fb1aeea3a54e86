"""A simulated household: a library of synthetic sounds, and listeners whose tastes are known because they are made up.

In: a seed. Out: tracks, play events as clients post them, and listeners who can answer a recommender: each finishes or
skips by a hidden taste. This is a simulation: it shows whether the recommender finds what was put in, not how people are.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from infra.events import PlayEvent, PlayKind
from infra.models import TrackId
from training.data.dataset import Segments, Sessions, TrainingData
from training.data.signals import signals
from training.data.vectors import Floats, unit

__all__ = ["GAP", "Evening", "Household", "Listener", "Mood", "Sizes", "household", "learned_from"]

START = datetime(2026, 1, 5, tzinfo=UTC)
GAP = timedelta(minutes=30)
"""The pause after which a new session begins."""
LENGTH_MS, LENGTH_SPREAD_MS = 210_000, 40_000

ARTISTS_A_KIND, ALBUMS_AN_ARTIST = 6, 2
ARTIST_SOUND, NOISE, PART_NOISE, NOISE_DIMENSIONS = 0.5, 1.3, 0.4, 8
"""Lengths beside a kind's own sound of 1: what its artists, its tracks and the parts of a track differ by."""

IN_MOOD, IN_ANOTHER_MOOD, NEVER_WANTED = 0.92, 0.15, 0.05
"""Chance that a track of a kind is heard to its end: wanted now, wanted at other times, never wanted."""
UNLOVED_ARTISTS, UNLOVED = 1 / 3, 0.15
"""Share of the artists that a listener does not care for, and what is left of the chance. Sound does not tell them."""
USUAL_HOUR = 0.9
"""Chance that the mood is the one of the hour."""
BY_CHOICE, OF_THE_MOOD = 0.5, 0.7
"""Share of tracks that the listener picks; of the others (radio, shuffle), the share that is of a kind wanted now."""
LIKED, DISLIKED = 0.05, 0.03
SLIP = 0.03
"""Share of reactions that say nothing: the telephone rang."""


class Sizes(NamedTuple):
    """How large a household is."""

    kinds: int = 8
    tracks_a_kind: int = 60
    listeners: int = 4
    days: int = 90
    never_played: float = 0.1
    """Share of the tracks that arrive when everything has been played."""


@dataclass(frozen=True)
class Mood:
    """What somebody wants at certain hours."""

    kinds: frozenset[int]
    hour: int
    """Of the day, UTC, about which sessions of this mood begin."""


@dataclass(frozen=True)
class Listener:
    """Somebody with several tastes, known to the simulation alone."""

    name: str
    moods: tuple[Mood, ...]
    unloved: frozenset[str]
    """Artists."""


class Evening(NamedTuple):
    """A session as it was: who, in which hidden mood, and what the client posted."""

    listener: Listener
    mood: Mood
    events: tuple[PlayEvent, ...]


@dataclass(frozen=True)
class Household:
    """The library, the listeners, and their sessions in order of time."""

    track_ids: list[TrackId]
    kinds: np.ndarray
    """(n,) the kind of each track."""
    artists: list[str]
    albums: list[str]
    sound: Floats
    segments: Segments
    listeners: tuple[Listener, ...]
    evenings: list[Evening] = field(default_factory=list)

    def place(self, track: TrackId) -> int:
        """Where `track` stands in `track_ids`."""
        return int(track[1:])

    def chance(self, listener: Listener, mood: Mood, place: int) -> float:
        """How likely `listener` hears the track at `place` to its end in `mood`."""
        kind = int(self.kinds[place])
        wanted = any(kind in other.kinds for other in listener.moods)
        chance = IN_MOOD if kind in mood.kinds else IN_ANOTHER_MOOD if wanted else NEVER_WANTED
        return chance * (UNLOVED if self.artists[place] in listener.unloved else 1.0)

    def skip_rate(self, listener: Listener, mood: Mood, tracks: Sequence[TrackId]) -> float:
        """The expected share of `tracks` that `listener` would skip in `mood`."""
        return float(np.mean([1 - self.chance(listener, mood, self.place(track)) for track in tracks]))

    def reaction(
        self, listener: Listener, mood: Mood, track: TrackId, at: datetime, rng: np.random.Generator
    ) -> list[PlayEvent]:
        """What the client posts when `listener` gets `track` at `at`: begun, then finished or skipped, perhaps judged.

        What is wrong is skipped early, what is all right but not wanted now late.
        """
        chance = self.chance(listener, mood, self.place(track))
        felt = rng.random() if rng.random() < SLIP else chance
        length = int(rng.normal(LENGTH_MS, LENGTH_SPREAD_MS).__abs__()) + 30_000
        finished = rng.random() < felt
        share = 1.0 if finished else float(rng.beta(1, 9) if chance < 0.5 else rng.beta(6, 2))
        ended = at + timedelta(milliseconds=length * share)
        kinds: list[tuple[PlayKind, datetime, int]] = [
            ("started", at, 0),
            ("finished" if finished else "skipped", ended, int(length * share)),
        ]
        if finished and chance > 0.5 and rng.random() < LIKED:
            kinds.append(("liked", ended, length))
        if not finished and chance < 0.1 and rng.random() < DISLIKED:
            kinds.append(("disliked", ended, int(length * share)))
        return [
            PlayEvent(
                event_id=uuid.UUID(bytes=rng.bytes(16)),
                user=listener.name,
                track=track,
                kind=kind,
                position_ms=position_ms,
                duration_ms=length,
                at=when,
                client="simulation",
            )
            for kind, when, position_ms in kinds
        ]


def household(seed: int, sizes: Sizes | None = None) -> Household:
    """A library and its listeners with their whole history; the same seed makes the same one."""
    rng, sizes = np.random.default_rng(seed), sizes or Sizes()
    home = _library(rng, sizes)
    played = np.flatnonzero(rng.random(len(home.track_ids)) >= sizes.never_played)
    for day in range(sizes.days):
        for listener in home.listeners:
            home.evenings.extend(_day(home, listener, START + timedelta(days=day), played, rng))
    home.evenings.sort(key=lambda evening: evening.events[0].at)
    return home


def learned_from(home: Household, evenings: Sequence[Evening], *, skips: bool = True) -> TrainingData:
    """What Spark would make of the events of `evenings`; without `skips`, only of what was wanted."""
    items: list[int] = []
    weights: list[float] = []
    lengths: list[int] = []
    for evening in evenings:
        said = [(home.place(s.track), s.weight) for s in signals(evening.events) if skips or s.weight > 0]
        lengths.append(len(said))
        items += [place for place, _ in said]
        weights += [weight for _, weight in said]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    train = Sessions(offsets, np.array(items, dtype=np.int32), np.array(weights, dtype=np.float32))
    nothing = Sessions(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))
    counts = np.bincount(train.wanted().items, minlength=len(home.track_ids))
    return TrainingData(
        list(map(str, home.track_ids)), home.artists, home.albums, home.sound, home.segments, train, nothing, counts
    )


def _library(rng: np.random.Generator, sizes: Sizes) -> Household:
    n = sizes.kinds * sizes.tracks_a_kind
    kinds = np.repeat(np.arange(sizes.kinds), sizes.tracks_a_kind)
    by = np.tile(np.arange(sizes.tracks_a_kind) % ARTISTS_A_KIND, sizes.kinds)
    album = np.tile(np.arange(sizes.tracks_a_kind) // ARTISTS_A_KIND % ALBUMS_AN_ARTIST, sizes.kinds)
    names = [f"artist {kind}.{artist}" for kind, artist in zip(kinds, by, strict=True)]
    d = 2 * sizes.kinds + NOISE_DIMENSIONS
    of_artist = {name: _direction(rng, d) * ARTIST_SOUND for name in dict.fromkeys(names)}
    sound = np.stack([of_artist[name] + NOISE * _direction(rng, d) for name in names])
    sound[np.arange(n), kinds] += 1.0
    parts = np.repeat(sound, 3, axis=0) + PART_NOISE * rng.normal(size=(3 * n, d)) / np.sqrt(d)
    return Household(
        track_ids=[TrackId(f"t{i:04d}") for i in range(n)],
        kinds=kinds,
        artists=names,
        albums=[f"{name}, album {one}" for name, one in zip(names, album, strict=True)],
        sound=unit(sound.astype(np.float32)),
        segments=Segments(np.arange(n + 1, dtype=np.int64) * 3, unit(parts.astype(np.float32))),
        listeners=tuple(_listener(rng, i, sizes, sorted(set(names))) for i in range(sizes.listeners)),
    )


def _direction(rng: np.random.Generator, d: int) -> np.ndarray:
    drawn = rng.normal(size=d)
    return np.asarray(drawn / np.linalg.norm(drawn))


def _listener(rng: np.random.Generator, number: int, sizes: Sizes, artists: Sequence[str]) -> Listener:
    """Two kinds by day and another one at night; the rest of the library belongs to the others."""
    liked = rng.permutation(sizes.kinds)[:3].tolist()
    moods = (Mood(frozenset(liked[:2]), 10 + number % 4), Mood(frozenset(liked[2:]), 21 + number % 2))
    return Listener(f"listener {number}", moods, frozenset(a for a in artists if rng.random() < UNLOVED_ARTISTS))


def _day(
    home: Household, listener: Listener, day: datetime, played: np.ndarray, rng: np.random.Generator
) -> Iterator[Evening]:
    for usual in listener.moods:
        if rng.random() < 0.35:
            continue
        mood = usual if rng.random() < USUAL_HOUR else listener.moods[rng.integers(len(listener.moods))]
        at = day + timedelta(hours=usual.hour + float(rng.normal(0, 0.7)))
        yield Evening(listener, mood, tuple(_session(home, listener, mood, at, played, rng)))


def _session(
    home: Household, listener: Listener, mood: Mood, at: datetime, played: np.ndarray, rng: np.random.Generator
) -> Iterator[PlayEvent]:
    chances = np.array([home.chance(listener, mood, place) for place in played])
    of_the_mood = played[np.isin(home.kinds[played], list(mood.kinds))]
    heard: set[int] = set()
    for _ in range(3 + rng.geometric(0.12)):
        if rng.random() < BY_CHOICE:
            place = int(rng.choice(played, p=chances**2 / (chances**2).sum()))
        else:
            place = int(rng.choice(of_the_mood if rng.random() < OF_THE_MOOD else played))
        if place in heard:
            continue
        heard.add(place)
        posted = home.reaction(listener, mood, home.track_ids[place], at, rng)
        yield from posted
        at = posted[-1].at + timedelta(seconds=2)


def history(evenings: Sequence[Evening]) -> Mapping[str, list[PlayEvent]]:
    """The events of each listener in `evenings`, oldest first."""
    found: dict[str, list[PlayEvent]] = {}
    for evening in evenings:
        found.setdefault(evening.listener.name, []).extend(evening.events)
    return found
