"""How good each version is, as its training measured it.

In: MLflow's runs, by its REST interface. Out: figures by name, as they are called everywhere else.
"""

from __future__ import annotations

import math

from training.registry.versions import ask

__all__ = ["figures"]


def figures(uri: str, run_id: str) -> dict[str, float]:
    """What a run measured last, by name ("p@20", "champion.p@20", "loss"); empty when the run is gone.

    Raises `ServiceError` when MLflow is away.
    """
    found = ask(uri, "GET", "/runs/get", {"run_id": run_id}) if run_id else None
    measured = (found or {}).get("run", {}).get("data", {}).get("metrics", [])
    named = {one["key"].replace("_at_", "@"): float(one["value"]) for one in measured}
    return {name: value for name, value in named.items() if math.isfinite(value)}
