"""How well the next track is foretold on public sessions: the newest tenth of them, after training on the others.

    python -m tests.benchmarks.sessions SESSIONS.parquet [--every N] [--json]

In: Parquet with `session_id: int, tracks: list<int>`, in time order. Out: P@20 and MRR@20 of the recommender as it is
served and of the baselines, of pairs whose tracks were all played before, as published splits of such data have them;
the time and the memory that training took. `--every` asks only each Nth pair. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.learn.model import ModelConfig
from training.public import public

__all__ = ["measure", "rows"]

HELD_OUT = 0.1


def split(sessions: Path, every: int, folder: Path) -> tuple[Path, Path]:
    """Files of the older sessions and of pairs from the newest."""
    table = pq.read_table(sessions, columns=["session_id", "tracks"])
    cut = table.num_rows - int(table.num_rows * HELD_OUT)
    older, newest = table.slice(0, cut), table.slice(cut)["tracks"].to_pylist()
    known = {track for tracks in older["tracks"].to_pylist() for track in tracks}
    found = [[track for track in tracks if track in known] for tracks in newest]
    pairs = [(tracks[:n], tracks[n]) for tracks in found for n in range(1, len(tracks))][::every]
    contexts, targets = zip(*pairs, strict=True)
    train, test = folder / "train.parquet", folder / "test.parquet"
    pq.write_table(older, train)
    pq.write_table(pa.table({"context": contexts, "target": targets}), test)
    return train, test


def measure(sessions: Path, every: int = 1, seed: int = ModelConfig().seed) -> dict[str, Any]:
    """Train, ask; figures as `segue evaluate` gives them, and the peak memory in GB."""

    def told(name: str, done: int, of: int) -> None:
        if done == of or done % 10_000 == 0:
            print(f"{name}: {done} of {of}", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        train, test = split(sessions, every, Path(folder))
        figures = public(
            train,
            test,
            ModelConfig(seed=seed),
            log=lambda epoch, _: print(f"epoch {epoch + 1}", file=sys.stderr),
            progress=told,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return figures | {"peak_memory_gb": round(peak / 1e6, 2)}


def rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A row a method, all but the first on a sample of the pairs: P@20, MRR@20, pairs asked, ms an answer."""
    for name, of in (("segue, all pairs", found), *found["on_a_sample"].items()):
        yield (
            name,
            f"{of['p@20']:.1f}",
            f"{of['mrr@20']:.1f}",
            f"{of['pairs']:.0f}",
            f"{1000 * of['seconds_per_query']:.1f}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("sessions", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=ModelConfig().seed)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.sessions, given.every, given.seed)
    if not given.json:
        for row in rows(found):
            print("  ".join(row))
        print(f"training {found['training_seconds'] / 60:.1f} minutes, {found['peak_memory_gb']} GB at most")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
