"""The supervisor keeps parts up, ends everything it started and nothing else, and a killed one leaves nothing for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.addresses import Addresses
from infra.errors import ServiceError
from infra.services import Program, Services, Supervisor, discover, down, status
from infra.services.processes import marked, still_running
from infra.services.state import State, read_state
from infra.settings import Settings
from infra.store import Store

OWNER = """
import sys
from infra.services import Program, Supervisor
from infra.settings import Settings

sleeper = Program("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])
with Supervisor(Settings.load(), [sleeper], lambda line: print(line, flush=True)) as supervisor:
    supervisor.start()
    print("ready", flush=True)
    supervisor.run_forever()
"""


@pytest.fixture
def home(services: Services, tmp_path: Path) -> Settings:
    """A home with only MongoDB of its own: the other parts are the test run's, which are outside for it."""
    shared = services.ensure("kafka", "mlflow", "ray")
    return Settings.load(home=tmp_path, kafka=shared.kafka, mlflow_uri=shared.mlflow, ray_address=shared.ray)


@pytest.fixture
def owner(home: Settings, start_owner: Callable[[Settings], subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """A supervisor for `home` in a process of its own, ready."""
    return start_owner(home)


@pytest.fixture
def start_owner() -> Iterator[Callable[[Settings], subprocess.Popen[str]]]:
    started = []

    def start(settings: Settings) -> subprocess.Popen[str]:
        environment = {**os.environ, **settings.environment()}
        process = subprocess.Popen([sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE, text=True)
        started.append((process, settings))
        assert "ready" in iter(lambda: process.stdout.readline().strip(), "")
        return process

    yield start
    for process, settings in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        down(settings)


def state_of(settings: Settings) -> State:
    state = read_state(settings.run)
    assert state is not None
    return state


def pid_of(settings: Settings, name: str) -> int:
    part = state_of(settings).part(name)
    assert part is not None
    return part.pid


def watch_until(supervisor: Supervisor, done: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not done():
        assert time.monotonic() < until
        supervisor.watch()
        time.sleep(0.05)


def test_a_killed_mongo_comes_back_at_its_address_with_its_data(home: Settings):
    said: list[str] = []
    with Supervisor(home, [], said.append) as supervisor:
        before = supervisor.start()
        with Store(before.mongo, "kept").prepare() as store:
            store.users.add("anna")
        killed = pid_of(home, "mongo")
        os.kill(killed, signal.SIGKILL)
        watch_until(supervisor, lambda: pid_of(home, "mongo") != killed and state_of(home).parts[0].ready)
        assert discover(home).mongo == before.mongo
        with Store(before.mongo, "kept") as store:
            assert store.users.names() == ["anna"]
        assert state_of(home).parts[0].restarts == 1
    assert any(line.startswith("mongo stopped (exit 137); starting it again") for line in said)
    assert state_of(home).parts == ()


def test_a_program_that_cannot_start_shows_the_end_of_its_log(home: Settings):
    broken = Program("broken", [sys.executable, "-c", "raise SystemExit('no such thing as luck')"], ready=lambda: False)
    with (
        pytest.raises(ServiceError, match=r"broken ended with status 1 while starting(.|\n)*no such thing as luck"),
        Supervisor(home, [broken], print) as supervisor,
    ):
        supervisor.start()
    assert marked(f"{state_of(home).run}:") == []


def test_a_program_that_keeps_falling_is_given_longer_pauses(home: Settings):
    said: list[str] = []
    falling = Program("falling", [sys.executable, "-c", "import time; time.sleep(0.2)"])
    with Supervisor(home, [falling], said.append) as supervisor:
        supervisor.start()
        watch_until(supervisor, lambda: len([line for line in said if "falling stopped" in line]) >= 3)
    started = [line for line in said if line.startswith("falling is up")]
    assert len(started) == 3


def test_a_second_owner_is_refused_and_told_the_pid_of_the_first(home: Settings, owner: subprocess.Popen[str]):
    with pytest.raises(ServiceError, match=rf"in use by pid {owner.pid} "):
        Supervisor(home, [], print).take()
    with Services(home) as services:
        assert services.ensure("mongo") == discover(home)


def test_down_ends_everything_of_this_home_and_nothing_else(
    home: Settings, owner: subprocess.Popen[str], services: Services, installation: Settings
):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    others = services.ensure("mongo", "kafka", "mlflow", "ray")
    ours = [psutil.Process(pid_of(home, name)) for name in ("mongo", "sleeper")]
    assert down(home) == ["mongo", "sleeper"]
    owner.wait(timeout=30)
    assert not still_running(ours, 0)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    assert discover(installation) == others
    assert down(home) == []


def test_parts_of_a_killed_supervisor_are_shown_and_ended(home: Settings, owner: subprocess.Popen[str]):
    ours = [psutil.Process(pid_of(home, name)) for name in ("mongo", "sleeper")]
    owner.kill()
    owner.wait()
    assert discover(home).mongo == ""
    assert "`segue down` ends it" in next(part.fix for part in status(home).parts if part.name == "mongo")
    assert down(home) == ["mongo", "sleeper"]
    assert not still_running(ours, 0)


def test_the_next_start_ends_what_a_killed_supervisor_left(home: Settings, owner: subprocess.Popen[str]):
    left = psutil.Process(pid_of(home, "mongo"))
    owner.kill()
    owner.wait()
    said: list[str] = []
    with Supervisor(home, [], said.append) as supervisor:
        supervisor.start()
        assert not still_running([left], 0)
    assert said[0] == "ended what a killed Segue had left: mongo, sleeper"


def test_two_homes_run_side_by_side(
    home: Settings,
    owner: subprocess.Popen[str],
    start_owner: Callable[[Settings], subprocess.Popen[str]],
    tmp_path_factory: pytest.TempPathFactory,
):
    other = home.model_copy(update={"home": tmp_path_factory.mktemp("other")})
    start_owner(other)
    assert owner.poll() is None
    assert discover(home).mongo != discover(other).mongo
    assert down(other) == ["mongo", "sleeper"]
    assert discover(home).mongo


def test_an_interrupt_while_starting_leaves_nothing(home: Settings, addresses: Addresses):
    code = OWNER.replace('print("ready"', 'print("never"')
    stuck = code.replace(
        '[sys.executable, "-c", "import time; time.sleep(600)"]',
        '[sys.executable, "-c", "import time; time.sleep(600)"], ready=lambda: False',
    )
    process = subprocess.Popen(
        [sys.executable, "-c", stuck],
        env={**os.environ, **home.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline().startswith("mongo is up")
    while state_of(home).part("sleeper") is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert "never" not in rest
    assert marked(f"{state_of(home).run}:") == []
    assert addresses.mongo
