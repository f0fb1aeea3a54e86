"""How the time of an answer grows with the library.

    python -m tests.benchmarks.sizes [--sizes 1000,100000,1000000] [--json]

In: simulated embeddings (`tests/data/embeddings.py`), and sessions of tracks that are near each other. Out: for each size
the time of an answer (CPU time of the asking thread, one at a time), and how often it is that of the smallest library.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from infra.models import TrackId
from tests.data.embeddings import items
from training.data.cooccurrence import Cooccurrence
from training.data.signals import Signal
from training.data.vectors import Floats
from training.learn.model import SessionEncoder
from training.recommend.index import VectorIndex
from training.recommend.ranking import Ranking
from training.recommend.recommender import SessionRecommender

__all__ = ["SIZES", "growth", "library"]

SIZES = (1_000, 100_000)
SEED = 11
SESSIONS, LENGTH, AMONG = 20_000, 10, 500
ASKED, ANSWERS, HEARD = 300, 20, 5
DIM, ENCODED = 128, 20


def growth(sizes: Sequence[int]) -> dict[int, dict[str, float]]:
    """Figures by size; `times_smallest` compares medians."""
    found: dict[int, dict[str, float]] = {}
    for size in sizes:
        found[size] = asked(*library(size))
        found[size]["times_smallest"] = round(found[size]["ms"] / found[min(found)]["ms"], 2)
    return found


def asked(recommender: SessionRecommender, sessions: NDArray[np.int64]) -> dict[str, float]:
    """Milliseconds of an answer to those who have just played the begin of one of `sessions` (s, length)."""
    ids, seconds = list(recommender.tracks), []
    with threadpool_limits(1, user_api="blas"):  # as the service has it
        for session in sessions[:ASKED]:
            recent = [Signal(ids[track], 1.0, 0) for track in session[:HEARD]]
            began = time.thread_time()
            recommender.next_tracks(recent, ANSWERS)
            seconds.append(time.thread_time() - began)
    return {
        "ms": round(1e3 * float(np.median(seconds)), 2),
        "ms_p99": round(1e3 * float(np.quantile(seconds, 0.99)), 2),
    }


def library(size: int) -> tuple[SessionRecommender, NDArray[np.int64]]:
    """A recommender of `size` tracks with an encoder that has learned nothing, and the sessions (s, length) it knows."""
    vectors = items(size, SEED)
    sessions = near_each_other(vectors)
    counts = np.bincount(sessions.ravel(), minlength=size)
    offsets = np.arange(len(sessions) + 1) * LENGTH
    recommender = SessionRecommender(
        name="generated",
        tracks=[TrackId(f"{number:032x}") for number in range(size)],
        artists=[f"artist {number // 20}" for number in range(size)],
        albums=[f"album {number // 10}" for number in range(size)],
        index=VectorIndex.build(vectors, SEED),
        sound=vectors,
        counts=counts,
        heard=counts > 0,
        ranking=Ranking(),
        encoder=SessionEncoder(DIM, ENCODED, dropout=0.0).eval().arrays(),
        together=Cooccurrence.build(offsets, sessions.ravel().astype(np.int32), size),
    )
    return recommender, sessions


def near_each_other(vectors: Floats) -> NDArray[np.int64]:
    """(SESSIONS, LENGTH) tracks: of some that are drawn, those nearest to one of them."""
    rng = np.random.default_rng(SEED)
    drawn = (rng.integers(0, len(vectors), AMONG) for _ in range(SESSIONS))
    return np.array([some[np.argsort(-(vectors[some] @ vectors[some[0]]))[:LENGTH]] for some in drawn])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = growth([int(size) for size in given.sizes.split(",")])
    if given.json:
        print(json.dumps(found))
        return
    for size, figures in found.items():
        print(f"{size:>9,} tracks", *(f"{what} {value}" for what, value in figures.items()))


if __name__ == "__main__":
    main()
