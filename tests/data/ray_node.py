"""A second Ray node on this machine, joined to a running cluster; every port of it on loopback.

    python -P ray_node.py HEAD CORES READY

In: the head's address, cores, a file. Out: a node until SIGTERM; its id is written to the file when it is there.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from ray._private.node import Node
from ray._private.parameter import RayParams


def main(head: str, cores: int, ready: Path) -> None:
    node = Node(
        RayParams(
            node_ip_address="127.0.0.1",
            gcs_address=head,
            num_cpus=cores,
            object_store_memory=100 * 1024 * 1024,
            dashboard_agent_listen_port=0,
            include_log_monitor=False,  # type: ignore[arg-type]
            no_monitor=True,
        ),
        head=False,
        shutdown_at_exit=True,
        spawn_reaper=True,
    )
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    beside = ready.with_suffix(".new")
    beside.write_text(node.node_id if hasattr(node, "node_id") else node.unique_id)
    beside.replace(ready)
    stopped.wait()
    # In order, so that nobody counts on it any more: killed, it would be missed only after half a minute.
    node.kill_all_processes(check_alive=False, allow_graceful=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
