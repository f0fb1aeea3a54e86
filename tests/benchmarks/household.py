"""How a simulated household is served: what skips, several tastes, the time of the day and variety come to.

    python -m tests.benchmarks.household [--seeds N] [--json]

In: households of `tests.data.household`, whose listeners' tastes are known because they are made up: simulations. Out: for
each, trained on the first nine tenths of its sessions and asked in the others, the expected share of the first ten answers
that the listener would skip (`skip_rate`), with parts of the recommender taken away; what three skips do; how an endless
queue repeats itself; means and standard deviations over the seeds. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from infra.models import TrackId
from tests.data.household import Evening, Household, Listener, Mood, household, learned_from
from training.data.dataset import TrainingData
from training.data.signals import Signal, disliked, signals
from training.judge.variety import Answers
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.encoder import FittedModel
from training.recommend.ranking import Ranking
from training.recommend.recommender import SessionRecommender

FIRST_SEED = 11
"""The recommender's defaults were chosen on seeds below this."""
TRAINED_ON = 0.9
REMEMBERED_EVENTS = 500
"""What serving hands to the recommender."""
AFTER = (1, 4, 8)
"""Listenings into a session at which is asked."""
SHORT, ANSWER = 10, 20
SKIPPED_AT_ONCE, SKIPPED_LATE = -0.96, 0.5
"""Signals of a skip at 5 s, and of one at 90 %."""
ENDLESS, WINDOW = 200, 100
MINUTE_MS = 60_000

Figures = dict[str, float]


class Question(NamedTuple):
    """A moment in a held-out session."""

    after: int
    evening: Evening
    recent: list[Signal]
    barred: frozenset[TrackId]


class Home(NamedTuple):
    """A household, what was learned of it, and what is asked."""

    home: Household
    data: TrainingData
    model: FittedModel
    served: SessionRecommender
    without_skips: SessionRecommender
    questions: list[Question]

    def ranked(self, ranking: Ranking) -> SessionRecommender:
        """The same model, answering by another `ranking`."""
        return SessionRecommender.build(self.model, self.data, ranking, seed=0)


def learn(seed: int) -> Home:
    """Simulate, and train with skips and without."""
    home = household(seed)
    cut = int(len(home.evenings) * TRAINED_ON)
    config = ModelConfig(seed=seed)
    data = learned_from(home, home.evenings[:cut])
    without = learned_from(home, home.evenings[:cut], skips=False)
    model, skipless = fit(config, data), fit(config, without)
    served = SessionRecommender.build(model, data, config.ranking, seed=0)
    without_skips = SessionRecommender.build(skipless, without, config.ranking, seed=0)
    return Home(home, data, model, served, without_skips, list(ask(home, cut)))


def ask(home: Household, cut: int) -> Iterator[Question]:
    """The moments at which is asked, from the session `cut` on."""
    past: dict[str, list] = {}
    for number, evening in enumerate(home.evenings):
        before = past.setdefault(evening.listener.name, [])
        begun = [place for place, event in enumerate(evening.events) if event.kind == "started"]
        for after in AFTER if number >= cut else ():
            if after < len(begun):
                events = [*before, *evening.events[: begun[after]]][-REMEMBERED_EVENTS:]
                yield Question(after, evening, signals(events), disliked(events))
        before.extend(evening.events)


def skip_rates(of: Home, recommender: SessionRecommender, *, skips: bool = True) -> dict[int, float]:
    """The expected share of answers skipped, by listenings into the session.

    Without `skips` the recommender hears of none, but what was just skipped still does not come back.
    """
    rates: dict[int, list[float]] = {after: [] for after in AFTER}
    for after, evening, *known in of.questions:
        recent, barred = known if skips else _without_skips(*known, recommender.ranking.just_played)
        answer = [one.track for one in recommender.next_tracks(recent, SHORT, barred)]
        rates[after].append(of.home.skip_rate(evening.listener, evening.mood, answer))
    return {after: float(np.mean(found)) for after, found in rates.items()}


