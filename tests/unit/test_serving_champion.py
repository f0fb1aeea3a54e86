from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from infra.errors import BundleError, ServiceError
from infra.models import TrackRecord
from serving.args import ServeArgs
from serving.champion import Champion
from serving.music.catalogue import Catalogue
from tests.data.records import record, track_id
from training.data.signals import Signal
from training.recommend.baselines import SoundNeighbours
from training.recommend.recommender import SessionRecommender

ROOT = Path(__file__).parents[2]


class Registry:
    """A registry in memory: versions by name, one of them champion."""

    def __init__(self) -> None:
        self.models: dict[str, SessionRecommender | Exception] = {}
        self.champion: str | None = None
        self.away = False
        self.loaded: list[str] = []

    def ask(self) -> str | None:
        if self.away:
            raise ServiceError("MLflow does not answer")
        return self.champion

    def load(self, version: str) -> SessionRecommender:
        self.loaded.append(version)
        model = self.models[version]
        if isinstance(model, Exception):
            raise model
        return model


def sounding(name: str, angle: float, version: int = 1) -> TrackRecord:
    return record(name, vectors={version: (math.cos(angle), math.sin(angle))})


class Library:
    """Records that a test adds to, as a store tells of them."""

    def __init__(self, *records: TrackRecord) -> None:
        self.log = list(records)

    def __call__(self, revision: int) -> list[tuple[int, TrackRecord]]:
        return [(place, one) for place, one in enumerate(self.log, start=1) if place >= revision]


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def library() -> Library:
    return Library(sounding("a", 0.0), sounding("b", 0.1), sounding("c", 1.0))


def opened(library: Library, registry: Registry) -> tuple[Catalogue, Champion]:
    catalogue = Catalogue(library, vectors=True)
    catalogue.refresh()
    champion = Champion(catalogue, registry.ask, registry.load, poll_s=0.0)
    champion.refresh()
    return catalogue, champion


def trained(*names: str, version: int = 1) -> SessionRecommender:
    vectors = {track_id(name): (math.cos(n), math.sin(n)) for n, name in enumerate(names)}
    return SoundNeighbours(vectors, normaliser_version=version)


def next_of(champion: Champion, *played: str) -> list[str]:
    recent = [Signal(track_id(name), 1.0, 0) for name in played]
    return [one.track for one in champion.model.recommender.next_tracks(recent, 10)]


def test_without_a_model_the_sound_answers(library: Library, registry: Registry):
    _, champion = opened(library, registry)
    assert champion.model.version is None
    assert next_of(champion, "a") == [track_id("b"), track_id("c")]


def test_an_empty_library_answers_with_nothing(registry: Registry):
    _, champion = opened(Library(), registry)
    assert next_of(champion) == []


def test_tracks_without_a_vector_yet_do_not_stand_in_the_way(registry: Registry):
    library = Library(record("silent"))
    catalogue, champion = opened(library, registry)
    assert next_of(champion) == []
    library.log.append(sounding("a", 0.0))
    catalogue.refresh()
    champion.refresh()
    assert next_of(champion) == [track_id("a")]


def test_a_new_champion_takes_over_and_knows_the_tracks_ingested_since(library: Library, registry: Registry):
    _, champion = opened(library, registry)
    registry.models["1"], registry.champion = trained("a", "b"), "1"
    champion.refresh()
    assert champion.model.version == "1"
    assert set(next_of(champion, "a")) == {track_id("b"), track_id("c")}
    champion.refresh()
    assert registry.loaded == ["1"]


def test_a_track_ingested_now_joins(library: Library, registry: Registry):
    registry.models["1"], registry.champion = trained("a", "b"), "1"
    catalogue, champion = opened(library, registry)
    library.log.append(sounding("d", 0.2))
    catalogue.refresh()
    champion.refresh()
    assert track_id("d") in next_of(champion, "a")


def test_vectors_of_another_normaliser_do_not_join(library: Library, registry: Registry):
    registry.models["1"], registry.champion = trained("a", "b", version=2), "1"
    _, champion = opened(library, registry)
    assert next_of(champion, "a") == [track_id("b")]


def test_tracks_that_left_the_library_are_known_as_such(library: Library, registry: Registry):
    registry.models["1"], registry.champion = trained("a", "gone"), "1"
    _, champion = opened(library, registry)
    assert champion.model.unlisted == {track_id("gone")}


def test_a_champion_that_does_not_load_leaves_the_old_one_and_is_told(library: Library, registry: Registry):
    registry.models["1"], registry.champion = trained("a", "b"), "1"
    _, champion = opened(library, registry)
    registry.models["2"], registry.champion = BundleError("/home/ann/models/2/items.npy is cut short"), "2"
    champion.refresh()
    champion.refresh()
    assert champion.model.version == "1"
    assert champion.fault == "/home/ann/models/2/items.npy is cut short"
    assert "segue train" in champion.told
    assert "/" not in champion.told
    assert registry.loaded == ["1", "2"]


def test_without_the_registry_the_model_stays(library: Library, registry: Registry):
    registry.models["1"], registry.champion = trained("a", "b"), "1"
    _, champion = opened(library, registry)
    registry.away = True
    champion.refresh()
    assert (champion.model.version, champion.fault) == ("1", "MLflow does not answer")
    assert "segue doctor" in champion.told
    registry.away = False
    champion.refresh()
    assert (champion.fault, champion.told) == ("", "")


def test_kubernetes_gets_the_same_applications():
    manifest = yaml.safe_load((ROOT / "infra" / "deploy" / "rayservice.yaml").read_text())
    config = yaml.safe_load((ROOT / "serving" / "serve.yaml").read_text())
    assert yaml.safe_load(manifest["spec"]["serveConfigV2"]) == {"applications": config["applications"]}
    groups = manifest["spec"]["rayClusterConfig"]
    for group in (groups["headGroupSpec"], *groups["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        names = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            environment = {one["name"]: one for one in container["env"]}
            assert environment["RAY_AUTH_MODE"]["value"] == "token"
            assert {mount["name"] for mount in container["volumeMounts"]} <= names
            assert config["applications"][0]["args"]["settings"]["home"] in {
                mount["mountPath"] for mount in container["volumeMounts"]
            }


def test_serve_yaml_deploys_what_app_builds():
    config = yaml.safe_load((ROOT / "serving" / "serve.yaml").read_text())
    applications = config["applications"]
    assert {a["name"]: a["route_prefix"] for a in applications} == {"recommender": "/users", "library": "/"}
    for application in applications:
        ServeArgs.model_validate(application["args"])
        # Not imported: Ray would be, too early for the tests that start it.
        module, _, builder = application["import_path"].partition(":")
        assert f"def {builder}(args: ServeArgs)" in (ROOT / f"{module.replace('.', '/')}.py").read_text()
