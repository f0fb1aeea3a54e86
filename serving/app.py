"""Deploying the two applications and watching over them; read this first.

    python -m serving.app [--port PORT]

In: settings, and the parts that are up. Out: `/users` answered by the recommender application, the rest by the library application,
both behind one ingress, until SIGTERM (exit status 0) or until they cannot be kept up (1).
"""

# No postponed annotations here: Serve reads those of the builders as they are.
import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.addresses import Addresses
from infra.errors import SegueError, ServiceError
from infra.logs import log_to_stderr
from infra.services import discover
from infra.settings import Settings
from infra.store import Store
from serving.args import ServeArgs
from serving.http.auth import check_exposure

if TYPE_CHECKING:
    from ray.serve import Application

__all__ = ["build_library", "build_recommender", "deploy", "main"]

log = logging.getLogger("segue.app")

NAMESPACE = "segue"
NEEDED = ("mongo", "kafka", "mlflow", "ray")
LOOK_EVERY_S = 1.0
PATIENCE_S = 60.0
"""How long an application may be unwell before this process gives up, to be started again."""


def build_recommender(args: ServeArgs) -> "Application":
    """The application for `/users`, for `serve.yaml` and for `deploy`."""
    from serving.deployments import recommender_application  # noqa: PLC0415 - Ray reads its variables at import

    return recommender_application(args)


def build_library(args: ServeArgs) -> "Application":
    """The application for `/`, for `serve.yaml` and for `deploy`."""
    from serving.deployments import library_application  # noqa: PLC0415 - Ray reads its variables at import

    return library_application(args)


def deploy(
    settings: Settings,
    addresses: Addresses,
    *,
    port: int | None = None,
    connected: Callable[[], None] = lambda: None,
) -> None:
    """Connect to Ray and bring both applications up; returns when they answer.

    `port` defaults to the one in `addresses.http`, then to the settings' one. `connected` is called when Ray has put
    handlers of its own in the place of those for signals. Raises `ServiceError`, `SettingsError`.
    """
    missing = [name for name in NEEDED if not getattr(addresses, name)]
    if missing:
        raise ServiceError(f"{', '.join(missing)} not up; `segue up` starts everything")
    with Store(addresses.mongo, settings.mongo_database).prepare() as store:
        check_exposure(settings, store.users)
    import ray  # noqa: PLC0415 - Ray reads its variables at import
    from ray import serve  # noqa: PLC0415

    if not ray.is_initialized():
        ray.init(address=addresses.ray, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    connected()
    # What an earlier run left behind when it was killed would keep its port, and drain for half a minute.
    serve.shutdown()
    serve.start(http_options={"host": settings.host, "port": port or _port(settings, addresses)})
    args = ServeArgs(settings=settings, addresses=addresses)
    serve.run_many(
        [
            serve.RunTarget(build_recommender(args), name="recommender", route_prefix="/users"),
            serve.RunTarget(build_library(args), name="library", route_prefix="/"),
        ]
    )


def main() -> int:
    """Deploy, then stay and watch."""
    parser = argparse.ArgumentParser(prog="python -m serving.app", description="Run the HTTP API.")
    parser.add_argument("--port", type=int, help="port of the HTTP API; default: SEGUE_HTTP_PORT")
    port = parser.parse_args().port
    try:
        settings = Settings.load()
        log_to_stderr(settings)
        deploy(settings, discover(settings), port=port, connected=_end_when_told)
        log.info("ready")
        return _watch()
    except SegueError as error:
        log.error("%s", error)
        return 1
    except KeyboardInterrupt:
        # A cluster of our own ends with its applications.
        if settings.ray_address is not None:
            from ray import serve  # noqa: PLC0415

            serve.shutdown()
        return 0


def _end_when_told() -> None:
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.default_int_handler)


def _watch() -> int:
    """Stay until the applications are unwell for too long, or Ray is gone; returns 1."""
    import ray  # noqa: PLC0415
    from ray import serve  # noqa: PLC0415

    well_at = time.monotonic()
    while True:
        time.sleep(LOOK_EVERY_S)
        try:
            applications = serve.status().applications
        except ray.exceptions.RayError:
            log.exception("Ray is gone")
            return 1
        if applications and all(one.status == "RUNNING" for one in applications.values()):
            well_at = time.monotonic()
        elif time.monotonic() - well_at > PATIENCE_S:
            log.error("giving up: %s", {name: (one.status, one.message) for name, one in applications.items()})
            return 1


def _port(settings: Settings, addresses: Addresses) -> int:
    last = addresses.http.rpartition(":")[2]
    return int(last) if last.isdecimal() else settings.http_port


if __name__ == "__main__":
    sys.exit(main())
