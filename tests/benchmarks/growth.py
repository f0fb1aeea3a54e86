"""How the Spark stage and an epoch of training grow with the plays: time, and the most memory of all their processes.

    python -m tests.benchmarks.growth [--plays 1e5,1e6,1e7] [--tracks 1e5] [--listeners 1e4] [--through-store 1e6] [--json]

In: nothing; a simulated crowd is written as Parquet first. Out: for each number of plays the seconds and the peak of the
proportional set size (Java and Python workers included) of the Spark stage, of loading and of one epoch, each stage in a
process of its own; how much more the most plays cost than the fewest but one; and some plays also through the embedded
MongoDB. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from etl.sound.normalise import Normaliser
from infra.events import PlayEvent
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from tests.data.crowd import BEGAN_MS, VERSION, YEAR_MS, Crowd, write_plays, write_tracks
from training.data import dataset
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.spark.prepare import prepare_frames
from training.spark.session import session
from training.spark.source import enough_partitions, read

LOOK_EVERY_S = 0.5
GAP_MINUTES = 30
LATER_MS = BEGAN_MS + 2 * YEAR_MS
APPENDED_AT_ONCE = 5_000
MEGA = 1e6


def spark_stage(folder: Path) -> dict[str, Any]:
    """From tracks and plays to what training streams."""
    settings = Settings.load(home=folder / "home")
    rows = sum(pq.read_metadata(path).num_rows for name in ("tracks", "plays") for path in (folder / name).iterdir())
    with session(settings, rows=rows) as spark:
        frames = [spark.read.parquet(str(folder / name)) for name in ("tracks", "plays")]
        began = time.perf_counter()
        done = prepare_frames(
            *frames, folder / "out", normaliser_version=VERSION, gap_minutes=GAP_MINUTES, now_ms=LATER_MS
        )
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "sessions": done.n_sessions, "tracks": done.n_tracks}


def epoch_stage(folder: Path) -> dict[str, Any]:
    """From what Spark wrote to a model, in one epoch."""
    normaliser = Normaliser.from_state(json.loads((folder / "normaliser.json").read_text()))
    began = time.perf_counter()
    data = dataset.load(folder / "out" / "tracks", folder / "out" / "sessions", normaliser)
    loaded = time.perf_counter()
    told: list[dict[str, float]] = []
    fit(ModelConfig(epochs=1), data, lambda _epoch, figures: told.append(figures))
    return {
        "load_s": loaded - began,
        "epoch_s": told[0]["seconds"],
        "begin_s": time.perf_counter() - loaded - told[0]["seconds"],
        "loss": told[0]["loss"],
        "holdout_p_at_20": told[0]["holdout_p_at_20"],
    }


def store_stage(folder: Path) -> dict[str, Any]:
    """Plays into the embedded MongoDB, and out of it through the Spark source."""
    settings = Settings.load(home=folder / "home")
    with Services(settings) as services, Store(services.ensure("mongo").mongo, "growth").prepare() as store:
        began = time.perf_counter()
        for path in sorted((folder / "plays").iterdir()):
            for batch in pq.ParquetFile(path).iter_batches(APPENDED_AT_ONCE):
                store.plays.append([_event(row) for row in batch.to_pylist()])
        written = time.perf_counter()
        with session(settings, rows=store.plays.count()) as spark:
            started = time.perf_counter()
            ranges = enough_partitions(spark, store.plays.count())
            plays = read(spark, store.uri, store.database, "plays", ranges)
            plays.write.parquet(str(folder / "read"))
            ended = time.perf_counter()
    rows = sum(pq.read_metadata(path).num_rows for path in (folder / "read").glob("*.parquet"))
    return {"write_s": written - began, "read_s": ended - started, "rows": rows, "partitions": ranges}


STAGES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "spark": spark_stage,
    "epoch": epoch_stage,
    "store": store_stage,
}


def measured(stage: str, folder: Path) -> dict[str, Any]:
    """What a stage in a process of its own says, and the most memory of that process and all below it."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.growth", "--stage", stage, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    most, ended = [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_EVERY_S):
            most[0] = max(most[0], _memory(child.pid))

    looking = threading.Thread(target=look)
    looking.start()
    out, _ = child.communicate()
    ended.set()
    looking.join()
    if child.returncode:
        raise SystemExit(f"the stage {stage} failed")
    found = json.loads(out.splitlines()[-1])
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in found.items()} | {
        "peak_mb": round(most[0] / MEGA)
    }


def _memory(pid: int) -> float:
    total = 0.0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0.0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def _event(row: dict[str, Any]) -> PlayEvent:
    names = ("event_id", "user", "track", "kind", "position_ms", "duration_ms", "private")
    return PlayEvent.model_validate(
        {name: row[name] for name in names} | {"at": datetime.fromtimestamp(row["at_ms"] / 1000, UTC)}
    )


def measure(crowd: Crowd, folder: Path, stages: tuple[str, ...]) -> dict[str, Any]:
    """`stages` on a crowd, each figure under `STAGE.NAME`; tracks written before are taken."""
    if not (folder / "tracks").exists():
        normaliser = write_tracks(crowd, folder / "tracks")
        (folder / "normaliser.json").write_text(json.dumps(normaliser.to_state()))
    write_plays(crowd, folder / "plays")
    found = {f"{stage}.{name}": of for stage in stages for name, of in measured(stage, folder).items()}
    for name in ("plays", "out", "read"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return found


def growth(by_plays: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """How many times what the middle number of plays costs above the fewest, the most cost above them.

    That takes off what tracks and starting cost; `if_linear` is what it would be if every play cost the same.
    """
    few, some, many = sorted(by_plays)
    table = {"if_linear": (many - few) / (some - few)}
    for name in ("spark.seconds", "epoch.load_s", "epoch.begin_s", "epoch.epoch_s"):
        of = [by_plays[plays][name] for plays in (few, some, many)]
        table[name] = (of[2] - of[0]) / (of[1] - of[0])
    return {name: round(times, 2) for name, times in table.items()}


def over(plays: Sequence[int], crowd: Crowd, through_store: int, *, told: bool) -> dict[str, Any]:
    """The stages on each number of `plays` of `crowd`, and on `through_store` of them through MongoDB (0: not at all)."""
    figures: dict[str, Any] = {"tracks": crowd.tracks, "listeners": crowd.listeners, "by_plays": {}}
    with tempfile.TemporaryDirectory() as name:
        for number in sorted(plays):
            found = measure(crowd._replace(plays=number), Path(name), ("spark", "epoch"))
            figures["by_plays"][number] = found
            if told:
                print(number, found, flush=True)
        if through_store:
            figures["through_store"] = measure(crowd._replace(plays=through_store), Path(name), ("store",))
    if len(figures["by_plays"]) == 3:
        figures["growth"] = growth(figures["by_plays"])
    peaks = [of for found in figures["by_plays"].values() for key, of in found.items() if key.endswith("peak_mb")]
    return figures | {"most_mb": max(peaks)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--plays", default="1e5,1e6,1e7")
    parser.add_argument("--tracks", type=float, default=1e5)
    parser.add_argument("--listeners", type=float, default=1e4)
    parser.add_argument(
        "--through-store", type=float, default=1e6, help="so many plays also through MongoDB; 0 for none"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        print(json.dumps(STAGES[given.stage](given.folder)))
        return
    crowd = Crowd(tracks=int(given.tracks), listeners=int(given.listeners))
    plays = [int(float(one)) for one in given.plays.split(",")]
    print(json.dumps(over(plays, crowd, int(given.through_store), told=not given.json)))


if __name__ == "__main__":
    main()
