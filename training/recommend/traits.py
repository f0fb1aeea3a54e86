"""What is known of each candidate, as numbers that a re-ranker can weigh.

In: a scored pool of candidates and what was heard. Out: one row a candidate, one column a trait of `NAMES`.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from training.data.cooccurrence import Cooccurrence
from training.data.vectors import Floats
from training.recommend.evidence import Evidence, looked_up
from training.recommend.heard import Heard
from training.recommend.kindred import Kindred

__all__ = ["NAMES", "History", "Scored", "traits"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

RECENT_SHARE, NEWEST_SHARE = 0.05, 0.01
"""Newest shares of the sessions in which a track's recent plays are counted."""

NAMES = (
    "query",
    "agreed",
    "to_last",
    "to_nearest",
    "to_all",
    "near_share",
    "together_share",
    "share",
    "share_behind_best",
    "near_rank",
    "together_rank",
    "rank",
    "alone_share",
    "last_share",
    "times",
    "after",
    "overlap",
    "overlap_behind_best",
    "near_seed_newest",
    "seeds_beside",
    "plays",
    "recent_plays",
    "played_newest",
    "heard_back",
    "heard_times",
    "session_length",
    "session_repeats",
    "last_plays",
    "candidates_beside",
    "best_share",
    "votes_share",
    "ahead",
    "before",
    "after_pair",
    "second_after",
    "newest_after",
    "lift",
    "newly_played",
    "run",
    "after_run",
    "overlap_after",
    "alike_when",
    "alike_gap",
    "alike_back",
    "fresh_share",
    "soonest",
    "to_second_last",
    "query_rank",
    "query_behind_best",
    "together_behind_best",
    "kindred_share",
    "kindred_fresh_share",
    "kindred_best",
)
"""Columns, in order. Shares and counts are logarithms; ranks begin at 0."""


class History(NamedTuple):
    """What the sessions say of each track by itself, by position; all (n,)."""

    plays: Doubles
    """Logarithm of 1 + how often it was played."""
    recent_plays: Doubles
    """The same over the newest sessions."""
    newly_played: Doubles
    """And over the very newest."""
    newest: Doubles
    """When it was played last: 0 in the first session, 1 in the last."""

    @classmethod
    def of(cls, together: Cooccurrence, n: int) -> Self:
        """From the sessions behind `together`, for `n` tracks; those that it does not know were never played."""
        shares = (1.0, RECENT_SHARE, NEWEST_SHARE)
        columns = [*(np.log1p(together.plays_since(share)) for share in shares), together.newest()]
        return cls(*(np.pad(column, (0, n - len(column))) for column in columns))


class Scored(NamedTuple):
    """Candidates and their scores before re-ranking; all (c,) unless said."""

    places: Ints
    query: Doubles
    """Cosine to the session's query, less what repeats cost."""
    agreed: Doubles
    to_seeds: Floats
    """(c, k) cosines to the seeds, oldest first."""
    near: Doubles
    together: Doubles


def traits(scored: Scored, heard: Heard, evidence: Evidence, kindred: Kindred, history: History) -> Floats:
    """(c, len(NAMES)) float32."""
    places, share = scored.places, scored.near + scored.together
    c = len(places)
    rows, there = evidence.at(places)

    def of(values: Doubles) -> Doubles:
        return looked_up(values, rows, there)

    overlap = of(evidence.overlap)
    back, times = _in_session(places, heard.session)
    length = len(heard.session)
    last = heard.session[-1]
    kindred_share, kindred_fresh, kindred_best = kindred.of(places)
    columns = (
        scored.query,
        scored.agreed,
        scored.to_seeds[:, -1],
        scored.to_seeds.max(axis=1),
        scored.to_seeds.mean(axis=1),
        _log(scored.near),
        _log(scored.together),
        _log(share),
        _log(share) - _log(share.max()),
        _rank(scored.near),
        _rank(scored.together),
        _rank(share),
        _log(of(evidence.alone) / max(evidence.alone.sum(), 1e-12)),
        _log(of(evidence.of_newest) / max(evidence.by_seed.sum(), 1e-12)),
        np.log1p(of(evidence.times)),
        _log(of(evidence.after)),
        overlap,
        overlap - overlap.max(),
        of(evidence.newest),
        of((evidence.by_seed > 0).sum(axis=1).astype(np.float64)) / max(len(evidence.seeds), 1),
        history.plays[places],
        history.recent_plays[places],
        history.newest[places],
        back,
        times,
        np.full(c, np.log(length)),
        np.full(c, 1 - len(np.unique(heard.session)) / length),
        np.full(c, history.plays[last]),
        np.full(c, np.log1p(len(evidence.candidates))),
        np.full(c, _log(share.max())),
        _log(of(evidence.votes) / max(evidence.votes.sum(), 1e-12)),
        np.log1p(of(evidence.ahead)),
        _log(of(evidence.before)),
        _log(of(evidence.after_pair)),
        _log(of(evidence.second_after)),
        of(evidence.newest_after),
        np.log1p(of(evidence.times)) - history.plays[places],
        history.newly_played[places],
        of(evidence.run),
        _log(of(evidence.after_run)),
        of(evidence.overlap_after),
        of(evidence.alike_when),
        of(evidence.alike_gap),
        of(evidence.alike_back),
        _log(of(evidence.fresh) / max(evidence.fresh.sum(), 1e-12)),
        of(evidence.soonest),
        scored.to_seeds[:, -2] if scored.to_seeds.shape[1] > 1 else np.full(c, -1.0),
        _rank(scored.query),
        scored.query - scored.query.max(),
        _log(scored.together) - _log(scored.together.max()),
        _log(kindred_share),
        _log(kindred_fresh),
        kindred_best,
    )
    return np.stack(columns, axis=1).astype(np.float32)


def _in_session(places: Ints, session: Ints) -> tuple[Doubles, Doubles]:
    """How many steps back each was heard last (-1: not at all), and how often it was heard."""
    same = places[:, None] == session[None, ::-1]
    times = same.sum(axis=1).astype(np.float64)
    return np.where(times > 0, same.argmax(axis=1), -1.0), times


def _rank(values: Doubles) -> Doubles:
    ranks = np.empty(len(values))
    ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return ranks


def _log(shares: Doubles) -> Doubles:
    return np.asarray(np.log(shares + 1e-6))
