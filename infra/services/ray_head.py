"""Ray's head node, every port of it on loopback; run as a script, it imports nothing of ours.

In: port, folder, cores, bytes of object store, a file. Out: a node; the file is written when it takes connections.
`ray start --node-ip-address 127.0.0.1` takes the machine's own address instead, and listens on all of them.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from ray._private.node import Node
from ray._private.parameter import RayParams


def main(port: int, folder: str, cores: int, object_store_bytes: int, ready: Path) -> int:
    """Run until SIGTERM (0) or until one of Ray's own processes dies (1)."""
    node = Node(
        RayParams(
            node_ip_address="127.0.0.1",
            gcs_server_port=port,
            num_cpus=cores,
            object_store_memory=object_store_bytes,
            temp_dir=folder,
            include_dashboard=False,
            dashboard_host="127.0.0.1",
            dashboard_agent_listen_port=0,
            include_log_monitor=False,  # type: ignore[arg-type]
            no_monitor=True,
        ),
        head=True,
        shutdown_at_exit=True,
        spawn_reaper=True,
    )
    stopped = threading.Event()
    # In place of Ray's own handler, which waits up to half a minute for every worker; nothing in Ray outlives it anyway.
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    ready.write_text(node.address)
    while not stopped.wait(0.5):
        if dead := node.dead_processes():
            sys.stderr.write(
                f"Ray's own process ended: {', '.join(kind for kind, _ in dead)}; see {folder}/session_latest/logs\n"
            )
            node.kill_all_processes(check_alive=False, allow_graceful=False)
            return 1
    node.kill_all_processes(check_alive=False, allow_graceful=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])))
