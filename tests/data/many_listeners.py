"""A recommender's process with as many listeners as are promised, and then with more than may be held.

    python -m tests.data.many_listeners LISTENERS EVENTS

In: how many listeners, and how many events of each. Out: JSON with how many are held and the resident memory of the whole
process, of all that a replica imports too: `held`, `mb`; and `full_held`, `full_mb` once the newest fill what there is.
"""

from __future__ import annotations

import json
import sys
import uuid

import psutil

import serving.recommender  # noqa: F401 - what a replica has in memory before its first listener
from infra.events import PlayEvent
from infra.models import UserId
from serving.recent.listeners import MOST_BYTES, Listeners
from serving.recent.live import MOST_EVENTS
from tests.data.records import play

TRACKS = 20_000
HEAVY_BYTES = 40 * MOST_EVENTS


def main(number: int, events: int) -> None:
    listeners = Listeners(MOST_EVENTS)
    made = [play(f"track {n * TRACKS // MOST_EVENTS}", minute=n) for n in range(MOST_EVENTS)]
    for n in range(number):
        listeners.load(UserId(f"listener {n}"), made[: events - 1])
    for n in range(number):
        # One by one, as they come: each listener's memory grows in between everybody else's.
        listeners.take(_of(f"listener {n}", made[n % MOST_EVENTS]))
    held, mb = len(listeners), _resident_mb()
    for n in range(MOST_BYTES // HEAVY_BYTES + 1_000):
        listeners.load(UserId(f"heavy {n}"), made)
    print(json.dumps({"held": held, "mb": mb, "full_held": len(listeners), "full_mb": _resident_mb()}))


def _of(user: str, event: PlayEvent) -> PlayEvent:
    return event.model_copy(update={"user": user, "event_id": uuid.uuid4()})


def _resident_mb() -> float:
    return round(psutil.Process().memory_info().rss / 1e6, 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
