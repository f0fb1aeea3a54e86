"""Work that is told of: seldom, to its end, and without the work ever waiting or failing for it."""

from __future__ import annotations

import threading
import time

import pytest

from infra.errors import ServiceError, StoreError, TrainingError
from infra.store import Work
from infra.under_way import UnderWay, without_folders
from tests.data.installed import wait_for


class Heard:
    """Where work is told to; away for as long as `away` is set."""

    def __init__(self) -> None:
        self.told: list[Work] = []
        self.away = threading.Event()

    def tell(self, work: Work) -> None:
        if self.away.is_set():
            raise StoreError("away")
        self.told.append(work)


def test_the_last_word_is_what_came_of_it():
    heard = Heard()
    work = UnderWay(heard, "ingest")
    with work("files"):
        for done in range(1, 1_001):
            work.at("files", done=done, total=1_000, failed=2, left_s=1.5)
        work.came_to("1000 files")
    # A thousand changes are no thousand writes.
    assert len(heard.told) <= 3
    last = heard.told[-1]
    assert (last.state, last.stage, last.done, last.failed, last.left_s) == ("done", "", 1_000, 2, None)
    assert last.told == "1000 files"
    assert 0 < last.began_ms <= last.changed_ms


def test_it_is_told_while_it_goes_on():
    heard = Heard()
    work = UnderWay(heard, "training")
    with work("spark"):
        work.at("fit", done=3, total=10, told="epoch 3 of 10")
        wait_for(lambda: heard.told and heard.told[-1].stage == "fit", "the stage")
        assert (heard.told[-1].state, heard.told[-1].told) == ("running", "epoch 3 of 10")


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (KeyboardInterrupt(), "stopped", "interrupted"),
        (SystemExit(1), "stopped", "interrupted"),
        (ServiceError("mongodb://127.0.0.1:27017 is away"), "failed", "a part of the service was away"),
        (TrainingError("/home/ann/segue/fit/a b: no tracks yet"), "failed", "a b: no tracks yet"),
        (ZeroDivisionError("/home/ann"), "failed", "an error that nobody had expected"),
    ],
)
def test_how_it_ended_is_told_in_plain_words(error: BaseException, state: str, told: str):
    heard = Heard()
    work = UnderWay(heard, "training")
    with pytest.raises(type(error)), work("fit"):
        raise error
    assert heard.told[-1].state == state
    assert told in heard.told[-1].told
    assert "/home" not in heard.told[-1].told
    assert "mongodb://" not in heard.told[-1].told


def test_work_goes_on_while_nobody_hears_it_and_is_heard_again():
    heard = Heard()
    heard.away.set()
    work = UnderWay(heard, "ingest")
    began = time.monotonic()
    with work("files"):
        work.at("files", done=1, total=2)
    assert time.monotonic() - began < 2
    assert heard.told == []
    heard.away.clear()
    with work("files"):
        pass
    assert heard.told[-1].state == "done"


def test_a_second_piece_of_work_begins_anew():
    heard = Heard()
    work = UnderWay(heard, "ingest")
    with work("files"):
        work.at("files", done=5, total=5, failed=1)
        work.came_to("5 files")
    with work("files"):
        pass
    assert heard.told[-1]._replace(began_ms=0, changed_ms=0) == Work("ingest", "done")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/music/Ann & Bob/song.mp3: no audio", "song.mp3: no audio"),
        ("'/home/Ann Bob/My Music/a song.mp3' is gone", "'a song.mp3' is gone"),
        ("/a/b.mp3: neither c/d, nor /e/f", "b.mp3: neither c/d, nor f"),
        ("file:///music/a%20b/song.mp3 is damaged", "song.mp3 is damaged"),
        ("cannot open '/tmp/x/y.mp3'", "cannot open 'y.mp3'"),
        ("1/2 done, AC/DC", "1/2 done, AC/DC"),
        ("http://ann:secret@host/a/b.mp3", "http://host/a/b.mp3"),
    ],
)
def test_folders_and_passwords_are_left_out(text: str, shown: str):
    assert without_folders(text) == shown
