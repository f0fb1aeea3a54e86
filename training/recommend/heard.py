"""A listener's recent signals as positions in the library: what pulls, what pushes, what was just played.

In: `Signal`s, oldest first. Out: `Heard`, plain arrays that scoring works on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.models import TrackId
from training.data.cooccurrence import newest_of_each
from training.data.signals import Signal
from training.data.vectors import Floats
from training.recommend.ranking import Ranking, near_hour

__all__ = ["Heard", "hear"]

Ints = NDArray[np.int64]
Rows = Callable[[Ints], Floats]

MINUTE_MS = 60_000


class Heard(NamedTuple):
    """Recent signals as places in the library, oldest first."""

    session: Ints
    """Wanted tracks of this session as they were played, with repeats; of an earlier one while there is none."""
    strengths: Floats
    seeds: Ints
    """Distinct wanted tracks whose neighbourhood is asked: some from before the session, then the session's newest."""
    current: NDArray[np.bool_]
    """Which of these are of the session."""
    seed_strengths: Floats
    skipped: Ints
    """What this session says of distinct tracks, where it says anything against one; empty otherwise."""
    skip_strengths: Floats
    """From 1 (skipped at once) to -1 (finished: it speaks for what is like it)."""
    judged: Ints
    """The same for all sessions."""
    judgements: Floats
    played: Ints
    """All that was played, wanted or not, with repeats."""
    unheard: Ints
    """Wanted without having been played: liked unheard, or the seed of a radio."""


class _Known(NamedTuple):
    """Signals of known tracks, in columns (s,)."""

    places: Ints
    weights: Floats
    began_ms: Ints
    at_ms: Ints
    heard: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> _Known:
        """Those that are `kept` (s,)."""
        return _Known(self.places[kept], self.weights[kept], self.began_ms[kept], self.at_ms[kept], self.heard[kept])


def hear(recent: Sequence[Signal], place: Mapping[TrackId, int], ranking: Ranking, longest: int, rows: Rows) -> Heard:
    """What `recent` comes to; the last word on each track decides whether it pulls or pushes.

    `place` has the position of every known track, `rows` their unit vectors; of the session, the newest `longest` are
    kept at least. A pause of more than `ranking.session_gap_minutes` begins a session.
    """
    known = _columns([(place[s.track], s.weight, s.begun_ms, s.at_ms, s.heard) for s in recent if s.track in place])
    last_word = dict(zip(known.places.tolist(), known.weights.tolist(), strict=True))
    wanted = (known.weights > 0) & np.array([last_word[p] > 0 for p in known.places.tolist()], dtype=bool)
    sessions = _sessions(known, ranking.session_gap_minutes)
    current = sessions == sessions[wanted].max(initial=0)
    session = known.only(wanted & current)
    newest = slice(-max(longest, ranking.seeds), None)
    places, strengths = session.places[newest], np.minimum(session.weights[newest], 1.0)
    earlier = wanted & ~current
    before = known.only(earlier & ~np.isin(known.places, places) if earlier.any() else earlier)
    older, older_strengths = _remembered(before, known, ranking, rows)
    seeds, seed_strengths = newest_of_each(places, strengths, ranking.seeds)
    skipped, skip_strengths = _judged(known.only(sessions == sessions.max(initial=0)), ranking.judged)
    judged, judgements = _judged(known, ranking.judged)
    return Heard(
        session=places,
        strengths=strengths,
        seeds=np.concatenate([older, seeds]),
        current=np.arange(len(older) + len(seeds)) >= len(older),
        seed_strengths=np.concatenate([older_strengths, seed_strengths]),
        skipped=skipped,
        skip_strengths=skip_strengths,
        judged=judged,
        judgements=judgements,
        played=known.places[known.heard],
        unheard=known.places[:0]
        if known.heard.all()
        else np.setdiff1d(known.places[~known.heard], known.places[known.heard]),
    )


def _columns(rows: Sequence[tuple[int, float, int, int, bool]]) -> _Known:
    places, weights, began, at, heard = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return _Known(
        np.array(places, dtype=np.int64),
        _within_one(np.array(weights, dtype=np.float64)),
        np.array(began, dtype=np.int64),
        np.array(at, dtype=np.int64),
        np.array(heard, dtype=bool),
    )


def _within_one(weights: NDArray[np.float64]) -> Floats:
    """(s,) from -1 to 1; what is no number says nothing."""
    return np.where(np.isnan(weights), 0.0, weights).clip(-1.0, 1.0).astype(np.float32)


def _sessions(known: _Known, gap_minutes: float) -> Ints:
    """(s,) the session of each signal, counted from 0. Silence is counted to where a track was begun."""
    silence = known.began_ms[1:] - known.at_ms[:-1]
    opens = np.concatenate([[False], silence > gap_minutes * MINUTE_MS])[: len(known.places)]
    return np.cumsum(opens)


def _judged(known: _Known, most: int) -> tuple[Ints, Floats]:
    """The newest `most` distinct tracks and what was said against each; nothing where all of them were wanted."""
    places, against = newest_of_each(known.places, -known.weights, most)
    return (places, against) if (against > 0).any() else (places[:0], against[:0])


def _remembered(before: _Known, known: _Known, ranking: Ranking, rows: Rows) -> tuple[Ints, Floats]:
    """Some distinct tracks of `before`, heard often and at this time of the day, unlike each other; the best one last."""
    if not ranking.long_term_seeds or not len(before.places):
        return before.places[:0], before.weights[:0]
    distinct, which = np.unique(before.places, return_inverse=True)
    hour = 1 - ranking.time_of_day * (1 - near_hour(before.began_ms, int(known.began_ms[-1])))
    merits = np.bincount(which, weights=np.minimum(before.weights, 1.0) * hour)
    vectors = rows(distinct)
    alike, free = np.zeros(len(distinct)), np.ones(len(distinct), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(ranking.long_term_seeds, len(distinct))):
        best = int(np.argmax(np.where(free, merits * (1 - alike), -np.inf)))
        chosen.append(best)
        free[best] = False
        alike = np.maximum(alike, np.clip(vectors @ vectors[best], 0, 1))
    strengths = ranking.long_term * merits[chosen] / max(float(merits.max()), 1e-9)
    return distinct[chosen][::-1], strengths[::-1].astype(np.float32)
