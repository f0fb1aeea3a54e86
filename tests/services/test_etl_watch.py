"""Following a folder with real files: what is added, copied slowly, moved and deleted while it happens."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from etl.pipeline import Report, Wanted
from etl.scan import path_of
from etl.watch import watch
from infra.errors import SettingsError
from infra.models import TrackRecord
from infra.services import Services
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.make_audio import NOT_UTF8, tone

SETTLE_S = 1.0
PATIENCE_S = 60.0


class Following(NamedTuple):
    """A watch that runs in a thread."""

    folder: Path
    store: Store
    batches: queue.Queue[Report]
    ended: threading.Event
    result: list[Report | Exception]

    def batch(self) -> Report:
        """The next batch that changed something."""
        return self.batches.get(timeout=PATIENCE_S)

    def until(self, holds: Callable[[dict[str, TrackRecord]], bool]) -> dict[str, TrackRecord]:
        """The tracks by the name of their first source, once this holds of them."""
        until = time.monotonic() + PATIENCE_S
        while True:
            found = {path_of(r.sources[0].uri).name: r for r in self.store.tracks.scan()}
            if holds(found) or time.monotonic() > until:
                assert holds(found), found.keys()
                return found
            time.sleep(0.2)


@pytest.fixture
def following(settings: Settings, services: Services, store: Store, tmp_path: Path) -> Iterator[Following]:
    there = services.ensure("mongo", "ray")
    folder = tmp_path / "music"
    old = tone(folder / "old.mp3", 2, hz=220)
    os.utime(old, (1e9, 1e9))
    one = Following(folder, store, queue.Queue(), threading.Event(), [])

    def go() -> None:
        try:
            one.result.append(
                watch(
                    folder,
                    settings,
                    there,
                    Wanted(),
                    progress=lambda _: None,
                    batch=one.batches.put,
                    ended=one.ended,
                    settle_s=SETTLE_S,
                )
            )
        except SettingsError as error:
            one.result.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    yield one
    one.ended.set()
    thread.join()


def test_a_folder_is_followed_through_everything_that_happens_to_files(following: Following, tmp_path: Path):
    folder = following.folder
    assert (following.batch().ingested, following.store.tracks.count()) == (1, 1)

    shutil.copy(tone(tmp_path / "new.mp3", 2, hz=300), folder)
    assert following.batch().ingested == 1

    whole = tone(tmp_path / "slow.mp3", 8, hz=350).read_bytes()
    with (folder / "slow.mp3").open("wb") as copy:
        for piece in (whole[: len(whole) // 3], whole[len(whole) // 3 : len(whole) // 2], whole[len(whole) // 2 :]):
            copy.write(piece)
            copy.flush()
            time.sleep(2.5 * SETTLE_S)
    assert following.batch().ingested == 1
    tracks = following.until(lambda found: set(found) == {"old.mp3", "new.mp3", "slow.mp3"})
    assert tracks["slow.mp3"].track.duration_ms == pytest.approx(8000, abs=100)

    (folder / "sub").mkdir()
    (folder / "new.mp3").rename(folder / "sub" / "moved.mp3")
    moved = following.until(lambda found: "moved.mp3" in found)["moved.mp3"]
    assert (moved.track.id, moved.missing) == (tracks["new.mp3"].track.id, False)
    assert len(moved.sources) == 1

    tone(tmp_path / "album" / "one.mp3", 2, hz=400)
    tone(tmp_path / "album" / "two.mp3", 2, hz=450).rename(tmp_path / "album" / os.fsdecode(NOT_UTF8))
    (tmp_path / "album").rename(folder / "album")
    following.until(lambda found: {"one.mp3", os.fsdecode(NOT_UTF8)} <= set(found))

    shutil.rmtree(folder / "album")
    (folder / "sub" / "moved.mp3").unlink()
    following.until(lambda found: sum(r.missing for r in found.values()) == 3)
    assert not following.until(bool)["old.mp3"].missing

    (folder / "letter.mp3").write_text("Dear listener,")
    reports = [following.batch()]
    while not reports[-1].failed:
        reports.append(following.batch())
    assert [f.stage for f in reports[-1].failed] == ["decode"]
    (folder / "letter.mp3").unlink()
    following.ended.set()
    while not following.result:
        time.sleep(0.1)
    (total,) = following.result
    assert isinstance(total, Report)
    assert (total.ingested, total.gone) == (6, 3)


def test_a_folder_that_goes_away_ends_it_and_loses_nothing(following: Following):
    following.batch()
    following.folder.rename(following.folder.with_name("unplugged"))
    while not following.result:
        time.sleep(0.1)
    (error,) = following.result
    assert re.search("has gone; nothing in it counts as deleted", str(error))
    assert not any(r.missing for r in following.store.tracks.scan())


def test_a_folder_whose_disk_has_dropped_away_ends_it_and_loses_nothing(following: Following):
    following.batch()
    # What a disk was mounted on is still there, and empty.
    (following.folder / "old.mp3").rename(following.folder.with_name("old.mp3"))
    while not following.result:
        time.sleep(0.1)
    (error,) = following.result
    assert re.search("has gone; nothing in it counts as deleted", str(error))
    assert not any(r.missing for r in following.store.tracks.scan())


def test_a_folder_that_lies_on_another_disk_now_ends_it(following: Following):
    following.batch()
    away = following.folder.rename(following.folder.with_name("unplugged"))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        shutil.copy(away / "old.mp3", other)
        following.folder.symlink_to(other)
        while not following.result:
            time.sleep(0.1)
    assert re.search("has gone", str(following.result[0]))
    assert not any(r.missing for r in following.store.tracks.scan())


def test_what_cannot_be_looked_at_is_told_once_and_not_taken_for_gone(following: Following, tmp_path: Path):
    following.batch()
    album = tmp_path / "album"
    tone(album / "one.mp3", 2, hz=400)
    (album / "link.mp3").symlink_to(tmp_path / "nowhere")
    album.rename(following.folder / "album")
    reports = [following.batch()]
    while following.store.tracks.count() < 2:
        reports.append(following.batch())
    assert [Path(f.file).name for r in reports for f in r.failed] == ["link.mp3"]
    time.sleep(6 * SETTLE_S)
    assert [path_of(f.uri).name for f in following.store.failures.all()] == ["link.mp3"]


def test_ctrl_c_ends_it_with_a_summary(settings: Settings, services: Services, tmp_path: Path):
    services.ensure("mongo", "ray")
    os.utime(tone(tmp_path / "music" / "a.mp3", 2), (1e9, 1e9))
    with subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "ingest", "--watch", str(tmp_path / "music")],
        env=child_environment(**settings.environment()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr
            told = []
            for line in process.stderr:
                told.append(line)
                if "Ctrl-C ends it" in line:
                    break
            process.send_signal(signal.SIGINT)
            output, rest = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, rest) == (0, "")
    assert "1 brought in" in "".join(told)
    assert "1 files found: 1 brought in, 0 unchanged, 0 left out" in output


def test_an_address_cannot_be_followed(settings: Settings, services: Services):
    with pytest.raises(SettingsError, match="only a folder can be followed"):
        watch(
            "memory://music",
            settings,
            services.ensure("mongo"),
            Wanted(),
            progress=lambda _: None,
            batch=lambda _: None,
        )
