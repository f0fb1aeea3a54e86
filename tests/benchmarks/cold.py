"""Whether tracks that nobody has played are found where they would be played: real sound, simulated listeners.

    python -m tests.benchmarks.cold [MUSIC ...] [--folds 5] [--seeds 2] [--sessions 600] [--jobs N] [--json]

In: folders of MP3s with tags; without any, pieces composed on the spot. Listeners are simulated after the tags
(`tests/benchmarks/listeners.py`). All plays of one fold of the tracks are taken out of the sessions, a model is trained on
the rest, and other sessions are asked: after these tracks that it knows, is the track without plays among the first?
Out: `recall` among all tracks and `cold_recall` among those without plays, `cold_mrr` (mean reciprocal rank among them) and
`cold_share` (of answers), for chance, raw sound vectors, the trained vectors alone, the whole recommender, and the recommender
that knew their plays. Answers are ranked by merit alone: no artist is held back, nobody's answer is made to please.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from etl.demo.library import compose_library
from etl.sound.normalise import Normaliser
from infra.models import TrackId
from tests.benchmarks.listeners import Listeners
from tests.benchmarks.measured import Measured, measured, unplayed
from training.data.dataset import Sessions, TrainingData
from training.data.signals import Signal
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.baselines import SoundNeighbours
from training.recommend.ranking import Ranking
from training.recommend.recommender import Recommender, SessionRecommender

Ints = NDArray[np.int64]
Figures = dict[str, float]

FIRST, SHARE_OF_ALL, SHARE_OF_COLD = 20, 1 / 12, 0.4
"""How many answers count as the first: 20, or these shares of a small library."""
ASKED_SESSIONS = 150
PIECES, PIECE_SECONDS = 48, 20.0
MERIT = Ranking().by_merit_alone().model_copy(update={"allow_repeats": False})
VECTORS = MERIT.model_copy(update={"together": 0.0})


class World(NamedTuple):
    """A library some of whose tracks nobody has played, and what is asked of it."""

    data: TrainingData
    known: TrainingData
    """The same with all plays."""
    cold: NDArray[np.bool_]
    asked: list[tuple[Ints, int]]
    """What was heard, all of it played before, and the track without plays that came next."""


def worlds(tracks: Sequence[Measured], folds: int, seeds: int, sessions: int) -> Iterator[World]:
    """Every fold of the tracks once without plays, for each seed."""
    library = unplayed(tracks, Normaliser.fit([one.features.values for one in tracks]))
    for seed in range(seeds):
        listeners = Listeners([one.labels for one in tracks], seed)
        played, later = (
            list(listeners.sessions(n, s)) for n, s in ((sessions, 2 * seed), (ASKED_SESSIONS, 2 * seed + 1))
        )
        order = np.random.default_rng(seed).permutation(len(tracks))
        for fold in range(folds):
            cold = np.isin(np.arange(len(tracks)), order[fold::folds])
            without = with_plays(library, [one[~cold[one]] for one in played])
            yield World(without, with_plays(library, played), cold, list(questions(later, cold)))


def with_plays(library: TrainingData, sessions: Sequence[Ints]) -> TrainingData:
    """The library after these sessions, everything heard to its end."""
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sessions])]).astype(np.int64)
    items = np.concatenate(sessions).astype(np.int32)
    counts = np.bincount(items, minlength=len(library.track_ids))
    train = Sessions(offsets, items, np.ones(len(items), np.float32))
    return dataclasses.replace(library, train=train, counts=counts)


def questions(sessions: Sequence[Ints], cold: NDArray[np.bool_]) -> Iterator[tuple[Ints, int]]:
    """Each track without plays in a session, after what was heard before it."""
    for session in sessions:
        for place in np.flatnonzero(cold[session]):
            heard = session[:place][~cold[session[:place]]]
            if len(heard):
                yield heard, int(session[place])


def methods(world: World) -> Iterator[tuple[str, Recommender]]:
    """What answers, by name."""
    data, config = world.data, ModelConfig()
    sounds = dict(zip(map(TrackId, data.track_ids), data.sound.tolist(), strict=True))
    yield "raw_sound", SoundNeighbours(sounds, ranking=MERIT)
    fitted = fit(config, data)
    yield "vectors", SessionRecommender.build(fitted, data, VECTORS, seed=config.seed)
    yield "served", SessionRecommender.build(fitted, data, MERIT, seed=config.seed)
    yield "with_plays", SessionRecommender.build(fit(config, world.known), world.known, MERIT, seed=config.seed)


def score(recommender: Recommender, world: World) -> Figures:
    """The four figures of one recommender."""
    ids = [TrackId(one) for one in world.data.track_ids]
    place = {track: i for i, track in enumerate(ids)}
    warm = [ids[i] for i in np.flatnonzero(~world.cold)]
    first, first_of_cold = firsts(world)
    found, ranks, shares = [], [], []
    for heard, target in world.asked:
        recent = [Signal(ids[i], 1.0, at) for at, i in enumerate(heard)]
        answer = [place[one.track] for one in recommender.next_tracks(recent, first)]
        among_cold = [one.track for one in recommender.next_tracks(recent, len(ids), warm)]
        found.append(target in answer)
        ranks.append(among_cold.index(ids[target]) + 1)
        shares.append(world.cold[answer].mean())
    return figures(np.array(found), np.array(ranks), np.array(shares), first_of_cold)


def figures(found: NDArray[np.bool_], ranks: Ints, shares: NDArray[np.float64], first_of_cold: int) -> Figures:
    """Means over questions."""
    return {
        "recall": float(found.mean()),
        "cold_recall": float((ranks <= first_of_cold).mean()),
        "cold_mrr": float((1 / ranks).mean()),
        "cold_share": float(shares.mean()),
    }


def firsts(world: World) -> tuple[int, int]:
    """How many answers count as the first, among all tracks and among those without plays."""
    n, cold = len(world.cold), int(world.cold.sum())
    return min(FIRST, math.ceil(n * SHARE_OF_ALL)), min(FIRST, math.ceil(cold * SHARE_OF_COLD))


def chance(world: World) -> Figures:
    """What drawing from the tracks that were not just heard gives."""
    first, first_of_cold = firsts(world)
    n, cold = len(world.cold), int(world.cold.sum())
    left = np.array([n - len(heard) for heard, _ in world.asked])
    return {
        "recall": float((first / left).mean()),
        "cold_recall": first_of_cold / cold,
        "cold_mrr": float((1 / np.arange(1, cold + 1)).mean()),
        "cold_share": float((cold / left).mean()),
    }


def measure(tracks: Sequence[Measured], folds: int, seeds: int, sessions: int) -> dict[str, Any]:
    """Every method over every fold and seed: mean and standard deviation, and ratios of the means."""
    runs: dict[str, list[Figures]] = {}
    asked = 0
    for world in worlds(tracks, folds, seeds, sessions):
        asked += len(world.asked)
        runs.setdefault("chance", []).append(chance(world))
        for name, recommender in methods(world):
            runs.setdefault(name, []).append(score(recommender, world))
    first, first_of_cold = firsts(world)
    means = {
        name: {of: float(np.mean([run[of] for run in all_runs])) for of in all_runs[0]}
        for name, all_runs in runs.items()
    }
    return {
        "tracks": len(tracks),
        "without_plays": int(world.cold.sum()),
        "folds": folds,
        "seeds": seeds,
        "sessions": sessions,
        "questions": asked,
        "first": first,
        "first_of_cold": first_of_cold,
        "means": means,
        "deviations": {
            name: {of: float(np.std([run[of] for run in all_runs])) for of in all_runs[0]}
            for name, all_runs in runs.items()
        },
        "over_chance": over(means, "chance"),
        "over_raw_sound": over(means, "raw_sound"),
    }


def over(means: Mapping[str, Figures], base: str) -> dict[str, Figures]:
    """How many times the figures of `base` the trained vectors and the recommender have."""
    shown = ("recall", "cold_recall", "cold_mrr")
    return {name: {of: means[name][of] / means[base][of] for of in shown} for name in ("vectors", "served")}


def library(folders: Sequence[Path], jobs: int) -> list[Measured]:
    """The tracks of all folders; composed ones where there is no folder."""
    if folders:
        return [track for folder in folders for track in measured(folder, jobs)]
    with tempfile.TemporaryDirectory() as folder:
        compose_library(Path(folder), lambda _: None, PIECES, PIECE_SECONDS)
        return measured(Path(folder), jobs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path, nargs="*")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sessions", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(library(given.music, given.jobs), given.folds, given.seeds, given.sessions)
    if not given.json:
        for name, of in found["means"].items():
            spread = found["deviations"][name]
            print(f"{name:12}", *(f"{what} {value:.3f} ± {spread[what]:.3f}" for what, value in of.items()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
