"""Log lines that people and programs read: logfmt, with the id of the request that a line is about.

In: the settings, and a request's id for as long as it is answered. Out: lines on standard error, or in a file of `settings.logs`.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

from logfmter import Logfmter

from infra.settings import Settings

__all__ = ["REQUEST", "log_to_file", "log_to_stderr"]

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""Id of the request that is being answered; empty outside of one."""

NAME = "segue"
LARGEST_BYTES = 10_000_000
"""A log of this size is put aside when a process opens it; the one put aside before goes."""


def log_to_stderr(settings: Settings) -> None:
    """For a process of its own: everything that is logged, of libraries only what they warn of."""
    handler = _lines(logging.StreamHandler())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(NAME).setLevel(settings.log_level.upper())


def log_to_file(settings: Settings, name: str) -> None:
    """For a process whose standard error is somebody else's: our lines into `NAME.log`, which several may write."""
    file = settings.logs / f"{name}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > LARGEST_BYTES:
        file.replace(file.with_suffix(".log.1"))
    ours = logging.getLogger(NAME)
    for before in ours.handlers[:]:
        ours.removeHandler(before)
        before.close()
    ours.addHandler(_lines(logging.FileHandler(file, encoding="utf-8")))
    ours.setLevel(settings.log_level.upper())
    ours.propagate = False


def _lines(handler: logging.Handler) -> logging.Handler:
    names = {"at": "asctime", "level": "levelname", "logger": "name"}
    # Ray puts a time of its own on every record.
    handler.setFormatter(Logfmter(keys=[*names], mapping=names, ignored_keys=["_ray_timestamp_ns"]))
    handler.addFilter(_with_request)
    return handler


def _with_request(record: logging.LogRecord) -> bool:
    request = REQUEST.get()
    if request and not hasattr(record, "request_id"):
        record.request_id = request
    return True
