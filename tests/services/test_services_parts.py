"""Every embedded part answers at its address, keeps its data in the home, and is found by other processes."""

from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from infra.addresses import Addresses
from infra.bus import Bus, Delivery, GroupReader, PlayProducer, cluster_reachable, ensure_topics, partition_of
from infra.models import UserId
from infra.services import Services, discover, doctor, status
from infra.services.processes import family
from infra.settings import Settings
from infra.store import Store


def told_by(code: str, installation: Settings) -> str:
    """What another process of this installation prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"SEGUE_HOME": str(installation.home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_every_part_answers_at_its_address(addresses: Addresses):
    with Store(addresses.mongo, "admin") as store:
        assert store.ping() is not None
    assert cluster_reachable(addresses.kafka) == 1
    assert httpx.get(f"{addresses.mlflow}/version").text.startswith("3.")
    host, _, port = addresses.ray.rpartition(":")
    socket.create_connection((host, int(port)), timeout=2).close()


def test_asking_again_starts_nothing_twice(services: Services, addresses: Addresses):
    assert services.ensure("mongo", "kafka", "mlflow", "ray") == addresses


def test_another_process_finds_what_runs_and_uses_it(installation: Settings, addresses: Addresses):
    code = (
        "from infra.settings import Settings; from infra.services import Services, discover\n"
        "settings = Settings.load(); found = discover(settings)\n"
        "with Services(settings) as services: assert services.ensure('mongo', 'kafka', 'mlflow', 'ray') == found\n"
        "print(found.model_dump_json())"
    )
    assert Addresses.model_validate_json(told_by(code, installation)) == addresses
    assert discover(installation) == addresses


def test_nothing_listens_beyond_loopback(installation: Settings, addresses: Addresses):
    assert addresses.ray
    pids = [part.pid for part in status(installation).parts]
    everyone = [process for pid in pids if pid for process in family(psutil.Process(pid))]
    open_to = {c.laddr.ip for p in everyone for c in p.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert open_to <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_rays_token_is_for_the_owner_alone_and_whoever_lacks_it_is_refused(
    installation: Settings, addresses: Addresses
):
    token = installation.home / "ray" / "token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    code = (
        "import ray, sys\n"
        "try: ray.init(address=sys.argv[1], log_to_driver=False)\n"
        "except Exception as error: print(type(error).__name__); sys.exit(7)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, addresses.ray],
        env={"RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode, told.stdout
    assert told.returncode == 7, told.stderr


@pytest.mark.usefixtures("addresses")
def test_who_leaves_ray_leaves_no_thread_behind(installation: Settings):
    """One of Ray's own that still runs when the process ends can take it down."""
    code = (
        "from pathlib import Path; from infra.settings import Settings; from infra.services import Services\n"
        "from infra.services.ray_client import connected\n"
        "def unnamed(): return sum(one.read_text() == Path('/proc/self/comm').read_text() for one in "
        "Path('/proc/self/task').glob('*/comm'))\n"
        "with Services(Settings.load()) as services:\n"
        "  address = services.ensure('ray').ray\n"
        "  for _ in range(3):\n"
        "    with connected(address) as ray: ray.cluster_resources()\n"
        "    print(unnamed())\n"
    )
    first, _, last = map(int, told_by(code, installation).split())
    assert last <= first


def test_status_and_doctor_find_nothing_wrong_with_the_parts(installation: Settings, addresses: Addresses):
    seen = status(installation)
    assert (seen.mongo, seen.mlflow) == (addresses.mongo, addresses.mlflow)
    assert (seen.kafka, seen.ray) == (f"kafka://{addresses.kafka}", f"ray://{addresses.ray}")
    for part in seen.parts:
        assert (part.state, part.fix, part.restarts) == ("up", "", 0)
        assert part.pid
        assert part.rss_mb > 5
        assert part.version
        assert Path(part.log).exists()
    names = {"mongo", "kafka", "mlflow", "ray", "Kafka's jars"}
    assert all(finding.ok for finding in doctor(installation) if finding.name in names)


def test_an_outside_part_is_used_and_not_started(services: Services, installation: Settings, tmp_path: Path):
    outside = services.ensure("mongo").mongo
    settings = Settings.load(home=tmp_path, mongo_uri=outside)
    with Services(settings) as second:
        assert second.ensure("mongo").mongo == outside
        assert status(settings).parts[0].state == "outside"
    assert discover(installation).mongo == outside


def test_without_java_events_go_through_the_built_in_broker_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    settings = Settings.load(home=tmp_path / "home")
    with Services(settings) as services:
        bus = Bus(services.ensure("kafka").kafka)
        ensure_topics(bus)
        producer, reader = PlayProducer(bus, timeout_s=20), GroupReader(bus)
        asyncio.run(producer.forget(UserId("anna")))
        producer.close()
        got: list[Delivery] = []
        while not got:
            got = reader.poll()
        reader.close()
        kafka = next(part for part in status(settings).parts if part.name == "kafka")
    assert (got[0].user, got[0].partition) == ("anna", partition_of("anna"))
    assert "no Java in JAVA_HOME" in kafka.fix
    assert "forgets them at its next start" in kafka.fix