def _without_skips(
    recent: list[Signal], barred: frozenset[TrackId], just_played: int
) -> tuple[list[Signal], frozenset[TrackId]]:
    newest = dict.fromkeys(signal.track for signal in reversed(recent))
    return [signal for signal in recent if signal.weight > 0], barred.union(list(newest)[:just_played])


def parts(of: Home) -> Figures:
    """`skip_rate` with everything, and with one part taken away; at the start of a session, and in the midst of it."""
    usual = of.served.ranking
    plain = usual.by_merit_alone().model_copy(update={"allow_repeats": False})
    arms: Mapping[str, Callable[[], dict[int, float]]] = {
        "served": lambda: skip_rates(of, of.served),
        "no_skips": lambda: skip_rates(of, of.without_skips, skips=False),
        "skips_in_training_only": lambda: skip_rates(of, of.served, skips=False),
        "sessions_not_told_apart": lambda: skip_rates(of, of.ranked(_with(usual, session_gap_minutes=10**9))),
        "no_long_term_seeds": lambda: skip_rates(of, of.ranked(_with(usual, long_term_seeds=0))),
        "no_time_of_day": lambda: skip_rates(of, of.ranked(_with(usual, time_of_day=0.0))),
        "by_merit_alone": lambda: skip_rates(of, of.ranked(plain)),
    }
    figures: Figures = {}
    for name, measure in arms.items():
        rates = measure()
        figures |= {
            f"skip_rate.{name}": float(np.mean(list(rates.values()))),
            f"skip_rate_first.{name}": rates[AFTER[0]],
        }
    return figures


def three_skips(of: Home) -> Figures:
    """The share of a kind in the next twenty, before and after three skips of it by somebody who also likes it."""
    shares: list[list[float]] = []
    for question in of.questions:
        evening = question.evening
        if question.after != AFTER[0] or len(evening.mood.kinds) < 2:
            continue
        kind, other = (_liked(of, evening.listener, one) for one in sorted(evening.mood.kinds))
        heard = [_signal(of, place, 1.0, question, at) for at, place in enumerate((*other[:3], *kind[:3]))]
        past = [*question.recent, *heard]
        skipped = [
            [*past, *(_signal(of, place, weight, question, 9) for place in kind[3:6])]
            for weight in (SKIPPED_AT_ONCE, SKIPPED_LATE)
        ]
        answers = [of.served.next_tracks(recent, ANSWER, question.barred) for recent in (past, *skipped)]
        assert all(len(answer) == ANSWER for answer in answers)
        wanted = of.home.kinds[kind[0]]
        shares.append([_share(of, [one.track for one in answer], {wanted}) for answer in answers])
    before, after, late = np.array(shares).T
    return {
        "three_skips.share_before": float(before.mean()),
        "three_skips.share_after": float(after.mean()),
        "three_skips.share_after_late_skips": float(late.mean()),
        "three_skips.moved": float((after < before).mean()),
        "three_skips.emptied": float((after == 0).mean()),
    }


def tastes(of: Home) -> Figures:
    """Kinds of two moods in an answer: after both were heard in turns, and after five of the one."""
    shares: list[list[float]] = []
    for question in of.questions:
        if question.after != AFTER[0]:
            continue
        day, night = question.evening.listener.moods
        one, other = (_liked(of, question.evening.listener, min(kinds)) for kinds in (day.kinds, night.kinds))
        answers = []
        for heard in ((one[0], other[0], one[1], other[1]), one[:5]):
            recent = [*question.recent, *(_signal(of, place, 1.0, question, at) for at, place in enumerate(heard))]
            found = of.served.next_tracks(recent, ANSWER, question.barred)
            answers.append([_share(of, [one.track for one in found], {of.home.kinds[p[0]]}) for p in (one, other)])
        shares.append([min(answers[0]), *answers[1]])
    lesser, settled, left = np.mean(shares, axis=0)
    return {
        "tastes.lesser_share_when_both_were_heard": float(lesser),
        "tastes.share_when_settled": float(settled),
        "tastes.other_share_when_settled": float(left),
    }


