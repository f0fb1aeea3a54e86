"""The container files: what they name exists, and nothing is published beyond loopback."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import Settings
from ui.programs import programs

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "infra" / "deploy"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text()


def test_every_part_has_a_service(compose: dict[str, Any]):
    assert {"mongo", "kafka", "mlflow", "batch", "inference", "page"} <= set(compose["services"])


def test_services_are_either_pulled_or_built_from_a_target_that_exists(compose: dict[str, Any], dockerfile: str):
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", dockerfile, re.MULTILINE))
    assert {"batch", "inference"} <= targets
    for service in compose["services"].values():
        build = service.get("build")
        assert ("image" in service) != (build is not None)
        if build:
            assert build["target"] in targets
            assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_what_is_waited_for_exists_and_can_become_healthy(compose: dict[str, Any]):
    for service in compose["services"].values():
        for needed in service.get("depends_on", {}):
            other = compose["services"][needed]
            built = "build" in other and other["build"]["target"] == "inference"
            assert "healthcheck" in other or built


def test_only_known_settings_are_set(compose: dict[str, Any]):
    known = {f"SEGUE_{name.upper()}" for name in Settings.model_fields}
    for service in compose["services"].values():
        used = {name for name in service.get("environment", {}) if name.startswith("SEGUE_")}
        assert used <= known


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]):
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_volumes_are_declared(compose: dict[str, Any]):
    for service in compose["services"].values():
        named = {v.split(":")[0] for v in service.get("volumes", [])}
        assert {n for n in named if re.fullmatch(r"\w+", n)} <= set(compose["volumes"])


def test_batch_and_inference_share_the_media_and_not_the_home(compose: dict[str, Any]):
    homes, media = set(), set()
    for name in ("batch", "inference"):
        mounted = dict(volume.split(":")[1::-1] for volume in compose["services"][name]["volumes"])
        homes.add(mounted["/data"])
        media.add(mounted["/data/media"])
    assert (len(homes), len(media)) == (2, 1)


def test_training_by_itself_runs_beside_what_answers(compose: dict[str, Any], dockerfile: str, tmp_path: Path):
    """`segue up` in the container of the API starts the watch, and nothing there switches it off."""
    stage = dockerfile.partition(" AS inference\n")[2].partition("\nFROM ")[0]
    told = dict(re.findall(r"^(ENTRYPOINT|CMD) (\[.+\])$", stage, re.MULTILINE))
    assert json.loads(told["ENTRYPOINT"]) + json.loads(told["CMD"]) == ["segue", "up", "--no-ui"]
    inference = compose["services"]["inference"]
    assert inference["build"]["target"] == "inference"
    assert not inference.keys() & {"entrypoint", "command", "profiles"}
    assert "SEGUE_RETRAIN_PLAYS" not in inference["environment"]
    started = {one.name: one.argv for one in programs(Settings.load(home=tmp_path), {"http": 8000})}
    assert list(started["retrain"][1:]) == [
        "-m",
        "training.retrain",
        sys.executable,
        "-m",
        "ui.cli",
        "train",
        "--tuned",
    ]


def test_the_image_copies_what_exists(dockerfile: str):
    for sources in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())


def test_compose_itself_takes_the_file():
    docker = shutil.which("docker")
    plugin = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    if not plugin:
        # Without the client the checks above stand alone.
        return
    subprocess.run([str(docker), "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "-q"], check=True)
