"""A search for parameters on a small library: trials on Ray as runs below the training's own, the best one trained fully."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from infra.addresses import Addresses
from infra.errors import Busy
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from tests.data.loud_and_soft import bring_in, evenings
from training.alone import alone
from training.learn.model import ModelConfig
from training.learn.search import Trial
from training.pipeline import TrainingReport, train
from training.registry import versions as registry
from training.registry.versions import PREDECESSOR, TUNED, tuned
from training.tracking.register import track_run

EPOCHS, TRIALS = 3, 2


@pytest.fixture(scope="module")
def addresses(services: Services) -> Addresses:
    return services.ensure("mongo", "mlflow", "ray")


@pytest.fixture(scope="module")
def settings(installation: Settings) -> Settings:
    return installation.model_copy(update={"mongo_database": f"test_{uuid.uuid4().hex[:12]}"})


@pytest.fixture(scope="module")
def library(addresses: Addresses, settings: Settings) -> Iterator[Store]:
    with Store(addresses.mongo, settings.mongo_database).prepare() as store:
        bring_in(store)
        store.plays.append(evenings(30))
        yield store


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def report(library: Store, addresses: Addresses, settings: Settings, said: list[str]) -> TrainingReport:
    assert library.plays.count() == 120
    config = ModelConfig(epochs=EPOCHS, dim=32, batch_size=16)
    return train(settings, addresses, config, progress=said.append, trials=TRIALS)


@pytest.fixture(scope="module")
def runs(report: TrainingReport, addresses: Addresses) -> dict[str, Run]:
    """Those of the training's trials."""
    return below(MlflowClient(addresses.mlflow), report.run_id)


def below(client: MlflowClient, run_id: str) -> dict[str, Run]:
    """The runs below another, by name."""
    experiment = client.get_run(run_id).info.experiment_id
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    return {run.info.run_name: run for run in found}


def test_every_trial_is_a_run_below_with_parameters_curves_and_what_came_of_it(
    report: TrainingReport, runs: dict[str, Run], addresses: Addresses
) -> None:
    client = MlflowClient(addresses.mlflow)
    assert set(runs) == {f"trial {trial.number}" for trial in report.trials}
    for trial in report.trials:
        run = runs[f"trial {trial.number}"]
        assert {k: float(v) for k, v in run.data.params.items()} == pytest.approx(trial.parameters)
        assert run.data.tags["trial.state"] == trial.state
        for curve in ("loss", "holdout_p_at_20"):
            assert len(client.get_metric_history(run.info.run_id, curve)) == trial.epochs
        assert run.data.metrics["holdout_p_at_20"] == trial.judged
        assert "torch==" in run.data.tags["segue.packages"]


def test_the_first_trial_is_where_the_search_begins_and_what_was_given_stays(report: TrainingReport) -> None:
    first, second = report.trials
    assert first.parameters == {"lr": 0.003, "temperature": 0.06, "dropout": 0.5}
    assert second.parameters.keys() == first.parameters.keys()
    assert second.parameters != first.parameters


def test_the_best_is_trained_fully_in_the_training_s_own_run(report: TrainingReport, addresses: Addresses) -> None:
    client = MlflowClient(addresses.mlflow)
    run = client.get_run(report.run_id)
    best = next(trial for trial in report.trials if trial.number == report.best_trial)
    assert {name: float(run.data.params[name]) for name in best.parameters} == pytest.approx(best.parameters)
    assert (run.data.params["dim"], run.info.status) == ("32", "FINISHED")
    assert len(client.get_metric_history(report.run_id, "loss")) == EPOCHS
    assert report.metrics["pairs"] > 0
    assert tuned(addresses.mlflow) == pytest.approx(best.parameters)
    card = Path(client.download_artifacts(report.run_id, "model_card.md")).read_text()
    assert f"chosen by a search of {TRIALS} trials" in card
    assert f"{report.metrics['p@20']:.4g}" in card


def test_a_line_is_told_for_each_trial_and_the_best(report: TrainingReport, said: list[str]) -> None:
    assert sum(line.startswith("trial ") for line in said) == TRIALS
    assert [line for line in said if line.startswith(f"best: trial {report.best_trial}:")]
    assert report.seconds.keys() == {"spark", "tune", "fit", "evaluate", "register"}


