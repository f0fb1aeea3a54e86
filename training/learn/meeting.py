"""How the workers of a training find each other without a port that anybody else on the network can reach.

In: a connected Ray, a folder. Out: Ray Train's configuration of Torch, and variables for the workers.
Torch's own meeting place listens on every address of the machine and asks nobody who they are; on a cluster of one machine
a file does as well. A cluster of several machines is on a network of its own, and meets as Ray has it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend
from torch import distributed

__all__ = ["meeting"]

LOOPBACK = "127.0.0.1"


@dataclass
class _FileConfig(TorchConfig):
    """Workers of one machine meet through a file of `folder`."""

    folder: str = ""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        return _FileBackend


class _FileBackend(_TorchBackend):
    """Sets the process group up; ends it as Ray's own does."""

    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        """Another file each time the workers are started, because an old one would mislead them."""
        place, of = f"file://{backend_config.folder}/{uuid.uuid4().hex}", len(worker_group)
        begun = [
            worker_group.execute_single_async(number, _meet, place, number, of, backend_config) for number in range(of)
        ]
        ray.get(begun)


def _meet(place: str, number: int, of: int, config: _FileConfig) -> None:
    patience = timedelta(seconds=config.timeout_s)
    distributed.init_process_group(config.backend, place, patience, world_size=of, rank=number)


def meeting(folder: Path) -> tuple[TorchConfig, dict[str, str]]:
    """For the cluster that this process is connected to; `folder` is there and seen by all workers."""
    if ray.util.get_node_ip_address() != LOOPBACK:
        return TorchConfig(), {}
    loopback = next(
        name for name, addresses in psutil.net_if_addrs().items() if any(a.address == LOOPBACK for a in addresses)
    )
    return _FileConfig(folder=str(folder)), {"GLOO_SOCKET_IFNAME": loopback}
