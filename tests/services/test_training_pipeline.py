"""One training after another on a small library, from the store to the registry and back."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
import pytest
from mlflow.utils.git_utils import get_git_commit
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT

from etl.sound.normalise import Normaliser
from infra.addresses import Addresses
from infra.errors import BundleError, NotFound, ServiceError, TrainingError
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from serving.champion import Champion
from serving.music.catalogue import Catalogue
from tests.data.loud_and_soft import TRACKS, bring_in, evenings
from tests.data.records import record, track_id
from training.data.signals import Signal
from training.learn.model import ModelConfig
from training.pipeline import TrainingReport, train
from training.recommend import bundle
from training.recommend.recommender import SessionRecommender
from training.registry import versions as registry
from training.registry.acceptance import accept, promote
from training.registry.figures import figures
from training.tracking.register import abandon, track_run

CONFIG = ModelConfig(dim=16, epochs=2, batch_size=16)


def _state(**changes: object) -> Callable[[Path], None]:
    """Another state of the normaliser, the bundle sealed over it."""

    def spoil(folder: Path) -> None:
        state = json.loads((folder / "normaliser.json").read_text()) | changes
        bundle.write(folder, {}, {"normaliser": state})
        _whole(folder)

    return spoil


def _cut_short(folder: Path) -> None:
    items = folder / "items.npy"
    items.write_bytes(items.read_bytes()[:-100])
    sizes = json.loads((folder / registry.CONTENTS).read_text()) | {"items.npy": items.stat().st_size}
    (folder / registry.CONTENTS).write_text(json.dumps(sizes))


def _otherwise(folder: Path) -> None:
    """Its own example is answered otherwise than when it was saved."""
    example = json.loads((folder / "example.json").read_text())
    bundle.write(folder, {}, {"example": {**example, "next": [track_id("nobody")] * len(example["next"])}})
    _whole(folder)


def _other_normaliser(folder: Path) -> None:
    model = json.loads((folder / "model.json").read_text())
    bundle.write(folder, {}, {"model": {**model, "normaliser_version": 7}})
    _whole(folder)


def _whole(folder: Path) -> None:
    """As if it had been registered so."""
    (folder / registry.CONTENTS).unlink()
    bundle.seal(folder)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    (folder / registry.CONTENTS).write_text(json.dumps(sizes))


SPOILT = {
    _cut_short: "missing or not as it was written",
    _otherwise: "answers its own example otherwise",
    _state(features_version=1): "made for features of version 1, the library has version",
    _state(fitted_on=99): "made for another library",
    _other_normaliser: "made for normaliser 7, which the library does not have",
}
"""Ways in which a bundle must not answer, and what is said of each."""


@pytest.fixture(scope="module")
def addresses(services: Services) -> Addresses:
    return services.ensure("mongo", "mlflow")


@pytest.fixture(scope="module")
def settings(installation: Settings) -> Settings:
    return installation.model_copy(update={"mongo_database": f"test_{uuid.uuid4().hex[:12]}"})


@pytest.fixture(scope="module")
def library(addresses: Addresses, settings: Settings) -> Iterator[Store]:
    """Six loud and six soft tracks, and one whose sound is not known."""
    with Store(addresses.mongo, settings.mongo_database).prepare() as store:
        bring_in(store)
        store.tracks.upsert([record("silent")])
        yield store


@pytest.fixture(scope="module")
def first(library: Store, addresses: Addresses, settings: Settings) -> TrainingReport:
    """Trained before anybody has played anything."""
    assert library.plays.count() == 0
    said: list[str] = []
    report = train(settings, addresses, CONFIG, progress=said.append)
    assert any("1 tracks are left out" in line for line in said)
    return report


@pytest.fixture(scope="module")
def second(first: TrainingReport, library: Store, addresses: Addresses, settings: Settings) -> TrainingReport:
    """Trained after thirty evenings of loud music."""
    assert first.plays == 0
    library.plays.append(evenings(30))
    return train(settings, addresses, CONFIG, progress=lambda _: None)


def test_sound_alone_makes_a_champion(first: TrainingReport) -> None:
    assert (first.tracks, first.left_out, first.plays, first.sessions) == (12, 1, 0, 0)
    assert first.champion
    assert first.metrics == {}


def test_plays_are_learned_from_and_held_out(second: TrainingReport) -> None:
    assert (second.plays, second.sessions) == (120, 30)
    assert second.metrics["pairs"] == 9
    assert set(second.baselines) == {"popular", "cooccurrence", "session_knn", "sound", "champion"}
    assert "against version" in second.why


def test_the_bundle_in_the_registry_recommends(second: TrainingReport, addresses: Addresses, tmp_path: Path) -> None:
    folder = registry.fetch(addresses.mlflow, second.version, tmp_path)
    assert folder == tmp_path / second.version
    assert [path.name for path in tmp_path.iterdir()] == [second.version]
    restored = SessionRecommender.load(folder)
    assert restored.normaliser_version == 1
    assert restored.tracks == {track_id(name) for name in TRACKS}
    answer = restored.next_tracks([Signal(track_id("loud 1"), 1.0, 0)], 4)
    assert len(answer) == 4


def test_a_damaged_bundle_is_fetched_again(second: TrainingReport, addresses: Addresses, tmp_path: Path) -> None:
    folder = registry.fetch(addresses.mlflow, second.version, tmp_path)
    (folder / "items.npy").write_bytes(b"cut short")
    (folder / "mine").touch()
    assert registry.fetch(addresses.mlflow, second.version, tmp_path) == folder
    SessionRecommender.load(folder)
    assert not (folder / "mine").exists()
    (folder / "mine").touch()
    registry.fetch(addresses.mlflow, second.version, tmp_path)
    assert (folder / "mine").exists(), "a whole bundle was fetched again"


def test_promoting_moves_the_champion_and_back(
    first: TrainingReport, second: TrainingReport, addresses: Addresses
) -> None:
    before = registry.champion(addresses.mlflow)
    registry.promote(addresses.mlflow, first.version)
    assert registry.champion(addresses.mlflow) == first.version
    known = {v.version: v for v in registry.versions(addresses.mlflow)}
    assert known[first.version].champion
    assert not known[second.version].champion
    assert known[second.version].run_id == second.run_id
    registry.promote(addresses.mlflow, before or second.version)


def test_a_version_that_may_not_answer_is_not_promoted(
    first: TrainingReport, second: TrainingReport, library: Store, addresses: Addresses, tmp_path: Path
) -> None:
    before = registry.champion(addresses.mlflow)
    other = next(version for version in (first.version, second.version) if version != before)
    with (
        Store(library.uri, f"test_{uuid.uuid4().hex[:12]}").prepare() as elsewhere,
        pytest.raises(BundleError, match="made for normaliser 1, which the library does not have"),
    ):
        promote(addresses.mlflow, other, tmp_path, elsewhere.normalisers)
    assert registry.champion(addresses.mlflow) == before
    promote(addresses.mlflow, other, tmp_path, library.normalisers)
    assert registry.champion(addresses.mlflow) == other
    promote(addresses.mlflow, before or second.version, tmp_path, library.normalisers)


def test_the_bundle_holds_what_its_vectors_were_made_with(
    second: TrainingReport, library: Store, addresses: Addresses, tmp_path: Path
) -> None:
    folder = registry.fetch(addresses.mlflow, second.version, tmp_path)
    assert Normaliser.from_state(json.loads((folder / "normaliser.json").read_text())).width > 1
    assert ModelConfig.model_validate_json((folder / "config.json").read_text()) == CONFIG
    assert accept(folder, library.normalisers).tracks == {track_id(name) for name in TRACKS}


def test_the_serving_model_stays_when_a_bundle_is_not_for_this_library(
    first: TrainingReport, second: TrainingReport, library: Store, addresses: Addresses, tmp_path: Path
) -> None:
    """What serving does with each kind of bundle that must not answer: the real bundles, the real watch, no network."""
    catalogue = Catalogue(library.tracks.changed_since, vectors=True)
    catalogue.refresh()
    wanted = [first.version]
    watch = Champion(
        catalogue,
        lambda: wanted[-1],
        lambda version: accept(registry.fetch(addresses.mlflow, version, tmp_path), library.normalisers),
        poll_s=0.0,
    )
    watch.refresh()
    assert (watch.model.version, watch.fault) == (first.version, "")
    good = registry.fetch(addresses.mlflow, second.version, tmp_path)
    for number, (spoil, fault) in enumerate(SPOILT.items(), start=1):
        copy = tmp_path / f"90{number}"
        shutil.copytree(good, copy)
        spoil(copy)
        wanted.append(copy.name)
        watch._ask_at = 0.0
        watch.refresh()
        assert fault in watch.fault
        assert watch.model.version == first.version
    wanted.append(second.version)
    watch._ask_at = 0.0
    watch.refresh()
    assert (watch.model.version, watch.fault) == (second.version, "")


@pytest.mark.parametrize("version", ["99999", "newest", "../1", ""])
def test_a_version_that_is_not_there_is_named(
    second: TrainingReport, addresses: Addresses, tmp_path: Path, version: str
) -> None:
    for attempt in (
        lambda: registry.promote(addresses.mlflow, version),
        lambda: registry.fetch(addresses.mlflow, version, tmp_path),
    ):
        with pytest.raises(NotFound, match=f"no model version '{version}'; there are: .*{second.version}"):
            attempt()


def test_the_registered_model_loads_in_another_process(second: TrainingReport, addresses: Addresses) -> None:
    asked = (
        "import sys, mlflow, pandas as pd\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "model = mlflow.pyfunc.load_model(f'models:/segue/{sys.argv[2]}')\n"
        "answer = model.predict(pd.DataFrame({'recent': [[sys.argv[3]], []]}), params={'n': 3})\n"
        "print(*map(len, answer['tracks']), model.metadata.run_id)\n"
    )
    given = [addresses.mlflow, second.version, track_id("loud 0")]
    done = subprocess.run([sys.executable, "-c", asked, *given], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "3", second.run_id]


def test_a_version_whose_loader_is_gone_still_serves(
    second: TrainingReport, library: Store, addresses: Addresses, tmp_path: Path
) -> None:
    """MLflow keeps the name of the module that loads a version for others: only they need it."""
    bundled = registry.fetch(addresses.mlflow, second.version, tmp_path / "fetched").rename(tmp_path / "bundle")
    (bundled / registry.CONTENTS).unlink()
    mlflow.set_tracking_uri(addresses.mlflow)
    model = mlflow.pyfunc.log_model(name="older", loader_module="training.gone", data_path=str(bundled))
    client = mlflow.MlflowClient(addresses.mlflow)
    made = client.create_model_version(registry.MODEL, model.model_uri, model_id=model.model_id)
    try:
        older = registry.fetch(addresses.mlflow, str(made.version), tmp_path)
        assert accept(older, library.normalisers).tracks == {track_id(name) for name in TRACKS}
        with pytest.raises(ModuleNotFoundError, match=r"training\.gone"):
            mlflow.pyfunc.load_model(f"models:/{registry.MODEL}/{made.version}")
    finally:
        client.delete_model_version(registry.MODEL, str(made.version))


def test_a_deleted_run_is_not_gone_on_with(second: TrainingReport, addresses: Addresses) -> None:
    assert second.run_id
    with track_run(addresses.mlflow, {}) as begun:
        begun.epoch(0, {"loss": 1.0})
    mlflow.MlflowClient(addresses.mlflow).delete_run(begun.id)
    with track_run(addresses.mlflow, {}, again=begun.id) as anew:
        anew.epoch(0, {"loss": 1.0})
    assert anew.id != begun.id
    abandon(addresses.mlflow, begun.id)


def test_the_run_shows_what_was_done(second: TrainingReport, addresses: Addresses) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(addresses.mlflow)
    run = client.get_run(second.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["dim"] == "16"
    assert run.data.tags["data.plays"] == "120"
    assert run.data.tags["data.normaliser"] == "1"
    assert run.data.metrics["p_at_20"] == second.metrics["p@20"]
    assert len(client.get_metric_history(second.run_id, "loss")) == CONFIG.epochs
    assert run.data.metrics["baseline.popular.p_at_20"] == second.baselines["popular"]["p@20"]
    assert run.data.metrics["champion.mrr_at_20"] == second.baselines["champion"]["mrr@20"]
    kept = {file.path for file in client.list_artifacts(second.run_id)}
    assert kept == {"curves.png", "evaluation.json", "items.png", "model_card.md"}


def test_whoever_looks_sees_what_came_of_it_and_how_good_it_is(
    second: TrainingReport, library: Store, addresses: Addresses
) -> None:
    (told,) = library.work.newest()
    assert (told.kind, told.state, told.failed) == ("training", "done", 0)
    assert told.told.startswith(f"version {second.version} learned from 12 tracks and 120 plays and ")
    measured = figures(addresses.mlflow, second.run_id)
    assert measured["p@20"] == second.metrics["p@20"]
    assert measured["champion.mrr@20"] == second.baselines["champion"]["mrr@20"]
    assert figures(addresses.mlflow, "0" * 32) == {}


def test_runs_tell_which_data_code_and_packages_made_them(
    first: TrainingReport, second: TrainingReport, addresses: Addresses
) -> None:
    client = mlflow.MlflowClient(addresses.mlflow)
    before, tags = (client.get_run(report.run_id).data.tags for report in (first, second))
    assert re.fullmatch(r"[0-9a-f]{64}", tags["data.fingerprint"])
    assert tags["data.fingerprint"] != before["data.fingerprint"]
    version = registry.version_info(addresses.mlflow, second.version)
    assert version.tags["data.fingerprint"] == tags["data.fingerprint"]
    assert tags.get(MLFLOW_GIT_COMMIT) == get_git_commit(__file__)
    packages = dict(one.split("==") for one in tags["segue.packages"].split())
    assert packages.keys() >= {"annoy", "numpy", "pyspark", "ray", "scikit-learn", "torch"}
    assert packages == {name: installed(name) for name in packages}
    assert (tags["segue.version"], tags["segue.python"]) == (installed("segue"), platform.python_version())


def test_the_registered_model_says_what_it_takes_and_answers_its_own_example(
    second: TrainingReport, addresses: Addresses
) -> None:
    mlflow.set_tracking_uri(addresses.mlflow)
    model = mlflow.pyfunc.load_model(f"models:/{registry.MODEL}/{second.version}")
    signature = model.metadata.signature
    assert (signature.inputs.input_names(), signature.outputs.input_names()) == (["recent"], ["tracks", "scores"])
    assert [parameter.name for parameter in signature.params] == ["n"]
    asked = model.input_example["recent"].item()
    assert {track_id(name) for name in TRACKS} > set(asked)
    answer = model.predict(model.input_example, params={"n": 4})
    assert [len(answer[name].item()) for name in ("tracks", "scores")] == [4, 4]
    assert not set(asked) & set(answer["tracks"].item())


def test_nothing_is_left_behind(second: TrainingReport, settings: Settings) -> None:
    assert second.seconds.keys() == {"spark", "fit", "evaluate", "register"}
    assert list((settings.home / "training").iterdir()) == []
    assert list((settings.home / "spark").iterdir()) == []


def test_without_tracks_the_way_to_get_some_is_told(addresses: Addresses, settings: Settings) -> None:
    empty = settings.model_copy(update={"mongo_database": f"test_{uuid.uuid4().hex[:12]}"})
    with pytest.raises(TrainingError, match="no tracks yet: `segue ingest DIR` brings some in"):
        train(empty, addresses, CONFIG, progress=lambda _: None)


def test_a_registry_that_is_away_is_named() -> None:
    with pytest.raises(ServiceError, match=r"MLflow at http://127\.0\.0\.1:9 does not answer"):
        registry.champion("http://127.0.0.1:9")
