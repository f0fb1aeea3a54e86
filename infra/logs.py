"""Log lines that people and programs read: logfmt, with the id of the request that a line is about.

In: the settings, and a request's id for as long as it is answered. Out: lines on standard error, or in a file of `settings.logs`.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from logging.handlers import WatchedFileHandler
from pathlib import Path

from logfmter import Logfmter

from infra.settings import Settings

__all__ = ["REQUEST", "log_to_file", "log_to_stderr"]

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""Id of the request that is being answered; empty outside of one."""

NAME = "segue"
LARGEST_BYTES = 10_000_000
"""A log of this size is put aside, and the one that was put aside before goes."""


def log_to_stderr(settings: Settings) -> None:
    """For a process of its own: everything that is logged, of libraries only what they warn of."""
    handler = _lines(logging.StreamHandler())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(NAME).setLevel(settings.log_level.upper())


def log_to_file(settings: Settings, name: str) -> None:
    """For a process whose standard error is somebody else's: our lines into `NAME.log`, which several may write."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    ours = logging.getLogger(NAME)
    for before in ours.handlers[:]:
        ours.removeHandler(before)
        before.close()
    ours.addHandler(_lines(_SharedFile(settings.logs / f"{name}.log", encoding="utf-8")))
    ours.setLevel(settings.log_level.upper())
    ours.propagate = False


class _SharedFile(WatchedFileHandler):
    """A file that several processes append to: whoever finds it too large puts it aside, and all go on in a new one."""

    def emit(self, record: logging.LogRecord) -> None:
        file = Path(self.baseFilename)
        try:
            if file.stat().st_size > LARGEST_BYTES:
                file.replace(f"{file}.1")
        except FileNotFoundError:
            # Another process has just put it aside.
            pass
        super().emit(record)


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
