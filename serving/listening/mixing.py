"""The mixes of a day: from what a listener likes, has not heard for long, has never heard, and what is new in the library.

In: listenings up to that day, the model, the tracks. Out: lists of tracks under stable names, the same for the same listener and day.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from infra.events import DAY_MS
from infra.models import TrackId
from serving.champion import Model
from serving.listening.diary import Heard
from serving.music.catalogue import Entry
from training.data.signals import Signal
from training.recommend.endless import spread
from training.recommend.leanings import leanings

__all__ = ["Mixed", "Mixing", "chance_of", "known_by"]

DAILY = 4
SEEDS = 6
"""Tracks that a daily mix starts from: agreement with several, no average."""
FAMILIAR = 3
"""One in so many of a daily mix is among what it starts from."""
MOST_WANTED = 300
HALF_LIFE_DAYS = 60.0
LONG_AGO_MS = 30 * DAY_MS
FEWEST_LONG_AGO = 5
FRESH_MS = 14 * DAY_MS
FIRST_DAY = 30
"""Listenings that the mixes of a listener's very first day come from, as soon as there are so many."""
TO_CHOOSE = 3
ARTISTS = 3


class Mixed(NamedTuple):
    """One mix."""

    id: str
    artists: tuple[str, ...]
    """Whose tracks it has most."""
    tracks: tuple[TrackId, ...]


class _Wanted(NamedTuple):
    """What a listener thinks of a track they have heard."""

    merit: float
    last_ms: int


def chance_of(day: str, user: str) -> np.random.Generator:
    """Chance that is the same for this listener all day."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(f"{day}/{user}".encode()).digest()[:8]))


def known_by(listenings: Sequence[Heard], day_ms: int) -> list[Heard]:
    """What the mixes of the day that begins at `day_ms` may know: all before it; on a listener's first day, its beginning."""
    return [one for one in listenings if one.at_ms < day_ms] or list(listenings[:FIRST_DAY])


