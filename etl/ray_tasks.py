"""A job, many files at once, on every node of a Ray cluster.

In: files and a job. Out: outcomes as they come, never more files in flight than there are cores.
Nodes that join are used within seconds; a file whose worker dies goes to another, and is reported when that one dies too.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from etl.places import clear_fetched
from etl.process import Failed, Outcome
from etl.scan import SourceFile
from etl.sound.features import measure
from etl.sound.spectrum import SAMPLE_RATE
from infra.errors import ServiceError

__all__ = ["Pool", "Submit", "Work", "Worker", "cluster", "submit_here"]

log = logging.getLogger(__name__)

NICENESS = 10
"""Of workers and their FFmpegs: whoever listens meanwhile comes first."""
LOOK_EVERY_S = 2.0
"""How often nodes that have come or gone are looked for."""
TRIES = 3
"""So many workers may fail to start on a node before it is left alone."""


class Work(Protocol):
    """What is done with each file; travels to every worker once."""

    def trouble(self) -> str:
        """What keeps this machine from doing it, with the fix; empty when nothing does."""

    def __call__(self, file: SourceFile) -> Outcome:
        """Do one file, without raising."""


Submit = Callable[[Iterable[SourceFile], Work], Iterator[Outcome]]
"""Does some work over files, in any order."""


def submit_here(files: Iterable[SourceFile], work: Work) -> Iterator[Outcome]:
    """One file after another in this process."""
    return map(work, files)


@contextlib.contextmanager
def cluster(address: str, workers: int | None) -> Iterator[Pool]:
    """Workers on the Ray cluster at `address`, at most `workers` (none: one a core); raises `ServiceError`."""
    import ray  # noqa: PLC0415 - Ray reads its environment when it is imported, and that is made when services are found

    ours = not ray.is_initialized()
    try:
        ray.init(
            address=address,
            namespace="segue-etl",
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ray.exceptions.RayError, ConnectionError, ValueError, RuntimeError) as error:
        raise ServiceError(f"Ray at {address} cannot be used: {error}") from error
    pool = Pool(ray, workers)
    try:
        yield pool
    finally:
        pool.dismiss()
        if ours:
            ray.shutdown()


class _Node(NamedTuple):
    id: str
    name: str
    cores: int


class _Hand(NamedTuple):
    """A worker process and where it runs."""

    node: _Node
    actor: Any


class Pool:
    """Worker processes, one a core, kept from one `submit` to the next; used by one thread.

    They ask Ray for no core, because others may hold all of a small cluster for good and an ingest must not wait for
    ever; instead each is sent to a node of its own choosing and never more to a node than it has cores.
    """

    def __init__(self, ray: Any, at_most: int | None) -> None:
        self._ray, self._at_most = ray, at_most
        self._remote = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(Worker)
        self._hands: list[_Hand] = []
        self._idle: deque[_Hand] = deque()
        self._flying: dict[Any, tuple[_Hand, SourceFile | None]] = {}
        """What each worker is at; None while it gets ready."""
        self._deadly: set[SourceFile] = set()
        """Files that a worker has died of, or with."""
        self._strikes: Counter[_Node] = Counter()
        self._unfit: dict[_Node, str] = {}
        self._nodes: list[_Node] = []
        self._looked = -LOOK_EVERY_S

    def submit(self, files: Iterable[SourceFile], work: Work) -> Iterator[Outcome]:
        """Do `work` over all files; raises `ServiceError` when no node can."""
        waiting = deque(files)
        shared = self._ray.put(work)
        self._deadly.clear()
        self._unfit.clear()
        self._strikes.clear()
        self._idle.clear()
        for hand in self._hands:
            self._ready(hand, shared)
        try:
            while waiting or any(file for _, file in self._flying.values()):
                self._hire(len(waiting), shared)
                while waiting and self._idle:
                    hand, file = self._idle.popleft(), waiting.popleft()
                    self._flying[hand.actor.do.remote(file)] = hand, file
                done, _ = self._ray.wait(list(self._flying), num_returns=1, timeout=LOOK_EVERY_S)
                for one in done:
                    outcome = self._landed(one, waiting)
                    if outcome is not None:
                        yield outcome
        finally:
            for hand, cut_off in self._flying.values():
                if cut_off:
                    self._lose(hand)
            self._flying.clear()

    def dismiss(self) -> None:
        """End all workers; the next `submit` starts new ones."""
        for hand in list(self._hands):
            self._lose(hand)
        self._idle.clear()

    def _ready(self, hand: _Hand, shared: Any) -> None:
        self._flying[hand.actor.begin.remote(shared)] = hand, None

    def _hire(self, waiting: int, shared: Any) -> None:
        """Start workers where cores are free, while there are files for them."""
        if time.monotonic() - self._looked >= LOOK_EVERY_S:
            self._look()
        getting_ready = sum(file is None for _, file in self._flying.values())
        wanted = waiting - len(self._idle) - getting_ready
        while wanted > 0 and len(self._hands) < (self._at_most or len(self._hands) + 1):
            taken = Counter(hand.node for hand in self._hands)
            free = {node: node.cores - taken[node] for node in self._nodes if node not in self._unfit}
            node = max(free, key=lambda n: free[n], default=None)
            if node is None or free[node] <= 0:
                break
            hand = _Hand(node, self._remote.options(scheduling_strategy=_only_on(node)).remote())
            self._hands.append(hand)
            self._ready(hand, shared)
            wanted -= 1
        if not self._hands:
            why = "; ".join(f"{node.name}: {reason}" for node, reason in self._unfit.items())
            raise ServiceError(f"no Ray node can do the work: {why or 'there is none with a core'}")

    def _look(self) -> None:
        self._looked = time.monotonic()
        self._nodes = [
            _Node(node["NodeID"], f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})", cores)
            for node in self._ray.nodes()
            if node["Alive"] and (cores := int(node["Resources"].get("CPU", 0)))
        ]

    def _landed(self, done: Any, waiting: deque[SourceFile]) -> Outcome | None:
        """What a worker came back with; it is idle then, or it is lost."""
        hand, file = self._flying.pop(done)
        try:
            answer = self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            return self._died(hand, file, str(error).strip().splitlines()[0], waiting)
        if file is None and answer:
            self._lose(hand)
            self._leave(hand.node, answer)
            return None
        self._idle.append(hand)
        return answer if file else None

    def _died(self, hand: _Hand, file: SourceFile | None, why: str, waiting: deque[SourceFile]) -> Outcome | None:
        self._lose(hand)
        self._looked = -LOOK_EVERY_S
        if file and file in self._deadly:
            return Failed(file, "worker", f"two worker processes died of it: {why}")
        if file:
            self._deadly.add(file)
            waiting.append(file)
        else:
            self._strikes[hand.node] += 1
            if self._strikes[hand.node] >= TRIES:
                self._leave(hand.node, f"its workers do not start: {why}")
        return None

    def _leave(self, node: _Node, why: str) -> None:
        if node not in self._unfit:
            self._unfit[node] = why
            log.warning("%s is left out: %s", node.name, why)

    def _lose(self, hand: _Hand) -> None:
        if hand in self._hands:
            self._hands.remove(hand)
            self._ray.kill(hand.actor)


class Worker:
    """One process of a pool: what is paid once is paid when it starts."""

    def __init__(self) -> None:
        os.nice(max(0, NICENESS - os.nice(0)))
        clear_fetched()
        _warm_up()

    def begin(self, work: Work) -> str:
        """Take the work; returns what keeps this machine from doing it."""
        self._work = work
        return work.trouble()

    def do(self, file: SourceFile) -> Outcome:
        """Do one file."""
        return self._work(file)


def _only_on(node: _Node) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - as in `cluster`

    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def _warm_up() -> None:
    """Import what is needed and compile it; the first on a machine alone, because numba's cache breaks when two fill it."""
    with (Path(tempfile.gettempdir()) / f"segue-{os.getuid()}-numba.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_SH)
        measure([np.random.default_rng(0).normal(size=SAMPLE_RATE).astype(np.float32)])
