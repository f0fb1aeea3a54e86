"""A process's connection to a Ray cluster, for as long as it is needed.

In: the cluster's address. Out: the module `ray`, connected; imported here and not earlier, because Ray reads its
environment when it is imported and that is made when services are found.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from infra.errors import ServiceError

__all__ = ["connected"]


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to the cluster at `address`; a connection that is there already is used and left. Raises `ServiceError`."""
    import ray  # noqa: PLC0415 - see above

    ours = not ray.is_initialized()
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    except (ray.exceptions.RayError, ConnectionError, ValueError, RuntimeError) as error:
        raise ServiceError(f"Ray at {address} cannot be used: {error}") from error
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()
