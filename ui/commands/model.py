"""Commands about the model: `train`, `evaluate`, `promote`.

In: tracks and plays, or sessions in Parquet files. Out: a version in the registry, figures, another champion.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from infra.settings import Settings
from ui.commands.output import Json, err, out, print_json, say

__all__ = ["evaluate", "promote", "train"]


def train(
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Sessions a step.")] = None,
    dim: Annotated[int | None, typer.Option(min=2, help="Length of the vectors.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the sessions.")] = None,
    as_json: Json = False,
) -> None:
    """Learn from all tracks and plays; the new model is served when it is no worse than the one before."""
    from infra.services import Services
    from training.model import ModelConfig
    from training.pipeline import train as learn
    from ui.summaries import training_summary

    settings = Settings.load()
    given = {"lr": lr, "batch_size": batch_size, "dim": dim, "epochs": epochs, "seed": settings.seed}
    try:
        config = ModelConfig.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise typer.BadParameter(first["msg"], param_hint=f"--{first['loc'][0]}".replace("_", "-")) from error
    with Services(settings) as services:
        addresses = services.ensure("mongo", "mlflow")
        report = learn(settings, addresses, config, progress=say)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        out.print(escape(training_summary(report)))


def evaluate(
    train_file: Annotated[Path, typer.Option("--train", help="Parquet: session_id:int, tracks:list<int>.")],
    test_file: Annotated[Path, typer.Option("--test", help="Parquet: context:list<int>, target:int.")],
    as_json: Json = False,
) -> None:
    """Train on sessions of track ids and score the recommender that would be served: P@20 and MRR@20."""
    from training.evaluate import public
    from training.model import ModelConfig
    from ui.progress import evaluation_progress

    config = ModelConfig(seed=Settings.load().seed)
    with evaluation_progress(err) as (epoch, scored):
        figures = public(train_file, test_file, config, log=epoch, progress=scored)
    if as_json:
        print_json(figures)
    else:
        for name, value in figures.items():
            out.print(f"{name}: {value}")


def promote(version: Annotated[str, typer.Argument(help="Version of the model, as MLflow numbers them.")]) -> None:
    """Serve another version of the model, an older one for instance; takes effect within seconds."""
    from infra.services import Services
    from training.registry import promote as move

    with Services(Settings.load()) as services:
        move(services.ensure("mlflow").mlflow, version)
    say(f"version {version} is the champion now")
