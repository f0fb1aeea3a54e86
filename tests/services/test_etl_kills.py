"""`kill -9` during compression in place: every file is whole, old or new, and the next run does the rest."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from mutagen.id3 import ID3

from etl.audio.compress import decoded_seconds, probe
from etl.demo.compose import compose
from etl.tags.read import read_tags
from tests.data.stage import compress_in_place

KILLS = 50
PIECES = 3
SECONDS = 4.0

spawner = multiprocessing.get_context("forkserver")
spawner.set_forkserver_preload(["tests.data.stage"])


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for seed in range(PIECES):
        compose(tmp_path / "music" / f"{seed}.mp3", seed=seed, seconds=SECONDS, bitrate=192)
        with (tmp_path / "music" / f"{seed}.mp3").open("ab") as end:
            end.write(b"TAG" + f"Title {seed}".encode().ljust(124, b"\0") + b"\x18")
    return tmp_path / "music"


def begin(folder: Path) -> BaseProcess:
    """A run that leads its own process group, FFmpeg included, by the time this returns."""
    begun = spawner.Event()
    stage = spawner.Process(target=compress_in_place, args=(folder, folder.with_name("media"), begun))
    stage.start()
    assert begun.wait(60)
    return stage


def whole_run(folder: Path) -> float:
    stage = begin(folder)
    started = time.monotonic()
    stage.join(120)
    assert stage.exitcode == 0
    return time.monotonic() - started


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.mp3"))}


def parts(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))


def restore(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_every_file_is_whole_after_a_kill_at_any_moment(music: Path):
    old = contents(music)
    tags = {name: (read_tags(music / name), ID3(music / name).getall("APIC")) for name in old}
    whole_run(music)
    restore(music, old)
    takes = whole_run(music)
    new = contents(music)
    for name in old:
        assert decoded_seconds(music / name, probe(music / name)) == pytest.approx(SECONDS, abs=0.1)
        assert (read_tags(music / name), ID3(music / name).getall("APIC")) == tags[name]
        assert new[name][-128:] == old[name][-128:]
        assert len(new[name]) < len(old[name])

    dice = random.Random(11)
    states = []
    restore(music, old)
    for _ in range(KILLS):
        stage = begin(music)
        time.sleep(dice.uniform(0, takes))
        os.killpg(stage.pid or 0, signal.SIGKILL) if stage.is_alive() else None
        stage.join(30)
        now = contents(music)
        assert now.keys() == old.keys()
        # The encoder is deterministic: a file that is not the one nor the other is not whole.
        assert {name for name in now if now[name] not in (old[name], new[name])} == set()
        states.append(sum(now[name] == new[name] for name in now))
        if states[-1] == PIECES or dice.random() < 0.5:
            restore(music, old)
    # Some kill came before the end, and some file had been replaced by then or another time.
    assert min(states) < PIECES
    assert max(states) > 0

    whole_run(music)
    assert contents(music) == new
    assert parts(music) == []
