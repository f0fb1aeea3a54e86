"""A second Ray node beside the one of the test run, for as long as a test has it.

In: the cluster's address, its settings, a folder. Out: the node's id; the node leaves with the context.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.addresses import Addresses
from infra.services import ray_environment
from infra.settings import Settings, child_environment
from tests.data import ray_node

__all__ = ["CORES", "another_node"]

CORES = 2
"""Of the second node."""


@contextmanager
def another_node(addresses: Addresses, settings: Settings, folder: Path, **variables: str) -> Iterator[str]:
    """The id of a node with two cores that joins the cluster, and leaves it again; `variables` are for what it runs."""
    ready = folder / "node"
    with subprocess.Popen(
        [sys.executable, "-P", ray_node.__file__, addresses.ray, str(CORES), str(ready)],
        env=child_environment(**ray_environment(settings), **variables),
    ) as process:
        try:
            while not ready.exists():
                assert process.poll() is None
                time.sleep(0.1)
            yield ready.read_text()
        finally:
            process.terminate()