def test_nothing_of_the_search_is_left(report: TrainingReport, settings: Settings) -> None:
    assert report.trials
    assert list((settings.home / "training").iterdir()) == []
    assert not (Path.home() / "ray_results").exists()


def test_a_trial_that_fails_says_why_and_ends_nothing_else(
    report: TrainingReport, addresses: Addresses, tmp_path: Path
) -> None:
    """A learning rate that no number survives, beside one that is drawn."""
    from tests.unit.checkerboard import library as checkerboard
    from training.learn.tune import search

    assert report.trials
    mad = ModelConfig.model_construct(_fields_set={"dim", "batch_size", "temperature", "dropout"}, lr=1e30, epochs=2)
    data = checkerboard(20, [[s % 20, (s + 2) % 20, (s + 4) % 20] for s in range(40)])
    ended = Ended()
    found = search(mad, data, 2, address=addresses.ray, folder=tmp_path, log=ended)
    assert [(trial.number, trial.state) for trial in found.trials] == [(1, "failed"), (2, "finished")]
    assert "the loss is no number in epoch 0" in found.trials[0].reason
    assert found.best.number == 2
    assert sorted(trial.number for trial in ended.trials) == [1, 2]


def test_a_bad_trial_is_stopped_early_and_its_run_is_killed(
    report: TrainingReport, addresses: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second trial, which finds what the first has reached: with a learning rate that undoes what a model begins with."""
    from ray.tune import choice

    from tests.unit.checkerboard import checkerboard
    from training.learn import tune

    assert report.trials
    monkeypatch.setattr(tune, "SPACE", {"lr": choice([3.0])})
    # One after the other: too much for two at once.
    monkeypatch.setattr(tune, "_share_of", lambda cluster: {"cpu": cluster["CPU"] // 2 + 1})
    config = ModelConfig(dim=16, batch_size=16, epochs=EPOCHS)
    client = MlflowClient(addresses.mlflow)
    with track_run(addresses.mlflow, {}) as run:
        found = tune.search(config, checkerboard(120, 80), 2, address=addresses.ray, folder=tmp_path, log=run.trials())
    assert [(trial.state, trial.epochs) for trial in found.trials] == [
        ("finished", EPOCHS),
        ("stopped early", tune.GRACE),
    ]
    assert found.best.number == 1
    bad = below(client, run.id)["trial 2"]
    assert (bad.info.status, bad.data.tags["trial.state"], bad.data.params["lr"]) == ("KILLED", "stopped early", "3.0")
    assert len(client.get_metric_history(bad.info.run_id, "loss")) == tune.GRACE


def test_what_a_search_found_counts_once_its_version_has_served(report: TrainingReport, addresses: Addresses) -> None:
    best = tuned(addresses.mlflow)
    client, served = MlflowClient(addresses.mlflow), registry.champion(addresses.mlflow)
    same = registry.version_info(addresses.mlflow, report.version)
    source = f"{registry.LOGGED_MODEL}{same.model_id}"
    refused = client.create_model_version(registry.MODEL, source, tags={TUNED: '{"lr": 0.5}'}, model_id=same.model_id)
    assert tuned(addresses.mlflow) == best
    registry.promote(addresses.mlflow, str(refused.version))
    assert tuned(addresses.mlflow) == {"lr": 0.5}
    assert registry.version_info(addresses.mlflow, str(refused.version)).tags[PREDECESSOR] == served
    registry.promote(addresses.mlflow, report.version)
    assert tuned(addresses.mlflow) == best
    client.delete_model_version(registry.MODEL, str(refused.version))


def test_a_second_training_is_refused_while_one_runs(
    report: TrainingReport, addresses: Addresses, settings: Settings
) -> None:
    before = registry.versions(addresses.mlflow)
    assert before[0].version == report.version
    with alone(settings), pytest.raises(Busy, match=r"a training runs already: pid \d+ .* wait for its end"):
        train(settings, addresses, ModelConfig(), progress=lambda _: None)
    assert registry.versions(addresses.mlflow) == before


class Ended:
    """A log that keeps the trials that ended."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []

    def began(self, trial: Trial) -> None:
        """Not kept."""

    def epoch(self, trial: Trial, figures: object) -> None:
        """Not kept."""

    def ended(self, trial: Trial) -> None:
        self.trials.append(trial)
