"""Commands about the model: `train`, `evaluate`, `promote`.

In: tracks and plays, or sessions in Parquet files. Out: a version in the registry, figures, another champion.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from infra.settings import Settings
from ui.commands.output import Json, err, out, print_json, say

if TYPE_CHECKING:
    # Only its name: what training needs takes seconds to import.
    from training.learn.model import ModelConfig

__all__ = ["evaluate", "promote", "train"]

INTERRUPTED = 130
"""What a shell calls the end by Ctrl-C."""


def train(
    lr: Annotated[float | None, typer.Option(help="Learning rate; 0.001 to 0.01 is usual.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Sessions a step.")] = None,
    dim: Annotated[int | None, typer.Option(min=2, help="Length of the vectors, a multiple of 4.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the sessions.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the cosines: lower tells tracks apart harder.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of a session's numbers left out while training.")] = None,
    tune: Annotated[
        int, typer.Option(min=0, help="Try so many sets of parameters first, on all cores; those given here stay.")
    ] = 0,
    tuned: Annotated[
        bool, typer.Option("--tuned", help="Begin with what the last --tune whose model served found best.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train together, on the Ray cluster.")] = 1,
    as_json: Json = False,
) -> None:
    """Learn from all tracks and plays; the new model is served when it is no worse than the one before.

    What was interrupted (Ctrl-C, a kill, a restart) goes on where it was when the same command is given within a day.
    Every training, and every trial of --tune, is a run in MLflow with its curves, figures and a model card.
    """
    from infra.services import Services
    from training.pipeline import train as learn
    from training.registry.versions import tuned as last_tuned
    from ui.summaries import training_summary

    settings = Settings.load()
    given: dict[str, object] = {
        "lr": lr,
        "batch_size": batch_size,
        "dim": dim,
        "epochs": epochs,
        "temperature": temperature,
        "dropout": dropout,
        "seed": settings.seed,
        "ranking": _ranking(settings),
    }
    if tune and tuned:
        raise typer.BadParameter("it searches anew: leave --tuned out", param_hint="--tune")
    config = _config(given)
    with Services(settings) as services:
        addresses = services.ensure("mongo", "mlflow", *(["ray"] if tune or workers > 1 else []))
        if tuned:
            config = _config({**last_tuned(addresses.mlflow), **{k: v for k, v in given.items() if v is not None}})
        try:
            report = learn(settings, addresses, config, progress=say, trials=tune, workers=workers)
        except KeyboardInterrupt:
            say(f"interrupted{_and_workers(workers)}; the same command goes on from here within a day")
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        out.print(escape(training_summary(report)))


def evaluate(
    train_file: Annotated[
        Path, typer.Option("--train", help="Parquet: tracks:list<int>, a session a row, in time order.")
    ],
    test_file: Annotated[
        Path, typer.Option("--test", help="Parquet: context:list<int>, target:int; every row is asked.")
    ],
    as_json: Json = False,
) -> None:
    """Train on sessions of track ids and score the recommender that would be served: P@20, MRR@20, variety.

    Beside it: popularity, co-occurrence and session neighbours. Tracks that the sessions do not have are passed over in
    contexts; as targets they count as not found.
    """
    from training.learn.model import ModelConfig
    from training.public import public
    from ui.progress import evaluation_progress
    from ui.summaries import evaluation_summary

    config = ModelConfig(seed=Settings.load().seed)
    with evaluation_progress(err) as (epoch, scored):
        figures = public(train_file, test_file, config, log=epoch, progress=scored)
    if as_json:
        print_json(figures)
    else:
        out.print(escape(evaluation_summary(figures)))


def promote(version: Annotated[str, typer.Argument(help="Version of the model, as MLflow numbers them.")]) -> None:
    """Serve another version of the model, an older one for instance; takes effect within seconds.

    A version that is damaged, or was made for another library, is refused and nothing changes.
    """
    from infra.services import Services
    from infra.store import Store
    from training.registry.acceptance import promote as move

    settings = Settings.load()
    with Services(settings) as services:
        addresses = services.ensure("mlflow", "mongo")
        with Store(addresses.mongo, settings.mongo_database) as store:
            move(addresses.mlflow, version, settings.models, store.normalisers)
    say(f"version {version} is the champion now")


def _and_workers(workers: int) -> str:
    return f", and its {workers} workers have ended" if workers > 1 else ""


def _ranking(settings: Settings) -> dict[str, float]:
    """What the settings say of how answers are ranked; it is kept in the model."""
    return {"session_gap_minutes": settings.session_gap_minutes, "never_played": settings.never_played}


def _config(given: Mapping[str, object]) -> ModelConfig:
    """The configuration with these values, those that are none left at their defaults."""
    from training.learn.model import ModelConfig

    try:
        return ModelConfig.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise typer.BadParameter(first["msg"], param_hint=f"--{first['loc'][0]}".replace("_", "-")) from error
