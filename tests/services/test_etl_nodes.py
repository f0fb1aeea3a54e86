"""Two Ray nodes: the cores of the second add to those of the first, whoever holds cores and whenever it joins."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from etl.pipeline import Wanted, ingest
from etl.process import Failed, Outcome
from etl.ray_tasks import NICENESS, Pool, cluster
from etl.scan import SourceFile
from infra.addresses import Addresses
from infra.errors import ServiceError
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from tests.data.make_audio import good_folder
from tests.data.second_node import CORES, another_node


class Where(NamedTuple):
    """Work that fails each file with the node, process, niceness and threads of whoever had it."""

    meeting: Path
    """Where each worker leaves its name."""
    together: int = 1
    """So many must be there before any of them goes on, but for the first file."""
    takes_s: float = 0.05
    blind: tuple[str, ...] = ()
    """The nodes that lack something."""
    deadly: str = ""
    """The file that ends its worker."""

    def trouble(self) -> str:
        if here() not in self.blind:
            return ""
        self.join()
        return "/music is not there; mount it"

    def __call__(self, file: SourceFile) -> Outcome:
        if file.uri == self.deadly:
            os._exit(1)
        self.join()
        while file.uri != "file:///0" and len(list(self.meeting.iterdir())) < self.together:
            time.sleep(0.05)
        time.sleep(self.takes_s)
        return Failed(file, here(), f"{os.getpid()} {os.nice(0)} {os.environ['OMP_NUM_THREADS']}")

    def join(self) -> None:
        self.meeting.mkdir(exist_ok=True)
        (self.meeting / f"{here()}.{os.getpid()}").touch()


def here() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


@pytest.fixture(scope="module")
def addresses(services: Services) -> Addresses:
    return services.ensure("mongo", "ray")


@pytest.fixture(scope="module")
def second(addresses: Addresses, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with another_node(addresses, installation, tmp_path_factory.mktemp("second")) as node:
        yield node


@pytest.fixture
def pool(addresses: Addresses) -> Iterator[Pool]:
    with cluster(addresses.ray, None) as opened:
        yield opened


def own_cores() -> int:
    """Of the first node."""
    import ray

    return next(int(node["Resources"]["CPU"]) for node in ray.nodes() if node["NodeID"] == here())


def files(count: int) -> list[SourceFile]:
    return [SourceFile(f"file:///{n}", 1, 1) for n in range(count)]


def nodes(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(o.stage for o in outcomes if isinstance(o, Failed))


def workers(outcomes: list[Outcome]) -> set[tuple[str, ...]]:
    """Node, process, niceness and threads of everyone who did something."""
    return {(o.stage, *o.reason.split()) for o in outcomes if isinstance(o, Failed)}


def test_a_node_that_joins_is_used_and_one_that_leaves_and_a_dead_worker_cost_nothing(
    pool: Pool, addresses: Addresses, settings: Settings, tmp_path: Path
):
    work = Where(tmp_path / "meeting", own_cores() + 1, takes_s=0.3, deadly="file:///9")
    running = pool.submit(iter(files(30)), work)
    outcomes = [next(running)]
    with another_node(addresses, settings, tmp_path) as joined:
        while joined not in nodes(outcomes):
            outcomes.append(next(running))
    outcomes += running
    assert sorted(o.file.uri for o in outcomes) == sorted(f.uri for f in files(30))
    assert nodes(outcomes)["worker"] == 1
    assert set(nodes(outcomes)) == {here(), joined, "worker"}


def test_every_node_works_with_all_its_cores_although_others_hold_them(pool: Pool, second: str, tmp_path: Path):
    import ray

    cores = own_cores()

    @ray.remote(num_cpus=cores)
    class Holder:
        def holds(self) -> bool:
            return True

    holder = Holder.remote()
    assert ray.get(holder.holds.remote())
    outcomes = list(pool.submit(files(20), Where(tmp_path, cores + CORES)))
    ray.kill(holder)
    assert {o.file.uri for o in outcomes} == {f.uri for f in files(20)}
    assert Counter(node for node, *_ in workers(outcomes)) == {here(): cores, second: CORES}
    assert all(int(nice) >= NICENESS and threads == "1" for *_, nice, threads in workers(outcomes))
    assert workers(list(pool.submit(files(8), Where(tmp_path)))) <= workers(outcomes)


def test_no_more_workers_than_asked_for_or_files(addresses: Addresses, pool: Pool, second: str, tmp_path: Path):
    assert second
    assert len(workers(list(pool.submit(files(1), Where(tmp_path / "one"))))) == 1
    with cluster(addresses.ray, 3) as small:
        assert len(workers(list(small.submit(files(12), Where(tmp_path / "three", 3))))) == 3


def test_a_node_that_does_not_see_the_music_is_left_out_and_told(
    pool: Pool, second: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    outcomes = list(pool.submit(files(12), Where(tmp_path, own_cores() + 1, blind=(second,))))
    assert nodes(outcomes) == {here(): 12}
    assert "left out: /music is not there; mount it" in caplog.text
    with pytest.raises(ServiceError, match=r"no Ray node can do the work: node .*: /music is not there; mount it"):
        list(pool.submit(files(1), Where(tmp_path, blind=(here(), second))))


def test_an_ingest_on_two_nodes_is_whole(
    settings: Settings, addresses: Addresses, store: Store, second: str, tmp_path: Path
):
    assert second
    good_folder(tmp_path / "music")
    report = ingest(tmp_path / "music", settings, addresses, Wanted())
    assert (report.ingested, report.failed) == (4, ())
    assert store.tracks.count() == 4
