"""The state file is the old one or the new one, the lock has one owner, and no process is mistaken for another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.errors import ServiceError
from infra.services import down, status
from infra.services.processes import MARK, Identity, end, find, identity, last_lines, marked, spawn, still_running
from infra.services.state import HomeLock, PartState, State, read_state, write_state
from infra.settings import Settings

SLEEPER = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def a_state(owner: Identity, *parts: PartState) -> State:
    return State(
        run="cafe", pid=owner.pid, create_time=owner.create_time, supervisor=True, command="segue up", parts=parts
    )


def a_part(process: Identity, log: Path) -> PartState:
    return PartState(
        name="mongo",
        pid=process.pid,
        create_time=process.create_time,
        address="mongodb://127.0.0.1:1",
        port=1,
        log=str(log),
        data="",
        version="",
        started_at="2026-01-01T00:00:00+00:00",
        ready=True,
    )


def test_what_is_written_is_read_back_and_nothing_else_is_left_beside_it(tmp_path: Path):
    state = a_state(identity(os.getpid()), a_part(identity(os.getpid()), tmp_path / "log"))
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_no_state_and_a_damaged_state_are_the_same(tmp_path: Path):
    assert read_state(tmp_path) is None
    (tmp_path / "state.json").write_text('{"run": ')
    assert read_state(tmp_path) is None


def test_the_second_owner_of_a_home_is_told_the_pid_of_the_first(tmp_path: Path):
    first, second = HomeLock(tmp_path / "run"), HomeLock(tmp_path / "run")
    first.take()
    write_state(tmp_path / "run", a_state(identity(os.getpid())))
    assert second.taken_elsewhere()
    with pytest.raises(ServiceError, match=rf"in use by pid {os.getpid()} \(segue up\)"):
        second.take()
    first.free()
    second.take()
    second.free()


def test_a_pid_used_again_is_not_the_process_we_knew():
    me = identity(os.getpid())
    assert find(me) is not None
    assert find(Identity(me.pid, me.create_time - 100)) is None


def test_ending_a_process_ends_what_it_started_and_kills_the_deaf(tmp_path: Path):
    parent = spawn([sys.executable, "-c", SLEEPER], environment={}, log=tmp_path / "a.log", folder=tmp_path)
    deaf = spawn([sys.executable, "-c", DEAF], environment={}, log=tmp_path / "b.log", folder=tmp_path)
    root = psutil.Process(parent.pid)
    while not root.children() or not last_lines(tmp_path / "b.log"):
        pass
    child = root.children()[0]
    assert end([root, psutil.Process(deaf.pid)], grace_s=1.0) == 2
    parent.wait()
    deaf.wait()
    assert not still_running([child], 0)


def test_a_process_that_lost_its_parent_is_found_by_its_mark(tmp_path: Path):
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    mark = f"test{os.getpid()}:mongo:"
    spawn([sys.executable, "-c", code], environment={MARK: mark}, log=tmp_path / "log", folder=tmp_path).wait()
    (orphan,) = marked(mark)
    end([], mark=mark)
    assert not still_running([orphan], 0)


def test_a_long_log_is_put_aside_at_start(tmp_path: Path):
    log = tmp_path / "mongo.log"
    log.write_bytes(b"x" * (10 * 1024 * 1024 + 1))
    spawn([sys.executable, "-c", "print('new')"], environment={}, log=log, folder=tmp_path).wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "mongo.log.1").exists()


def test_down_ends_what_a_killed_owner_left_and_no_process_that_has_its_pid_now(tmp_path: Path):
    settings = Settings.load(home=tmp_path)
    left = spawn([sys.executable, "-c", SLEEPER], environment={}, log=tmp_path / "log", folder=tmp_path)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    gone = Identity(os.getpid(), 1.0)
    reused = a_part(Identity(bystander.pid, 1.0), tmp_path / "log").model_copy(update={"name": "kafka"})
    write_state(settings.run, a_state(gone, a_part(identity(left.pid), tmp_path / "log"), reused))
    assert down(settings) == ["mongo"]
    left.wait()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_down_and_status_of_a_home_never_used(tmp_path: Path):
    settings = Settings.load(home=tmp_path / "new")
    assert down(settings) == []
    seen = status(settings)
    assert (seen.mongo, seen.home) == ("", str(settings.home))
    assert {part.name: part.state for part in seen.parts} == dict.fromkeys(("mongo", "kafka", "mlflow", "ray"), "down")
    assert all(part.fix for part in seen.parts)
