"""How near ingest comes to the speed of the encoder alone, and how far it is ahead of a plain script.

    python -m tests.benchmarks.ingest DIR [--json] [--rounds 3]

In: a folder of MP3s. Out: medians of wall seconds for `bound` (nothing but ffmpeg, as many at once as there are cores), `naive`
(file by file: ffmpeg, librosa.load, three features, one insert), ours (compression, all features, loudness and true peak, MongoDB)
and ours for tracks whose loudness is known (compression, all features, MongoDB), with their ratios. And of CPU seconds on one
thread for files that are small already: what ours does to measure one anew (identify, decode, all features), and to bring one in
(loudness and true peak as well), over librosa.load and the three features.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import librosa
import pymongo
from threadpoolctl import threadpool_limits

from etl.audio.encoding import Encoding
from etl.pipeline import Wanted, opened, options_for, run
from etl.places import Folder
from etl.process import Ingested, Known, Options, process
from etl.ray_tasks import Submit
from etl.scan import SourceFile, scan
from etl.sound.features import FEATURE_VERSION
from infra.services import Services
from infra.settings import Settings
from infra.store import Store


def encode(source: Path, folder: Path) -> Path:
    """One file to 64 kbps MP3 by ffmpeg alone."""
    target = folder / f"{uuid.uuid4().hex}.mp3"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", f"file:{source}", "-map", "0:a:0"]
    subprocess.run([*command, "-c:a", "libmp3lame", "-b:a", "64k", str(target)], check=True)
    return target


def bound(files: list[Path], folder: Path) -> None:
    """The encoder alone, on all cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda f: encode(f, folder), files))


def naive(files: list[Path], folder: Path, mongo: str) -> None:
    """What a straightforward script does."""
    with pymongo.MongoClient[dict[str, object]](mongo) as client:
        for file in files:
            encode(file, folder)
            client["bench_naive"]["tracks"].insert_one({"file": str(file), "features": three_features(file)})


def three_features(file: Path) -> tuple[list[float], float, float]:
    """librosa's own calls, one by one."""
    samples, rate = librosa.load(file)
    return (
        librosa.feature.mfcc(y=samples, sr=rate).mean(axis=1).tolist(),
        float(librosa.feature.spectral_centroid(y=samples, sr=rate).mean()),
        float(librosa.feature.zero_crossing_rate(samples).mean()),
    )


def median_seconds(run: Callable[[], object], rounds: int) -> float:
    """Median wall time of `rounds` calls."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def cpu_seconds(run: Callable[[], object], rounds: int) -> float:
    """Median CPU time of `rounds` calls, that of their ended child processes included."""
    taken = []
    for _ in range(rounds):
        start = _cpu()
        run()
        taken.append(_cpu() - start)
    return statistics.median(taken)


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def features_alone(files: list[Path], folder: Path, rounds: int) -> tuple[float, float, float]:
    """CPU seconds on files that are small already: measured anew, brought in for the first time, and by the three features."""
    small = folder / "small"
    small.mkdir()
    for file in files:
        encode(file, small)
    found = [file for file in scan(small) if isinstance(file, SourceFile)]
    options = Options(small, folder / "no media", encoding=Encoding(), in_place=True)

    def ours(known: dict[str, Known]) -> list[Ingested]:
        done = [process(file, options, known) for file in found]
        assert all(isinstance(one, Ingested) and one.converted for one in done), done
        return [one for one in done if isinstance(one, Ingested)]

    with threadpool_limits(1):  # a worker has one thread, so the other side has one as well
        another_version = FEATURE_VERSION + 1
        known = {
            content: Known(one.id, one.converted.media, another_version)
            for one in ours({})
            if one.converted
            for content in one.contents
        }
        return (
            cpu_seconds(lambda: ours(known), rounds),
            cpu_seconds(lambda: ours({}), rounds),
            cpu_seconds(lambda: [three_features(f.path) for f in found], rounds),
        )


def measure(music: Path, rounds: int = 3) -> dict[str, float]:
    """All of them on the same files in the same run, Ray and its workers already up."""
    files = sorted(music.rglob("*.mp3"))
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings.load(home=Path(scratch) / "home")
        with Services(settings) as services:
            addresses = services.ensure("mongo", "ray")
            with opened(settings, addresses, None) as (store, pool):
                library = Library(music, settings, store.uri, pool.submit)
                return compare(files, library, Path(scratch), rounds)


class Library(NamedTuple):
    """What an ingest needs; the workers are up."""

    music: Path
    settings: Settings
    mongo: str
    submit: Submit

    def ingest(self, database: str, encoding: Encoding, *, again: bool = False) -> None:
        """Bring the music into a database."""
        place = Folder(self.music)
        options = options_for(place, self.settings, Wanted(encoding, again))
        with Store(self.mongo, database).prepare() as store:
            report = run(place.find(), options, store, self.submit)
        assert report.ingested == report.found, report


def fresh() -> str:
    """Name of a database that is not there yet."""
    return f"bench_{uuid.uuid4().hex[:8]}"


def compare(files: list[Path], library: Library, folder: Path, rounds: int) -> dict[str, float]:
    """The medians and their ratios; `folder` takes what the others write."""
    # A library in another encoding, of which all is known but what is made anew: the copies and the features.
    encoded_otherwise = [fresh() for _ in range(rounds)]
    for database in encoded_otherwise:
        library.ingest(database, Encoding("mp3", 96))
    bound_s = median_seconds(lambda: bound(files, folder), rounds)
    ours_s = median_seconds(lambda: library.ingest(fresh(), Encoding()), rounds)
    known_s = median_seconds(lambda: library.ingest(encoded_otherwise.pop(), Encoding(), again=True), rounds)
    naive_s = median_seconds(lambda: naive(files, folder, library.mongo), rounds)
    features_cpu_s, first_cpu_s, naive_cpu_s = features_alone(files, folder, rounds)
    return {
        "files": len(files),
        "bound_s": round(bound_s, 2),
        "naive_s": round(naive_s, 2),
        "ours_s": round(ours_s, 2),
        "ours_over_bound": round(ours_s / bound_s, 3),
        "ours_over_naive": round(ours_s / naive_s, 3),
        "without_loudness_s": round(known_s, 2),
        "without_loudness_over_bound": round(known_s / bound_s, 3),
        "features_cpu_s": round(features_cpu_s, 2),
        "naive_features_cpu_s": round(naive_cpu_s, 2),
        "features_cpu_over_naive": round(features_cpu_s / naive_cpu_s, 3),
        "with_loudness_cpu_over_naive": round(first_cpu_s / naive_cpu_s, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.music, given.rounds)
    if not given.json:
        for name, value in figures.items():
            print(f"{name:18} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
