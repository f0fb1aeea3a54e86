"""What goes for good, in MLflow as it is: versions that learned from the forgotten, models that never became one."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient

from infra.addresses import Addresses
from infra.errors import NotFound
from infra.models import UserId
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from tests.data.records import play
from training.registry import versions as registry
from training.registry.versions import ALIAS, MODEL, ModelVersion
from training.tidy import tidy
from training.tracking.prune import remove, remove_unregistered
from training.tracking.register import TrackedRun, abandon, track_run

MANY = 1_000
Register = Callable[..., ModelVersion]
KILLED_BEFORE_IT_REGISTERS = """
import os, signal, sys
from pathlib import Path
from training.tracking.register import TrackedRun, track_run

class Killed(TrackedRun):
    def _new_version(self, model_id, tags):
        os.kill(os.getpid(), signal.SIGKILL)

with track_run(sys.argv[1], {}) as run:
    print(run.id, flush=True)
    Killed(run._client, run.id).register(Path(sys.argv[2]), ["x"], {})
"""


class Stopped(TrackedRun):
    """A run that is stopped by Ctrl-C when its model is logged and not yet registered."""

    def _new_version(self, *_: object) -> str:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def addresses(services: Services) -> Addresses:
    return services.ensure("mongo", "mlflow")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of its own on the services of all, whose versions are let be."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    return Settings.load(home=tmp_path / "home", mongo_database=name, models_kept=MANY)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "items.npy").write_bytes(b"what somebody listened to")
    return folder


@pytest.fixture
def register(addresses: Addresses, bundle: Path) -> Iterator[Register]:
    """Makes a version, by a run of its own or by one that is gone on with; it goes with the test."""
    made: list[ModelVersion] = []

    def version(again: str = "") -> ModelVersion:
        with track_run(addresses.mlflow, {}, again=again) as run:
            made.append(registry.version_info(addresses.mlflow, run.register(bundle, ["x"], {})))
        return made[-1]

    yield version
    for one in known(addresses, *made):
        remove(addresses.mlflow, one)


@pytest.fixture
def serving(addresses: Addresses, register: Register) -> Iterator[ModelVersion]:
    """A version that is champion while the test runs."""
    before, version = registry.champion(addresses.mlflow), register()
    registry.promote(addresses.mlflow, version.version)
    yield version
    if before is not None:
        MlflowClient(addresses.mlflow).set_registered_model_alias(MODEL, ALIAS, before)


def stopped(addresses: Addresses, bundle: Path) -> str:
    """A run that logged a model and was stopped before it registered it."""
    with suppress(KeyboardInterrupt), track_run(addresses.mlflow, {}) as run:
        Stopped(MlflowClient(addresses.mlflow), run.id).register(bundle, ["x"], {})
    return run.id


def logged_by(addresses: Addresses, run_id: str) -> list[str]:
    client = MlflowClient(addresses.mlflow)
    experiment = client.get_run(run_id).info.experiment_id
    return [one.model_id for one in client.search_logged_models([experiment], f"source_run_id = '{run_id}'")]


def folder_of(installation: Settings, model_id: str) -> Path:
    """Where the files of a logged model are; not there once they are removed."""
    return next((installation.home / "mlflow").rglob(model_id), Path("gone")) / "artifacts"


def not_to_be_removed(folder: Path) -> Path:
    """Put the files elsewhere and a link in their place, which MLflow does not remove; returns where they are."""
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    return elsewhere


def removable(folder: Path) -> None:
    elsewhere = folder.readlink()
    folder.unlink()
    elsewhere.rename(folder)


def test_a_model_that_was_killed_before_it_was_registered_goes_when_nobody_can_be_in_its_run(
    addresses: Addresses, settings: Settings, store: Store, bundle: Path, installation: Settings
):
    command = [sys.executable, "-c", KILLED_BEFORE_IT_REGISTERS, addresses.mlflow, str(bundle)]
    killed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    run = killed.stdout.strip()
    (left,) = logged_by(addresses, run)
    files = folder_of(installation, left)
    assert (files / registry.BUNDLE / "items.npy").exists()
    said: list[str] = []
    assert tidy(settings, addresses.mlflow, store, said.append)
    assert logged_by(addresses, run) == [left], "it may be registered any moment, from another home"
    said.clear()
    job = settings.home / "training" / "interrupted" / "job.json"
    job.parent.mkdir(parents=True)
    job.write_text(f'{{"begun_ms": 1, "run_id": "{run}"}}')
    assert tidy(settings, addresses.mlflow, store, said.append)
    assert (logged_by(addresses, run), files.exists()) == ([], False)
    assert said == ["removed models that were never registered: 1"]
    abandon(addresses.mlflow, run)


def test_a_model_of_a_run_that_has_ended_goes_and_those_of_versions_stay(
    addresses: Addresses, settings: Settings, store: Store, register: Register, bundle: Path, installation: Settings
):
    run = stopped(addresses, bundle)
    version = register(again=run)
    assert len(logged_by(addresses, run)) == 2
    assert tidy(settings, addresses.mlflow, store, lambda _: None)
    assert logged_by(addresses, run) == [version.model_id]
    assert (folder_of(installation, version.model_id) / registry.BUNDLE / "items.npy").exists()


def test_a_version_that_cannot_be_removed_stands_in_no_other_s_way_and_is_tried_again(
    addresses: Addresses, settings: Settings, store: Store, register: Register, installation: Settings
):
    store.plays.append([play("One")])
    stuck, other = register(), register()
    store.plays.forget(UserId("me"))
    after = register()
    files = folder_of(installation, stuck.model_id)
    not_to_be_removed(files)
    said: list[str] = []
    assert not tidy(settings, addresses.mlflow, store, said.append)
    assert known(addresses, stuck, other, after) == [stuck, after]
    assert len(store.plays.forgettings()) == 1
    assert f"version {stuck.version} cannot be removed" in said[0]
    assert said[0].endswith("it is tried again")
    assert said[1] == f"removed old versions of the model: {other.version}"
    removable(files)
    assert tidy(settings, addresses.mlflow, store, said.append)
    assert known(addresses, stuck, other, after) == [after]
    assert said[-1] == f"removed old versions of the model: {stuck.version}"
    assert (files.exists(), store.plays.forgettings()) == (False, [])


def test_a_forgetting_is_not_settled_while_a_model_that_never_became_a_version_is_left(
    addresses: Addresses, settings: Settings, store: Store, bundle: Path, installation: Settings
):
    store.plays.append([play("One")])
    run = stopped(addresses, bundle)
    store.plays.forget(UserId("me"))
    (left,) = logged_by(addresses, run)
    files = folder_of(installation, left)
    elsewhere = not_to_be_removed(files)
    said: list[str] = []
    assert not tidy(settings, addresses.mlflow, store, said.append)
    assert f"model {left} cannot be removed" in "".join(said)
    assert len(store.plays.forgettings()) == 1
    removable(files)
    assert tidy(settings, addresses.mlflow, store, said.append)
    assert (logged_by(addresses, run), elsewhere.exists(), store.plays.forgettings()) == ([], False, [])


@pytest.mark.parametrize("some", [True, False])
def test_a_version_that_is_removed_while_it_is_promoted_leaves_the_champion_as_it_was(
    addresses: Addresses, serving: ModelVersion, register: Register, some: bool
):
    """Removing takes the files first, so that a version is there for a moment that has none."""
    going = register()
    remove_unregistered(addresses.mlflow, going.model_id)
    client = MlflowClient(addresses.mlflow)
    if not some:
        client.delete_registered_model_alias(MODEL, ALIAS)
    before = serving.version if some else None
    with pytest.raises(NotFound, match=f"version {going.version} has just been removed; version {before or 'none'} "):
        registry.promote(addresses.mlflow, going.version)
    assert registry.champion(addresses.mlflow) == before


def known(addresses: Addresses, *of: ModelVersion) -> list[ModelVersion]:
    """Those of these versions that are there."""
    there = {one.version for one in registry.versions(addresses.mlflow)}
    return [one for one in of if one.version in there]
