"""Answers that never run dry: what must not come back does once nothing else is left, and artists take turns.

In: a recommender, what was heard and wanted, what is not to be answered with. Out: as many `Recommendation`s as there can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from infra.models import Recommendation, TrackId
from training.data.signals import Signal
from training.recommend.recommender import SessionRecommender

__all__ = ["endless", "spread"]

Item = TypeVar("Item")

TO_CHOOSE = 10
"""So many more are asked for than are given: who follows whom is chosen among them."""


def endless(
    recommender: SessionRecommender,
    recent: Sequence[Signal],
    n: int,
    *,
    barred: Collection[TrackId],
    without: Sequence[TrackId],
    artists: Mapping[TrackId, str],
) -> list[Recommendation]:
    """Up to `n` tracks, none of `barred`; of `without` (oldest first) only what is needed to fill up, the oldest first.

    The newest of `without` stay away as long as the recommender keeps away what was just played. No artist follows
    themselves, nor the newest of `without`, where that can be avoided.
    """
    wanted = n + TO_CHOOSE
    found = recommender.next_tracks(recent, wanted, {*barred, *without})
    if len(found) < n:
        # In a small library: what was played before this session is nearer than what was played in it.
        known = {*barred, *without, *(one.track for one in found)}
        found += recommender.next_tracks(recent, wanted - len(found), known, just_played=0)
    if len(found) < n:
        back = set(_back(recommender, barred, without)[: n - len(found)])
        kept = set(recommender.tracks) - back
        found += recommender.next_tracks(recent, len(back), kept, just_played=0)
    return spread(
        found, lambda one: artists.get(one.track, ""), n, after=artists.get(without[-1], "") if without else ""
    )


def spread(items: Sequence[Item], artist: Callable[[Item], str], n: int, *, after: str = "") -> list[Item]:
    """Up to `n` of `items`, nearly in their order: none follows one of the same artist where that can be avoided.

    `after` is the artist before the first; an artist without a name is nobody's double.
    """
    left = list(items)
    counts = Counter(artist(one) for one in left)
    counts.pop("", None)
    chosen: list[Item] = []
    before = after
    while left and len(chosen) < n:
        most = max(counts, key=counts.__getitem__, default="")
        # Who has more than half of what is left must begin, or two of theirs come together in the end.
        crowded = most != before and 2 * counts[most] > len(left)
        fitting = (
            i for i, who in enumerate(map(artist, left)) if (who == most if crowded else not who or who != before)
        )
        chosen.append(left.pop(next(fitting, 0)))
        before = artist(chosen[-1])
        counts[before] -= 1 if before else 0
    return chosen


def _back(recommender: SessionRecommender, barred: Collection[TrackId], without: Sequence[TrackId]) -> list[TrackId]:
    """Those of `without` that may come back, oldest first."""
    known = recommender.tracks
    barred = set(barred)
    asked = [one for one in reversed(dict.fromkeys(reversed(without))) if one in known and one not in barred]
    held = min(recommender.ranking.just_played, len(asked) // 2)
    return asked[: len(asked) - held]
