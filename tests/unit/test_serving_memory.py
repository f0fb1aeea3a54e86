"""What listeners cost: a hundred thousand of them in a process of its own, its memory as the system tells it."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.data import many_listeners

LISTENERS, EVENTS = 100_000, 20
MOST_MB = 500.0


def test_a_hundred_thousand_active_listeners_take_less_than_500_mb():
    command = [sys.executable, "-m", many_listeners.__name__, str(LISTENERS), str(EVENTS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert told["held"] == LISTENERS
    assert told["mb"] < MOST_MB
    # Filled to the brim, some were let go and it is no more than that either.
    assert told["full_held"] < LISTENERS
    assert told["full_mb"] < MOST_MB
