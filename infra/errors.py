"""The one tree of errors that Segue raises on purpose.

In: nothing. Out: exceptions whose message names what went wrong and, where there is one, the fix.

    SegueError
    ├── SettingsError       a setting, flag or file given by the user cannot be used
    ├── ServiceError        a part that is needed (MongoDB, Kafka, MLflow, Ray, Java, …) is away or wrong
    │   ├── StoreError      MongoDB did not take or give what was asked
    │   ├── NotStorable     what was to be written is nothing that MongoDB holds, today or tomorrow
    │   ├── BusError        Kafka did not acknowledge in time
    │   └── Busy            another training has the machine; its end is all that is missing
    ├── AudioError          one audio file cannot be used; carries the stage that said so
    ├── BadEvent            a play event does not follow the contract; carries the field at fault
    ├── TrainingError       there is nothing to learn from, or what was learned is not usable
    │   └── Outdated        what was learned from is there no more: the same asked again learns from what is
    ├── BundleError         a model bundle is cut short, of another version, or not a bundle
    ├── NotFound            no such track, cover, listener or model version
    ├── Denied              no token, a wrong token or password, or another listener's data
    └── TooOften            more requests than are taken from one caller; later they are
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "BadEvent",
    "BundleError",
    "BusError",
    "Busy",
    "Denied",
    "NotFound",
    "NotStorable",
    "Outdated",
    "SegueError",
    "ServiceError",
    "SettingsError",
    "StoreError",
    "TooOften",
    "TrainingError",
]


class SegueError(Exception):
    """Root of all errors raised on purpose; its text is meant for the person who reads it."""


class SettingsError(SegueError):
    """A setting, flag or file given by the user cannot be used."""


class ServiceError(SegueError):
    """A part that is needed is away, too old, or does not start."""


class StoreError(ServiceError):
    """MongoDB did not take or give what was asked."""


class NotStorable(ServiceError):
    """What was to be written is too large or of a kind that MongoDB does not hold; another try changes nothing."""


class BusError(ServiceError):
    """Kafka did not acknowledge or answer in time."""


class Busy(ServiceError):
    """Another training runs; the same asked again later is done."""


class AudioError(SegueError):
    """One audio file cannot be used.

    `stage` is where it failed ("read", "tags", "decode", "encode", "features") and `reason` why;
    at stage "in place" the file is usable, and only its own bytes are better left as they are.
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason

    def __reduce__(self) -> tuple[type[AudioError], tuple[str, str]]:
        # Exceptions are rebuilt from `args` when they cross a process border; ours takes two.
        return AudioError, (self.stage, self.reason)


class BadEvent(SegueError):
    """A play event does not follow the contract; `field` names the first field at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason

    def __reduce__(self) -> tuple[type[BadEvent], tuple[str, str]]:
        return BadEvent, (self.field, self.reason)


class TrainingError(SegueError):
    """There is nothing to learn from, or what was learned cannot be used."""


class Outdated(TrainingError):
    """What was learned from has changed meanwhile; the same asked again is done."""


class BundleError(SegueError):
    """A model bundle is cut short, of another version, or no bundle at all."""


class NotFound(SegueError):
    """No such track, cover, listener or model version."""


class Denied(SegueError):
    """No token, a wrong token or password, or an attempt at another listener's data."""


class TooOften(SegueError):
    """More requests than are taken from one caller; the same asked again later is done."""
