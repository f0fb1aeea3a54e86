"""How much of the exact nearest vectors the index finds, how fast, and what it costs to build and to keep.

    python -m tests.benchmarks.index [--sizes 10000,100000,1000000] [--bundle DIR] [--json]

In: simulated embeddings (`tests/data/embeddings.py`), their number by `--sizes`, once without any structure; and with
`--bundle` the items of a trained model. Out: for each, recall@20 against exact search, time per query (CPU time of the
asking thread, one query at a time, median and 99th percentile), CPU time and peak memory of the build, size on disk.
Annoy as the service uses it; hnswlib and faiss with the least effort out of a doubling row that finds 0.99.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tests.benchmarks.searchers import METHODS, OPTIONAL, SEED, Searcher
from tests.data.embeddings import exact, isotropic, items, queries, recall
from training.data.vectors import Floats
from training.recommend.index import Positions, VectorIndex

K, MORE = 20, 100
"""How many are asked for; the recommender asks for the larger number too."""
QUERIES = 500
ENOUGH = 0.99
ISOTROPIC = 10_000
FRESH = 10_000
VECTORS, ASKED, NEAREST = "vectors.npy", "queries.npy", "nearest.npy"


def measure(table: Floats, asked: Floats) -> dict[str, dict[str, float]]:
    """All methods on the same vectors and queries, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / VECTORS, table)
        np.save(Path(folder) / ASKED, asked)
        np.save(Path(folder) / NEAREST, exact(table, asked, MORE))
        found = {}
        for name in METHODS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                found[name] = alone.submit(one, name, Path(folder)).result()
    for figures in found.values():
        figures["times_exact"] = round(found["exact"]["ms"] / figures["ms"], 2)
    return found


def one(name: str, folder: Path) -> dict[str, float]:
    """One method: built, asked, saved."""
    with threadpool_limits(1):
        table, asked = np.load(folder / VECTORS, mmap_mode="r"), np.load(folder / ASKED)
        nearest = np.load(folder / NEAREST)
        before = peak_mb()
        began = time.process_time()
        searcher = METHODS[name].build(table)
        figures: dict[str, float] = {
            "build_s": round(time.process_time() - began, 1),
            "build_peak_mb": round(peak_mb() - before),
        }
        for effort in METHODS[name].efforts:
            searcher.effort(effort)
            figures |= ask(searcher, asked, nearest) | ({"effort": effort} if effort else {})
            if figures["recall_at_20"] >= ENOUGH:
                break
        figures["recall_at_100"] = round(recall(nearest, [searcher.nearest(q, MORE) for q in asked], MORE), 4)
        searcher.save(folder / name)
        figures["file_mb"] = round((folder / name).stat().st_size / 1e6)
        (folder / name).unlink()
        return figures


def ask(searcher: Searcher | VectorIndex, asked: Floats, nearest: Positions) -> dict[str, float]:
    """Recall, and the time of one query after another."""
    answers, seconds = [], []
    for query in asked:
        began = time.thread_time()
        answers.append(searcher.nearest(query, K))
        seconds.append(time.thread_time() - began)
    return {
        "recall_at_20": round(recall(nearest, answers, K), 4),
        "ms": round(1e3 * float(np.median(seconds)), 3),
        "ms_p99": round(1e3 * float(np.quantile(seconds, 0.99)), 3),
    }


def beside_fresh(table: Floats, asked: Floats) -> dict[str, float]:
    """The same index with `FRESH` tracks that came after it was built, among them each query's nearest one."""
    fresh = np.concatenate([asked, items(FRESH - len(asked), SEED + 3)])
    built = VectorIndex.build(table, SEED)
    with threadpool_limits(1):
        began = time.process_time()
        wider = built.with_fresh(fresh)
        added = time.process_time() - began
        without = ask(built, asked, exact(table, asked, K))
        beside = ask(wider, asked, exact(wider.table, asked, K))
        answers = np.array([wider.nearest(query, K) for query in asked])
    return {
        "fresh": FRESH,
        "added_ms": round(1e3 * added, 1),
        "found_first": float(np.mean(answers[:, 0] == len(table) + np.arange(len(asked)))),
        "recall_at_20": beside["recall_at_20"],
        "ms": beside["ms"],
        "ms_without": without["ms"],
    }


def peak_mb() -> float:
    """The most memory this process has held; `getrusage` would begin with what its parent held."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def cases(sizes: Sequence[int], bundle: Path | None) -> Iterator[tuple[str, Floats, Floats]]:
    """What is searched, by name, with its queries."""
    flat = isotropic(ISOTROPIC, SEED)
    yield "10,000 without structure", flat, isotropic(QUERIES, SEED + 1)
    if bundle is not None:
        table = np.load(bundle / "items.npy", mmap_mode="r")
        yield f"{len(table):,} of a trained model", table, queries(table, QUERIES, SEED + 2)
    for n in sizes:
        table = items(n, SEED)
        yield f"{n:,}", table, queries(table, QUERIES, SEED + 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    missing = [package for module, package in OPTIONAL.items() if module not in METHODS]
    packages = ["annoy", "numpy", *(package for package in OPTIONAL.values() if package not in missing)]
    found: dict[str, Any] = {"versions": {name: version(name) for name in packages}, "not_installed": missing}
    for name, table, asked in cases([int(size) for size in given.sizes.split(",")], given.bundle):
        found[name] = measure(table, asked)
        if not given.json:
            for method, figures in found[name].items():
                print(f"{name:26} {method:8}", *(f"{what} {value}" for what, value in figures.items()), flush=True)
    sample = items(ISOTROPIC, SEED)
    found["beside"] = beside_fresh(sample, queries(sample, QUERIES, SEED + 2))
    if missing and not given.json:
        print(f"not installed, so not measured: {', '.join(missing)}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