class Mixing:
    """One listener's mixes in the making."""

    def __init__(
        self,
        model: Model,
        entries: Mapping[TrackId, Entry],
        listenings: Sequence[Heard],
        barred: Collection[TrackId],
        chance: np.random.Generator,
        now_ms: int,
    ) -> None:
        """`listenings` are those known, private ones included: these say nothing, but that the track was heard."""
        self._model, self._entries, self._chance, self._now_ms = model, entries, chance, now_ms
        self._barred = model.unlisted | set(barred)
        self._heard = {one.track for one in listenings if one.heard}
        self._wanted = self._judged(listenings)

    def all(self, n: int) -> Iterator[Mixed]:
        """Mixes of up to `n` tracks; those that would be empty are left out."""
        for number, tracks in enumerate(self._daily(n), start=1):
            yield from self._mix(f"daily-{number}", tracks, n)
        yield from self._mix("rediscover", self._rediscover(n), n)
        yield from self._mix("never-played", self._never_played(n), n)
        yield from self._mix("new-here", self._new_here(n), n)

    def _mix(self, name: str, tracks: Sequence[TrackId], n: int) -> Iterator[Mixed]:
        chosen = spread(tracks, self._artist, n)
        counts = Counter(artist for artist in map(self._artist, chosen) if artist)
        if chosen:
            yield Mixed(name, tuple(artist for artist, _ in counts.most_common(ARTISTS)), tuple(chosen))

    def _artist(self, track: TrackId) -> str:
        return self._entries[track].track.artist

    def _usable(self, track: TrackId) -> bool:
        return track in self._entries and track not in self._barred

    def _judged(self, listenings: Sequence[Heard]) -> dict[TrackId, _Wanted]:
        newest_ms = max((one.said_ms for one in listenings), default=0)
        merits: dict[TrackId, float] = {}
        last: dict[TrackId, int] = {}
        for one in listenings:
            fresh = 0.5 ** ((newest_ms - one.said_ms) / DAY_MS / HALF_LIFE_DAYS)
            merits[one.track] = merits.get(one.track, 0.0) + one.says * fresh
            last[one.track] = max(last.get(one.track, 0), one.at_ms)
        return {
            track: _Wanted(merit, last[track]) for track, merit in merits.items() if merit > 0 and self._usable(track)
        }

    def _daily(self, n: int) -> Iterator[list[TrackId]]:
        known = self._model.recommender.tracks
        strongest = heapq.nlargest(MOST_WANTED, self._wanted.items(), key=lambda item: (item[1].merit, item[0]))
        tracks = [track for track, _ in strongest if track in known]
        merits = np.array([self._wanted[track].merit for track in tracks], dtype=np.float64)
        taken: set[TrackId] = set()
        for group in leanings(self._model.recommender.vectors_of(tracks), merits, DAILY):
            share = merits[group] / merits[group].sum()
            picked = self._chance.choice(group, min(SEEDS, len(group)), replace=False, p=share)
            mixed = self._around([tracks[place] for place in picked], [tracks[place] for place in group], n, taken)
            taken.update(mixed)
            yield mixed

    def _around(
        self, seeds: Sequence[TrackId], group: Sequence[TrackId], n: int, taken: Collection[TrackId]
    ) -> list[TrackId]:
        """Familiar tracks and what goes with them, by turns."""
        others = [track for track in group if track not in seeds]
        familiar = [*seeds, *(others[place] for place in self._chance.permutation(len(others)))][: -(-n // FAMILIAR)]
        found = self._like(seeds, n - len(familiar), {*familiar, *taken})
        step = max(FAMILIAR - 1, -(-len(found) // max(len(familiar), 1)))
        mixed: list[TrackId] = []
        for place, track in enumerate(familiar):
            mixed += [track, *found[place * step : (place + 1) * step]]
        return mixed

    def _like(self, seeds: Sequence[TrackId], n: int, without: Collection[TrackId]) -> list[TrackId]:
        wanted = [Signal(seed, 1.0, self._now_ms, heard=False) for seed in seeds]
        found = self._model.recommender.next_tracks(wanted, n, {*self._barred, *without})
        return [one.track for one in found if one.track in self._entries]

    def _rediscover(self, n: int) -> list[TrackId]:
        """Wanted and not heard for long; of a young history, the half that was heard longest ago."""
        by_age = sorted(self._wanted, key=lambda track: (self._wanted[track].last_ms, track))
        long_ago = [track for track in by_age if self._now_ms - self._wanted[track].last_ms >= LONG_AGO_MS]
        among = long_ago if len(long_ago) >= FEWEST_LONG_AGO else by_age[: len(by_age) // 2]
        return self._drawn(among, [self._wanted[track].merit for track in among], n)

    def _never_played(self, n: int) -> list[TrackId]:
        strongest = sorted(self._wanted, key=lambda track: (-self._wanted[track].merit, track))
        seeds = self._drawn(strongest, [self._wanted[track].merit for track in strongest], SEEDS)
        known = self._model.recommender.tracks
        found = self._like([seed for seed in seeds if seed in known], TO_CHOOSE * n, self._heard)
        return self._drawn(found, list(np.linspace(1.0, 0.1, len(found))), n)

    def _new_here(self, n: int) -> list[TrackId]:
        """Of what came to the library last; what was not heard yet comes first."""
        newest = max((entry.track.added_at for entry in self._entries.values()), default=None)
        if newest is None:
            return []
        fresh = [
            track
            for track, entry in self._entries.items()
            if (newest - entry.track.added_at).total_seconds() * 1000 <= FRESH_MS and self._usable(track)
        ]
        unheard, heard = ([t for t in sorted(fresh) if (t in self._heard) is was] for was in (False, True))
        drawn = self._drawn(unheard, [1.0] * len(unheard), TO_CHOOSE * n)
        return [*drawn, *self._drawn(heard, [1.0] * len(heard), n)]

    def _drawn(self, tracks: Sequence[TrackId], merits: Sequence[float], n: int) -> list[TrackId]:
        """Up to `n` of `tracks` in an order by chance, in which merit helps."""
        if not tracks:
            return []
        share = np.asarray(merits, dtype=np.float64) / np.sum(merits)
        picked = self._chance.choice(len(tracks), min(n, len(tracks)), replace=False, p=share)
        return [tracks[place] for place in picked.tolist()]