def endless(of: Home, ranking: Ranking) -> Figures:
    """Somebody who plays whatever comes first, to its end, 200 times."""
    recommender, queue = of.ranked(ranking), deque[TrackId](maxlen=WINDOW)
    listener, mood = of.home.listeners[0], of.home.listeners[0].moods[0]
    recent, heard, repeats, wrong = list(_usual(of, listener)), list[TrackId](), 0, list[float]()
    at = recent[-1].at_ms
    for _ in range(ENDLESS):
        track = recommender.next_tracks(recent, ANSWER)[0].track
        repeats += track in queue
        wrong.append(of.home.skip_rate(listener, mood, [track]))
        queue.append(track)
        heard.append(track)
        at += 4 * MINUTE_MS
        recent = [*recent, Signal(track, 1.0, at)][-REMEMBERED_EVENTS // 2 :]
    return {
        "distinct_of_200": float(len(set(heard))),
        "repeats_within_100": repeats / ENDLESS,
        "artists": float(len({of.home.artists[of.home.place(track)] for track in heard})),
        "skip_rate": float(np.mean(wrong)),
    }


def variety(of: Home, ranking: Ranking) -> Figures:
    """What evaluation tells of answers, over the questions."""
    answers, recommender, seconds = Answers(of.data), of.ranked(ranking), 0.0
    for question in of.questions:
        began = time.process_time()
        found = recommender.next_tracks(question.recent, ANSWER, question.barred)
        seconds += time.process_time() - began
        answers.take(question.recent, [one.track for one in found])
    told = answers.variety().model_dump(exclude_none=True)
    return told | {"cpu_ms_per_answer": 1000 * seconds / len(of.questions)}


def measure(seed: int) -> Figures:
    """Everything, of one household."""
    of = learn(seed)
    usual = of.served.ranking
    plain = usual.by_merit_alone().model_copy(update={"allow_repeats": False})
    figures = parts(of) | three_skips(of) | tastes(of)
    for name, ranking in (("served", usual), ("by_merit_alone", plain)):
        figures |= {f"endless.{key}.{name}": value for key, value in endless(of, ranking).items()}
        figures |= {f"variety.{key}.{name}": value for key, value in variety(of, ranking).items()}
    return figures


def _with(ranking: Ranking, **changed: float) -> Ranking:
    return ranking.model_copy(update=changed)


def _liked(of: Home, listener: Listener, kind: int) -> list[int]:
    mood = Mood(frozenset([kind]), 0)
    return [p for p in np.flatnonzero(of.home.kinds == kind).tolist() if of.home.chance(listener, mood, p) > 0.5]


def _signal(of: Home, place: int, weight: float, question: Question, minutes: int) -> Signal:
    return Signal(of.home.track_ids[place], weight, question.recent[-1].at_ms + minutes * MINUTE_MS)


def _share(of: Home, answer: Sequence[TrackId], kinds: set[int]) -> float:
    return float(np.mean([int(of.home.kinds[of.home.place(track)]) in kinds for track in answer]))


def _usual(of: Home, listener: Listener) -> list[Signal]:
    """What `listener` heard last in the first of their moods."""
    return next(
        question.recent
        for question in reversed(of.questions)
        if question.evening.listener == listener and question.evening.mood == listener.moods[0]
    )


def over_seeds(number: int) -> dict[str, list[float]]:
    """Mean and standard deviation of each figure over so many households."""
    found = [measure(seed) for seed in range(FIRST_SEED, FIRST_SEED + number)]
    return {name: [round(float(of([one[name] for one in found])), 4) for of in (np.mean, np.std)] for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    table = over_seeds(given.seeds)
    if not given.json:
        for name, (mean, deviation) in table.items():
            print(f"{name:48} {mean:8.3f} ± {deviation:.3f}")
    print(json.dumps({"seeds": given.seeds, **table}))


if __name__ == "__main__":
    main()
