"""The same `process`, many files at once, as Ray tasks.

In: files, the options of the run, known contents. Out: outcomes as they come, never more than a few files in flight.
A worker that dies costs its own file, which is reported; the rest goes on.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from etl.features import measure
from etl.process import Failed, Known, Options, Outcome, process
from etl.scan import SourceFile
from etl.spectrum import SAMPLE_RATE
from infra.errors import ServiceError

__all__ = ["Submit", "cluster", "submit_here"]

Submit = Callable[[Iterable[SourceFile], Options, Mapping[str, Known]], Iterator[Outcome]]
"""Runs `process` over files, in any order."""

BESIDE_SERVING = {"num_cpus": 0, "max_retries": 0}
"""Serving may hold every CPU of a small cluster for good: an ingest beside it asks for none and limits itself.

Ray gives such a task one thread for OpenMP and BLAS, which is right: every file has a process of its own.
"""


def submit_here(files: Iterable[SourceFile], options: Options, known: Mapping[str, Known]) -> Iterator[Outcome]:
    """One file after another in this process."""
    return (process(file, options, known) for file in files)


@contextlib.contextmanager
def cluster(address: str, workers: int | None) -> Iterator[Submit]:
    """A `Submit` on the Ray cluster at `address`, `workers` files at once (none: one a core); raises `ServiceError`."""
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
    try:
        tasks = _Tasks(ray, workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
        yield tasks.submit
    finally:
        if ours:
            ray.shutdown()


class _Tasks:
    """`process` on a cluster, at most `at_once` files at a time."""

    def __init__(self, ray: Any, at_once: int) -> None:
        self._ray, self._at_once = ray, at_once
        self._remote = ray.remote(**BESIDE_SERVING)(process)

    def submit(self, files: Iterable[SourceFile], options: Options, known: Mapping[str, Known]) -> Iterator[Outcome]:
        _warm_up()
        shared = self._ray.put(known)
        flying: dict[Any, SourceFile] = {}
        for file in files:
            flying[self._remote.remote(file, options, shared)] = file
            if len(flying) >= self._at_once:
                yield self._landed(flying)
        while flying:
            yield self._landed(flying)

    def _landed(self, flying: dict[Any, SourceFile]) -> Outcome:
        """The outcome of whichever file is done first."""
        (done, *_), _ = self._ray.wait(list(flying), num_returns=1)
        file = flying.pop(done)
        try:
            outcome: Outcome = self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            return Failed(file, "worker", f"its worker process died: {str(error).strip().splitlines()[0]}")
        return outcome


def _warm_up() -> None:
    """Fill numba's cache on disk before the workers start: those that fill it at the same time spoil it for each other."""
    measure([np.random.default_rng(0).normal(size=SAMPLE_RATE).astype(np.float32)])
