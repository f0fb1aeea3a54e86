"""When to train again by itself: enough new plays, and no attempt that has just failed at the same.

In: counts of plays, and the last attempt. Out: a yes or no.
"""

from __future__ import annotations

from typing import Literal

from infra.models import Frozen

__all__ = ["Attempt", "due"]

MINUTE_MS = 60 * 1000
RESUMED = 3
"""A training that was killed is gone on with so many times; one that always ends so has failed."""


class Attempt(Frozen):
    """A training that this service began and that has not ended well; kept over a restart."""

    plays: int
    """How many telling plays there were."""
    since: str
    """The newest version then; empty for none."""
    state: Literal["running", "failed"]
    """Found `running` by a new process, it was killed."""
    tries: int
    """How often it was begun."""
    at_ms: int
    """When it was begun last, milliseconds since 1970."""
    reason: str = ""

    @property
    def resumable(self) -> bool:
        """Whether it was killed and is worth going on with."""
        return self.state == "running" and self.tries <= RESUMED


def due(*, wanted: int, plays: int, learned: int, attempt: Attempt | None, now_ms: int) -> bool:
    """Whether to train: `plays` differ by `wanted` from the `learned` ones of the newest version.

    Plays that a forgotten listener took along count like new ones. After a failure as many more must come; a training
    that was killed is begun again at once, and then after pauses that grow.
    """
    enough = abs(plays - learned) >= wanted
    if attempt is None:
        return enough
    if not attempt.resumable:
        return enough and abs(plays - attempt.plays) >= wanted
    pause = 0 if attempt.tries == 1 else 4**attempt.tries * MINUTE_MS
    return now_ms >= attempt.at_ms + pause
