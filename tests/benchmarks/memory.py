"""How much memory a worker of an ingest takes: over many tracks, and for one very long file.

    python -m tests.benchmarks.memory [--tracks 1000] [--hours 3] [--json]

In: nothing; tracks are made on the spot. Out: resident memory of one worker process over the first and the last hundred
tracks after a warm-up of fifty, and the most that a worker and its FFmpeg took together for the long file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from etl.job import Job, mark_of
from etl.places import Folder
from etl.process import Failed, Options
from etl.ray_tasks import Worker
from etl.scan import SourceFile, uri_of

WARM_UP = 50
LOOK_EVERY_S = 0.02
MEGA = 1e6


def make(path: Path, seconds: float, number: int) -> Path:
    """A tone of its own with noise, as MP3."""
    sound = f"0.4*sin(2*PI*{200 + number}*t+3*sin(5*t))+0.1*(random({number})-0.5)"
    args = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", f"aevalsrc='{sound}':s=44100:d={seconds}"]
    subprocess.run([*args, "-ac", "2", "-c:a", "libmp3lame", "-b:a", "128k", str(path)], check=True)
    return path


def long_file(folder: Path, hours: float) -> Path:
    """Ten minutes of sound, again and again without encoding them again."""
    part = make(folder / "part.mp3", 600, 1)
    listed = folder / "list.txt"
    listed.write_text(f"file '{part}'\n" * round(hours * 6))
    args = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy"]
    subprocess.run([*args, str(folder / "long.mp3")], check=True)
    return folder / "long.mp3"


def work(job: Job, channel: Connection) -> None:
    """What a worker process does: file after file, each answered with its memory in bytes."""
    worker = Worker()
    worker.begin(job)
    me = psutil.Process()
    while path := channel.recv():
        found = path.stat()
        outcome = worker.do(SourceFile(uri_of(path), found.st_size, found.st_mtime_ns))
        assert not isinstance(outcome, Failed), outcome
        channel.send(me.memory_info().rss)


class Measured:
    """One worker process and the most that it and its FFmpeg took."""

    def __init__(self, folder: Path) -> None:
        media = folder / "media"
        context = get_context("spawn")
        self._channel, theirs = context.Pipe()
        job = Job(Folder(folder), Options(folder, media), {}, mark_of(media, make=True))
        self._process = context.Process(target=work, args=(job, theirs))
        self._process.start()
        self.most = 0
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look)
        self._looking.start()

    def do(self, path: Path) -> int:
        """Bytes the worker has after this file."""
        self._channel.send(path)
        return int(self._channel.recv())

    def end(self) -> None:
        """Stop the worker."""
        self._channel.send(None)
        self._process.join()
        self._ended.set()
        self._looking.join()

    def _look(self) -> None:
        worker = psutil.Process(self._process.pid)
        while not self._ended.wait(LOOK_EVERY_S):
            total = 0
            try:
                for process in (worker, *worker.children()):
                    total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self.most = max(self.most, total)


def over_many(folder: Path, tracks: int) -> dict[str, float]:
    """The worker's memory over the first and the last hundred tracks."""
    worker, sizes = Measured(folder), []
    path = folder / "track.mp3"
    for number in range(WARM_UP + tracks):
        make(path, 3 + number % 7, number)
        sizes.append(worker.do(path))
    worker.end()
    first, last = sizes[WARM_UP : WARM_UP + 100], sizes[-100:]
    return {
        "tracks": tracks,
        "first_mb": round(statistics.mean(first) / MEGA, 1),
        "last_mb": round(statistics.mean(last) / MEGA, 1),
        "last_over_first": round(statistics.mean(last) / statistics.mean(first), 4),
    }


def for_long(folder: Path, hours: float) -> dict[str, float]:
    """The most for one file, and how long it took."""
    path, worker = long_file(folder, hours), Measured(folder)
    worker.do(make(folder / "short.mp3", 3, 2))
    before, start = worker.most, time.perf_counter()
    worker.do(path)
    taken = time.perf_counter() - start
    worker.end()
    return {
        "hours": hours,
        "short_mb": round(before / MEGA, 1),
        "long_mb": round(worker.most / MEGA, 1),
        "long_times_real_time": round(hours * 3600 / taken),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    # As Ray gives it to its workers.
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        figures = over_many(Path(scratch), given.tracks) | for_long(Path(scratch), given.hours)
    if not given.json:
        for name, value in figures.items():
            print(f"{name:22} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
