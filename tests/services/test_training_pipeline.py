"""One training after another on a small library, from the store to the registry and back."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from etl.sound.features import FEATURE_NAMES, FEATURE_VERSION
from etl.sound.normalise import Normaliser
from infra.addresses import Addresses
from infra.errors import NotFound, ServiceError, TrainingError
from infra.models import Features, TrackRecord
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from tests.data.records import play, record, track_id
from training import registry
from training.model import ModelConfig
from training.pipeline import TrainingReport, train
from training.recommender import SessionRecommender
from training.signals import Signal

WIDTH = len(FEATURE_NAMES)
TRACKS = [f"{kind} {i}" for kind in ("loud", "soft") for i in range(6)]
CONFIG = ModelConfig(dim=16, epochs=2, batch_size=16)


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
        rng = np.random.default_rng(3)
        centres = {"loud": rng.normal(size=WIDTH) * 3, "soft": rng.normal(size=WIDTH) * 3}
        segments = {name: centres[name[:4]] + rng.normal(size=(4, WIDTH)) for name in TRACKS}
        normaliser = Normaliser.fit(np.array([parts.mean(axis=0) for parts in segments.values()]))
        store.normalisers.save(1, normaliser.to_state())
        store.tracks.upsert([_record(name, parts, normaliser) for name, parts in segments.items()] + [record("silent")])
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
    rng = np.random.default_rng(5)
    for evening in range(30):
        heard = rng.permutation([name for name in TRACKS if name.startswith("loud")])[:4]
        library.plays.append([play(name, minute=evening * 1440 + i * 4) for i, name in enumerate(heard)])
    return train(settings, addresses, CONFIG, progress=lambda _: None)


def test_sound_alone_makes_a_champion(first: TrainingReport) -> None:
    assert (first.tracks, first.left_out, first.plays, first.sessions) == (12, 1, 0, 0)
    assert first.champion
    assert first.metrics == {}


def test_plays_are_learned_from_and_held_out(second: TrainingReport) -> None:
    assert (second.plays, second.sessions) == (120, 30)
    assert second.metrics["pairs"] == 9
    assert set(second.baselines) == {"popular", "cooccurrence", "session_knn", "sound", "champion"}
    assert second.champion == (
        (second.metrics["p@20"], second.metrics["mrr@20"])
        >= (second.baselines["champion"]["p@20"], second.baselines["champion"]["mrr@20"])
    ), second.why


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
    done = subprocess.run([sys.executable, "-c", asked, *given], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.split() == ["3", "3", second.run_id]


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
    assert {file.path for file in client.list_artifacts(second.run_id)} == {"curves.png", "evaluation.json"}


def test_nothing_is_left_behind(second: TrainingReport, settings: Settings) -> None:
    assert second.seconds.keys() == {"spark", "fit", "build", "evaluate", "register"}
    assert list((settings.home / "training").iterdir()) == []
    assert list((settings.home / "spark").iterdir()) == []


def test_without_tracks_the_way_to_get_some_is_told(addresses: Addresses, settings: Settings) -> None:
    empty = settings.model_copy(update={"mongo_database": f"test_{uuid.uuid4().hex[:12]}"})
    with pytest.raises(TrainingError, match="no tracks yet: `segue ingest DIR` brings some in"):
        train(empty, addresses, CONFIG, progress=lambda _: None)


def test_a_registry_that_is_away_is_named() -> None:
    with pytest.raises(ServiceError, match=r"MLflow at http://127\.0\.0\.1:9 does not answer"):
        registry.champion("http://127.0.0.1:9")


def _record(name: str, segments: np.ndarray, normaliser: Normaliser) -> TrackRecord:
    mean = segments.mean(axis=0)
    return record(
        name,
        artist=f"Artist {name[-1]}",
        features=Features(
            version=FEATURE_VERSION,
            values=tuple(mean.tolist()),
            segments=tuple(tuple(part) for part in segments.tolist()),
        ),
        vectors={1: tuple(normaliser.transform([mean])[0].tolist())},
    )
