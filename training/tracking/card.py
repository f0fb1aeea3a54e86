"""The model card: what a model learned from, what it does not know, how good it is, and how that was measured.

In: what was counted and measured in its training. Out: a page of Markdown, kept with the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from training.judge.challenge import Figures, Verdict
from training.learn.model import ModelConfig
from training.learn.search import Search
from training.spark.prepare import Prepared

__all__ = ["Subject", "model_card"]

DOES_NOT_KNOW = """\
Words, lyrics, moods, genres as people name them; private plays; tracks of other libraries. A listener of whom nothing is
known gets the same varied start as any other. Plays by few listeners are the taste of few: the figures hold for them."""


class Subject(NamedTuple):
    """What a card tells of."""

    config: ModelConfig
    prepared: Prepared
    held_out: int
    """Questions it was measured with."""
    verdict: Verdict
    baselines: Mapping[str, Figures]
    data: Mapping[str, str]
    """Tags of the data."""
    search: Search | None
    """What chose its parameters; None when they were given."""


def model_card(of: Subject) -> str:
    """The card as Markdown."""
    return "\n\n".join(
        [
            "# Model card",
            f"**It learned from** {of.prepared.n_tracks} tracks by their sound{_left_out(of)}, and from "
            f"{of.prepared.n_plays} play events in {of.prepared.n_sessions} listening sessions{_newest(of)}. "
            f"{of.prepared.n_holdout} of the sessions, the newest, were kept back.",
            f"**It does not know.** {DOES_NOT_KNOW}",
            f"**How good it is.** {_measured(of)}",
            *([_table(of)] if of.held_out else []),
            f"**Whether it took over.** {'Yes' if of.verdict.takes_over else 'No'}: {of.verdict.why}.",
            f"**Parameters.** {_parameters(of)}",
            f"**Data.** `{of.data['data.fingerprint']}` (SHA-256 over tracks, vectors and sessions).",
        ]
    )


def _left_out(of: Subject) -> str:
    return f" ({of.prepared.left_out} more have no usable sound vector)" if of.prepared.left_out else ""


def _newest(of: Subject) -> str:
    if not of.prepared.newest_play_ms:
        return ""
    return f", the last play on {datetime.fromtimestamp(of.prepared.newest_play_ms / 1000, UTC):%Y-%m-%d}"


def _measured(of: Subject) -> str:
    if not of.held_out:
        return "Nothing could be held out: there are too few sessions yet. It answers by sound and by what little was played."
    return (
        f"Asked {of.held_out} times what came next in the kept-back sessions, every track of the library ranked, by the "
        "object that serves, Annoy in the path. P@20 is how often the track that came next was among its first 20 "
        "answers, MRR@20 the mean of 1 / rank, both in percent; none of these plays was seen in training or tuning."
    )


def _table(of: Subject) -> str:
    rows = {"**this model**": of.verdict.challenger, **of.baselines}
    if of.verdict.champion:
        rows["champion before"] = of.verdict.champion
    names = list(of.verdict.challenger)
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lines += [f"| {who} | {' | '.join(f'{row[name]:.4g}' for name in names)} |" for who, row in rows.items()]
    return "\n".join(lines)


def _parameters(of: Subject) -> str:
    given = of.config.model_dump(exclude={"ranking"})
    values = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in given.items())
    return values + (f"; chosen by a search of {len(of.search.trials)} trials" if of.search is not None else "") + "."
