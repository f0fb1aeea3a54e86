"""What stood near the recent tracks in sessions, and how: asked session by session.

In: some seeds, and the sessions. Out: `Evidence` for each track that stood near them, sessions that share more with the
seeds counting more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.cooccurrence import Cooccurrence, newest_of_each
from training.data.vectors import Floats

__all__ = ["Evidence", "evidence", "freshness", "located", "looked_up"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

SEED_DECAY = 0.6
OVERLAP_DECAY = 0.8
SEED_POPULARITY = -0.7
CANDIDATE_POPULARITY = -0.1
GAP = -0.5
BEFORE = 0.5
"""What stood before the seed counts half of what came after it."""
WINDOW = 30
SEEDS = 20
RUN = 6
"""Longest run of tracks that is looked for, the newest seed included."""
LONGER_RUN = 4.0
"""How much more a run counts than one that is a track shorter."""
FRESH = 20.0
"""Sessions count e times less, to be fresh, for each 1 / `FRESH` of all sessions that they are back."""


class Evidence(NamedTuple):
    """Tracks that stood near the seeds, ascending by position, with what each seed contributed."""

    candidates: Ints
    """(c,) positions, each once."""
    scores: Doubles
    """(c,) how strongly, all seeds together."""
    by_seed: Doubles
    """(c, k) the same by seed; the columns follow `seeds`."""
    seeds: Ints
    """(k,) the distinct seeds, oldest first."""
    alone: Doubles
    """(c,) how strongly, whatever else the sessions share with the seeds."""
    times: Doubles
    """(c,) how often near a seed."""
    after: Doubles
    """(c,) how often directly after the newest seed, of the times that it was played."""
    overlap: Doubles
    """(c,) the most that a session with it shares with the seeds."""
    newest: Doubles
    """(c,) when last near a seed: 0 in the first session that is known, towards 1 in the last."""
    votes: Doubles
    """(c,) how much the sessions with it share with the seeds, all of them together."""
    ahead: Doubles
    """(c,) how often behind a seed, not before it."""
    before: Doubles
    """(c,) how often directly before the newest seed, of the times that it was played."""
    after_pair: Doubles
    """(c,) how often directly after the two newest in a row, of the times that they came in a row."""
    second_after: Doubles
    """(c,) how often second after the second newest seed, of the times that it was played."""
    newest_after: Doubles
    """(c,) when last directly after the newest seed."""
    run: Doubles
    """(c,) the longest run of what was heard just now that it came directly after; the newest seed alone is 1."""
    after_run: Doubles
    """(c,) how often directly after the newest seed, longer runs counting more; a share of all that came there."""
    overlap_after: Doubles
    """(c,) the most that a session with it directly after the newest seed shares with the seeds."""
    alike_when: Doubles
    """(c,) when the session was that shares most with the seeds, of those with it."""
    alike_gap: Doubles
    """(c,) how far behind a seed it stood there; negative before it."""
    alike_back: Doubles
    """(c,) how many seeds back that seed is."""
    fresh: Doubles
    """(c,) how strongly, sessions before the newest ones counting little."""
    soonest: Doubles
    """(c,) 1 / the least number of steps that it came behind the newest seed; 0 where it never did."""

    @property
    def of_newest(self) -> Doubles:
        """(c,) what the newest seed contributed."""
        return self.by_seed[:, -1] if len(self.seeds) else np.zeros(len(self.candidates))

    def at(self, places: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """(p,) the rows of the tracks at `places`, and which of them are there at all."""
        return located(self.candidates, places)

    def of(self, places: Ints) -> Doubles:
        """The scores of the tracks at `places` (p,), 0 where nothing speaks for one."""
        return looked_up(self.scores, *self.at(places))


class _Neighbours(NamedTuple):
    """What stands around the places of the seeds; all (m,)."""

    items: Ints
    seed: Ints
    """Which seed it is near, by place in the list of seeds."""
    gap: Ints
    """How far behind it; negative before it."""
    pull: Doubles
    """What this one says, whatever else its session shares with the seeds."""
    overlap: Doubles
    """How much its session shares with the seeds."""
    when: Doubles
    """When that session was: 0 the first, towards 1 the last."""
    run: Ints
    """How much of what was heard just before the newest seed stood directly before this one too."""


def evidence(together: Cooccurrence, session: Ints, strengths: Floats) -> Evidence:
    """What stood near the tracks of `session` (oldest first, each with its weight in (0, 1]); unknown ones give nothing."""
    known = session < len(together.counts)
    session, strengths = session[known], strengths[known]
    seeds, strengths = newest_of_each(session, strengths, SEEDS)
    places, owner = together.occurrences(seeds)
    near = _neighbours(together, seeds, strengths, places, owner, session[-RUN:-1]) if len(places) else None
    if near is None or not len(near.items):
        none = np.empty(0)
        return Evidence(np.empty(0, dtype=np.int64), none, np.empty((0, len(seeds))), seeds, *[none] * 19)
    return _gathered(near, seeds, together.counts)


def located(candidates: Ints, places: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """(p,) where each of `places` stands among the ascending `candidates`, and which of them are there at all."""
    rows = np.searchsorted(candidates, places)
    rows[rows == len(candidates)] = 0
    there = candidates[rows] == places if len(candidates) else np.zeros(len(places), dtype=bool)
    return rows, there


def looked_up(values: Doubles, rows: Ints, there: NDArray[np.bool_], otherwise: float = 0.0) -> Doubles:
    """(p,) the `values` (c,) of the tracks that `located` found, `otherwise` for the others."""
    return np.where(there, values[rows], otherwise) if len(values) else np.full(len(rows), otherwise)


def freshness(when: Doubles) -> Doubles:
    """What a session of that moment counts, from 0 (the first one) towards 1 (the last)."""
    return np.asarray(np.exp(FRESH * (when - 1)))


def _neighbours(
    together: Cooccurrence, seeds: Ints, strengths: Floats, places: Ints, owner: Ints, before: Ints
) -> _Neighbours:
    popularity = np.maximum(together.counts[seeds], 1)
    distances = np.arange(len(seeds))[::-1]
    pull = strengths * SEED_DECAY**distances * popularity**SEED_POPULARITY
    share = strengths * OVERLAP_DECAY**distances / np.log(2 + popularity)
    sessions = together.sessions_of(places)
    _, session = np.unique(sessions, return_inverse=True)
    overlap = _total(session, share[owner], len(session))[session]
    when = sessions / max(together.sessions, 1)
    pull = pull[owner] * np.exp(when - 1)
    found, place = together.around(places, WINDOW)
    gap = found - places[place]
    near = np.abs(gap) ** GAP * np.where(gap < 0, BEFORE, 1.0)
    return _Neighbours(
        together.items_at(found),
        owner[place],
        gap,
        near * pull[place],
        overlap[place],
        when[place],
        together.preceded(places, before)[place],
    )


def _gathered(near: _Neighbours, seeds: Ints, counts: Ints) -> Evidence:
    k, plays = len(seeds), np.maximum(counts[seeds], 1)
    there = np.zeros(len(counts), dtype=bool)
    there[near.items] = True
    candidates = np.flatnonzero(there)
    c = len(candidates)
    row = np.empty(len(counts), dtype=np.int64)
    row[candidates] = np.arange(c)
    row = row[near.items]

    def total(values: NDArray[Any]) -> Doubles:
        return _total(row, values, c)

    def most(values: Doubles, among: NDArray[np.bool_] | slice = slice(None)) -> Doubles:
        greatest = np.zeros(c)
        np.maximum.at(greatest, row[among], values[among])
        return greatest

    rarity = np.maximum(counts[candidates], 1.0) ** CANDIDATE_POPULARITY
    by_seed = _total(row * k + near.seed, near.pull * near.overlap, c * k).reshape(c, k) * rarity[:, None]
    newest = near.seed == k - 1
    directly = newest & (near.gap == 1)
    paired = directly & (near.run > 0)
    by_run = np.where(directly, LONGER_RUN**near.run, 0.0)
    overlap = most(near.overlap)
    alike = _alike(near, row, overlap)
    return Evidence(
        candidates,
        by_seed.sum(axis=1),
        by_seed,
        seeds,
        alone=total(near.pull) * rarity,
        times=total(np.ones(len(row))),
        after=total(directly) / plays[-1],
        overlap=overlap,
        newest=most(near.when),
        votes=total(near.overlap),
        ahead=total(near.gap > 0),
        before=total(newest & (near.gap == -1)) / plays[-1],
        after_pair=total(paired) / max(int(paired.sum()), 1),
        second_after=total((near.seed == k - 2) & (near.gap == 2)) / plays[max(k - 2, 0)],
        newest_after=most(near.when, directly),
        run=most((near.run + 1).astype(np.float64), directly),
        after_run=total(by_run) / max(float(by_run.sum()), 1.0),
        overlap_after=most(near.overlap, directly),
        alike_when=near.when[alike],
        alike_gap=near.gap[alike].astype(np.float64),
        alike_back=(k - 1 - near.seed[alike]).astype(np.float64),
        fresh=total(near.pull * near.overlap * freshness(near.when)) * rarity,
        soonest=most(1 / np.maximum(near.gap, 1).astype(np.float64), newest & (near.gap > 0)),
    )


def _alike(near: _Neighbours, row: Ints, overlap: Doubles) -> Ints:
    """(c,) which neighbour is of the session most like this one, by candidate; of several the newest, and the nearest."""
    best = np.flatnonzero(near.overlap == overlap[row])
    order = best[np.lexsort((-np.abs(near.gap[best]), near.when[best]))]
    alike = np.zeros(len(overlap), dtype=np.int64)
    # Where an index comes several times, numpy keeps what is written last.
    alike[row[order]] = order
    return alike


def _total(groups: Ints, values: NDArray[Any], n: int) -> Doubles:
    """(n,) the sum of `values` by group."""
    return np.asarray(np.bincount(groups, weights=values, minlength=n), dtype=np.float64)
