"""The embedded MongoDB: `nx-27017`, MongoDB's wire protocol over SQLite files.

In: a home and a port. Out: a `Part` answering at `mongodb://127.0.0.1:port`, a database file each under `HOME/mongo`.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

from infra.errors import StoreError
from infra.services.part import Part
from infra.settings import Settings
from infra.store import Store

__all__ = ["mongo_answers", "mongo_part"]

# At its own level it writes a line for every command.
QUIET_MAIN = "import logging, sys; logging.disable(logging.INFO); from nx_27017.nx_27017 import main; sys.exit(main())"


def mongo_part(settings: Settings, port: int) -> Part:
    """The server on this port, with its data under the home."""
    uri = f"mongodb://127.0.0.1:{port}"
    data, pid_file = settings.home / "mongo", settings.run / "mongo.pid"

    def prepare() -> None:
        data.mkdir(parents=True, exist_ok=True)
        # A file left by a killed server, with a pid that somebody else has now, would keep it from starting.
        pid_file.unlink(missing_ok=True)

    options = ["--host", "127.0.0.1", "-p", str(port), "--data-dir", str(data)]
    return Part(
        name="mongo",
        argv=[sys.executable, "-c", QUIET_MAIN, *options, "--pid-file", str(pid_file), "--log-file", "/dev/null"],
        address=uri,
        ready=lambda: mongo_answers(uri),
        port=port,
        data=data,
        version=f"nx-27017 {version('nx-27017')}",
        prepare=prepare,
    )


def mongo_answers(uri: str) -> bool:
    """Whether a MongoDB answers there within a second."""
    try:
        with Store(uri, "admin", timeout_s=1.0) as store:
            store.ping()
    except StoreError:
        return False
    return True
