"""Whether a new model may take the champion's place: both asked the same held-out plays, the baselines beside them.

In: the challenger, the data it was trained on, and the champion from the registry. Out: a `Verdict` with all figures.

"No worse" allows for chance. The two answer the same questions, so what counts is the difference on each; its standard
error is taken over sessions, whose plays belong together. A challenger that is worse in P@20 by more than one standard
error is refused; where P@20 does not tell them apart, MRR@20 decides in the same way; where that does not either, the
challenger takes over, because it knows the newer plays and tracks and no listener who was forgotten. Since every
training begins from nothing, small losses within chance do not add up from one champion to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as pads
from numpy.typing import NDArray

from infra.errors import BundleError
from infra.models import Frozen, Recommendation, Scored, TrackId
from infra.store import Store
from training.data.dataset import TrainingData
from training.data.signals import Signal
from training.judge.evaluate import Pair, evaluate, pairs
from training.judge.rivals import rivals
from training.recommend.ranking import Ranking
from training.recommend.recommender import Recommender, SessionRecommender
from training.registry import versions as registry
from training.registry.acceptance import accept
from training.registry.forgetting import learned_from

__all__ = [
    "TRAINED_UNTIL",
    "Champion",
    "Figures",
    "Questions",
    "Verdict",
    "baselines",
    "challenge",
    "held_out",
    "serving",
]

Figures = dict[str, float]

TRAINED_UNTIL = "data.trained_until_ms"
"""Tag of a version: the end of the newest session that it learned from, milliseconds since 1970."""
MOST_SESSIONS, MOST_PAIRS = 2_000, 5_000
"""Held-out sessions and questions from them; evenly spaced ones of more."""


class Verdict(Frozen):
    """Whether the challenger takes over, and why, in words."""

    takes_over: bool
    why: str
    challenger: Figures
    champion: Figures
    """Empty where there is no champion, or nothing was asked."""


class Champion(NamedTuple):
    """What serves now."""

    version: str
    trained_until_ms: int
    recommender: SessionRecommender | None
    fault: str
    """Why it cannot be used; empty when it can."""
    knows_forgotten: bool = False
    """Whether it learned from a listener who was forgotten since: then it goes, whatever it answers."""


class Questions(NamedTuple):
    """What every model is asked, in time order."""

    pairs: list[Pair]
    sessions: NDArray[np.int64]
    """Which session each is from."""


def serving(uri: str, models: Path, store: Store) -> Champion | None:
    """The champion of the registry at `uri`, its bundle kept below `models`; None when there is none. Raises `ServiceError`."""
    version = registry.champion(uri)
    if version is None:
        return None
    info = registry.version_info(uri, version)
    until = int(info.tags.get(TRAINED_UNTIL, 0))
    forgotten = learned_from(info, store.plays.forgettings())
    try:
        usable = accept(registry.fetch(uri, version, models), store.normalisers)
    except BundleError as error:
        return Champion(version, until, None, str(error), forgotten)
    return Champion(version, until, usable, "", forgotten)


def held_out(data: TrainingData, sessions: Path, champion: Champion | None) -> Questions:
    """Questions from the held-out sessions of `data`, whose ends are in the Parquet folder `sessions`.

    Older plays that came late can make sessions held out that the champion learned from; those are passed over, unless
    there are no others.
    """
    fair = np.flatnonzero(_ends(sessions) > (champion.trained_until_ms if champion is not None else 0))
    usable = fair if len(fair) else np.arange(data.holdout.number)
    chosen = usable[_spaced(len(usable), MOST_SESSIONS)]
    by_session = [pairs(data.track_ids, data.holdout.select(np.array([session]))) for session in chosen]
    asked = [pair for of_session in by_session for pair in of_session]
    owner = np.repeat(chosen, [len(of_session) for of_session in by_session])
    some = _spaced(len(asked), MOST_PAIRS)
    return Questions([asked[i] for i in some], owner[some])


def _ends(sessions: Path) -> NDArray[np.int64]:
    """When each held-out session ended, milliseconds since 1970, in the order of `TrainingData.holdout`."""
    held = pads.dataset(sessions, format="parquet").to_table(["ended_at_ms"], pc.field("split") == "holdout")
    return np.sort(np.asarray(held["ended_at_ms"], dtype=np.int64))


def baselines(data: TrainingData, asked: Questions) -> dict[str, Figures]:
    """Figures of every baseline on the same questions; empty when there is none."""
    if not asked.pairs:
        return {}
    return {one.name: evaluate(one, asked.pairs, data=data).figures() for one in rivals(data, Ranking())}


def challenge(
    challenger: SessionRecommender, champion: Champion | None, data: TrainingData, asked: Questions
) -> Verdict:
    """Ask both, and decide."""
    ours = _Answers(challenger)
    measured = evaluate(ours, asked.pairs, data=data).figures() if asked.pairs else {}
    if champion is None:
        return Verdict(takes_over=True, why="it is the first", challenger=measured, champion={})
    if champion.recommender is None:
        why = f"version {champion.version} cannot be used: {champion.fault}"
        return Verdict(takes_over=True, why=why, challenger=measured, champion={})
    theirs = _Answers(champion.recommender)
    before = evaluate(theirs, asked.pairs, data=data).figures() if asked.pairs else {}
    takes_over, why = _decide(challenger, champion.version, champion.recommender, asked, ours, theirs)
    if champion.knows_forgotten:
        takes_over, why = True, f"version {champion.version} learned from a listener who was forgotten since"
    return Verdict(takes_over=takes_over, why=why, challenger=measured, champion=before)


class _Answers:
    """A recommender whose answers are noted while it is evaluated."""

    def __init__(self, recommender: Recommender) -> None:
        self.name = recommender.name
        self._recommender = recommender
        self._given: list[list[TrackId]] = []

    def next_tracks(self, recent: Sequence[Signal], n: int, exclude: Collection[TrackId] = ()) -> list[Recommendation]:
        """See `Recommender`."""
        answer = self._recommender.next_tracks(recent, n, exclude)
        self._given.append([one.track for one in answer])
        return answer

    def similar(self, track: TrackId, n: int) -> list[Scored]:
        """See `Recommender`."""
        return self._recommender.similar(track, n)

    def reciprocal_ranks(self, asked: Questions) -> NDArray[np.float64]:
        """1 / rank of what was played next, by question; 0 where it was not among the answers."""
        given = zip(self._given, asked.pairs, strict=True)
        return np.array(
            [1 / (answer.index(pair.target) + 1) if pair.target in answer else 0.0 for answer, pair in given]
        )


class _Margin(NamedTuple):
    """Of means over the same questions, with its standard error; both are shares."""

    mean: float
    error: float

    def told(self, name: str) -> str:
        return f"{name} {100 * self.mean:+.2f} ± {100 * self.error:.2f}"


def _decide(
    challenger: SessionRecommender,
    version: str,
    champion: SessionRecommender,
    asked: Questions,
    ours: _Answers,
    theirs: _Answers,
) -> tuple[bool, str]:
    made_for, now = champion.normaliser_version, challenger.normaliser_version
    if made_for != now:
        return True, f"version {version} was made for normaliser {made_for}, this one for {now}"
    if not asked.pairs:
        mine, its = len(challenger.tracks), len(champion.tracks)
        return mine >= its, f"no held-out plays yet; it covers {mine} tracks, version {version} {its}"
    new, old = ours.reciprocal_ranks(asked), theirs.reciprocal_ranks(asked)
    found = _margin((new > 0).astype(float) - (old > 0), asked.sessions)
    ranked = _margin(new - old, asked.sessions)
    told = f"{found.told('p@20')} and {ranked.told('mrr@20')} points against version {version}"
    if abs(found.mean) > found.error:
        return found.mean > 0, f"{told}: {'better' if found.mean > 0 else 'worse'} by more than chance"
    if ranked.mean < -ranked.error:
        return False, f"{told}: as many found, ranked worse by more than chance"
    return True, f"{told}: no worse, as far as {len(asked.pairs)} questions can tell"


def _margin(by_question: NDArray[np.float64], sessions: NDArray[np.int64]) -> _Margin:
    mean = float(by_question.mean())
    by_session = np.bincount(np.unique(sessions, return_inverse=True)[1], by_question - mean)
    return _Margin(mean, float(np.sqrt((by_session**2).sum())) / len(by_question))


def _spaced(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
