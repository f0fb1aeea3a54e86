"""What a run and a version say of themselves: parameters, data, pictures, and the model card.

In: what was asked, prepared, learned and measured. Out: the same in MLflow, by name.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as pads

from training.judge.challenge import TRAINED_UNTIL
from training.learn.model import ModelConfig
from training.learn.search import Search
from training.recommend import bundle
from training.registry.versions import READ_MS, SECONDS, TUNED
from training.spark.prepare import Prepared
from training.tracking.card import Subject, model_card
from training.tracking.plots import curves, item_map
from training.tracking.register import TrackedRun

__all__ = ["data_tags", "parameters", "show", "version_tags"]

SAME_FOR_ALL = ("pairs",)
"""Figures of the questions, not of who answers them."""
FEWEST_ON_MAP = 3


def parameters(config: ModelConfig) -> dict[str, object]:
    """The configuration, flat."""
    flat = config.model_dump(exclude={"ranking"})
    return flat | {f"ranking.{name}": value for name, value in config.ranking.model_dump().items()}


def data_tags(prepared: Prepared, normaliser_version: int, fingerprint: str) -> dict[str, str]:
    """What tells this data from other data."""
    return {
        "data.fingerprint": fingerprint,
        "data.tracks": str(prepared.n_tracks),
        "data.plays": str(prepared.n_plays),
        READ_MS: str(prepared.read_ms),
        "data.newest_play_ms": str(prepared.newest_play_ms),
        TRAINED_UNTIL: str(_newest_of_train(prepared.sessions)),
        "data.sessions": str(prepared.n_sessions),
        "data.normaliser": str(normaliser_version),
    }


def version_tags(data: dict[str, str], search: Search | None, seconds: float) -> dict[str, str]:
    """What a version remembers without its run."""
    found = {TUNED: json.dumps(search.best.parameters)} if search is not None else {}
    return data | found | {SECONDS: f"{seconds:.0f}"}


def show(run: TrackedRun, of: Subject, saved: Path) -> None:
    """Figures of all, pictures, the card; `saved` is the model's bundle."""
    run.metrics(of.verdict.challenger)
    others = {**of.baselines, **({"champion": of.verdict.champion} if of.verdict.champion else {})}
    for name, figures in others.items():
        prefix = name if name == "champion" else f"baseline.{name}"
        run.metrics({f"{prefix}.{metric}": figures[metric] for metric in figures if metric not in SAME_FOR_ALL})
    run.report("evaluation.json", of.verdict.model_dump() | {"baselines": dict(of.baselines)})
    if measured := run.curves():
        run.figure("curves.png", curves(measured))
    arrays, values = bundle.read(saved)
    if len(arrays["items"]) >= FEWEST_ON_MAP:
        run.figure("items.png", item_map(arrays["items"], values["tracks"]["artists"], arrays["counts"]))
    run.text("model_card.md", model_card(of))


def _newest_of_train(sessions: Path) -> int:
    """When the newest session that is learned from ended, milliseconds since 1970; 0 without any."""
    table = pads.dataset(sessions, format="parquet").to_table(
        columns=["ended_at_ms"], filter=pc.field("split") == "train"
    )
    return pc.max(table["ended_at_ms"]).as_py() or 0
