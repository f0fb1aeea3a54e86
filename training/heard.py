"""A listener's recent signals as positions in the library: what pulls, what pushes, what was just played.

In: `Signal`s, oldest first. Out: `Heard`, plain arrays that scoring works on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.models import TrackId
from training.cooccurrence import newest_of_each
from training.encoder import Floats
from training.ranking import Ranking
from training.signals import Signal

__all__ = ["Heard", "hear"]

Ints = NDArray[np.int64]


class Heard(NamedTuple):
    """Recent signals as places in the library, oldest first."""

    session: Ints
    """Wanted tracks as they were played, with repeats."""
    strengths: Floats
    seeds: Ints
    """Distinct wanted tracks whose neighbourhood is asked."""
    seed_strengths: Floats
    skipped: Ints
    skip_strengths: Floats
    played: Ints
    """All, wanted or not."""


def hear(recent: Sequence[Signal], place: Mapping[TrackId, int], ranking: Ranking, longest: int) -> Heard:
    """What `recent` comes to; the last word on each track decides whether it pulls or pushes.

    `place` has the position of every known track; of the session, the newest `longest` are kept at least.
    """
    known = [(place[s.track], s.weight) for s in recent if s.track in place]
    last_word = dict(known)
    wanted = [(place, min(weight, 1.0)) for place, weight in known if weight > 0 and last_word[place] > 0]
    unwanted = [(place, min(-weight, 1.0)) for place, weight in last_word.items() if weight < 0]
    session, strengths = _columns(wanted[-max(longest, ranking.seeds) :])
    return Heard(
        session,
        strengths,
        *newest_of_each(session, strengths, ranking.seeds),
        *_columns(unwanted[-ranking.skips :] if ranking.skips else []),
        _columns(known)[0],
    )


def _columns(pairs: Sequence[tuple[int, float]]) -> tuple[Ints, Floats]:
    return np.array([p for p, _ in pairs], dtype=np.int64), np.array([w for _, w in pairs], dtype=np.float32)
