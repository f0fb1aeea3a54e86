"""When to train again by itself: enough new plays or a listener forgotten, and neither an attempt nor a training just before.

In: how many plays are new, whether a training is owed, the last training and the last attempt. Out: a yes or no.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from infra.models import Frozen

__all__ = ["Attempt", "Trained", "due"]

MINUTE_MS = 60 * 1000
RESUMED = 3
"""A training that was killed is gone on with so many times; one that always ends so has failed."""
SHARE = 10
"""A training may have taken one part in so many of the time from its begin to the next one's."""
LONGEST_PAUSE_MS = 4 * 60 * MINUTE_MS


class Trained(NamedTuple):
    """A training that has ended."""

    ended_ms: int
    """Milliseconds since 1970."""
    took_ms: int

    def rested(self, now_ms: int) -> bool:
        """Whether it took no more than its share of the time."""
        return now_ms - self.ended_ms >= (SHARE - 1) * self.took_ms


class Attempt(Frozen):
    """A training that this service began and that has not ended well; kept over a restart."""

    since: str
    """The newest version then; empty for none."""
    state: Literal["running", "away", "failed"]
    """Found `running` by a new process, it was killed; `away` ended for what passes, a part that was away above all."""
    tries: int
    """How often in a row it was begun, and did not end because this service did."""
    at_ms: int
    """When it was begun last, milliseconds since 1970."""
    ended_ms: int = 0
    """When it ended; 0 for one that was killed."""
    reason: str = ""

    @property
    def resumable(self) -> bool:
        """Whether the same is worth going on with."""
        return self.state == "away" or (self.state == "running" and self.tries <= RESUMED)

    @property
    def pause_ms(self) -> int:
        """How long to wait after its begin before the same is begun again; a first kill is gone on with at once."""
        if self.state == "running" and self.tries <= 1:
            return 0
        return int(min(4**self.tries * MINUTE_MS, LONGEST_PAUSE_MS))


def due(
    *,
    wanted: int,
    new: int,
    owed: bool,
    last: Trained | None,
    attempt: Attempt | None,
    now_ms: int,
    answered: bool = False,
) -> bool:
    """Whether to train: `new` plays are `wanted` or more, or it is owed to a listener who was forgotten.

    `new` counts from what the newest version learned from, or from the last attempt where that has failed. What was
    interrupted is begun again after a pause that grows, and so is what failed and is owed; all else rests as long as
    the last training asks for, and so does what is owed still although that training has `answered` it.
    """
    if attempt is not None and (attempt.resumable or owed):
        return now_ms >= attempt.at_ms + attempt.pause_ms
    failed = Trained(attempt.ended_ms, attempt.ended_ms - attempt.at_ms) if attempt is not None else None
    rested = all(one is None or one.rested(now_ms) for one in (last, failed))
    return (owed and not answered) or (rested and (owed or 0 < wanted <= new))
