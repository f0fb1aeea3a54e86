"""The doctor says in one line what is missing, with the command that mends it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from infra.services import Finding, doctor
from infra.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home")


def findings(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor(settings)}


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_without_java_and_ffmpeg_the_commands_that_install_them_are_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    found = findings(settings)
    assert not found["Java"].ok
    assert "no Java on the PATH" in found["Java"].detail
    assert found["Java"].fix == "apt-get install openjdk-17-jre-headless"
    assert not found["FFmpeg"].ok
    assert found["FFmpeg"].fix == "apt-get install ffmpeg"


def test_an_old_java_is_named_with_its_version(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    java = findings(settings)["Java"]
    assert not java.ok
    assert "is Java 11.0.2" in java.detail


def test_an_ffmpeg_that_cannot_write_mp3_is_not_enough(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script(tmp_path / "ffmpeg", "echo 'A....D aac'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "libmp3lame" in findings(settings)["FFmpeg"].detail


def test_a_taken_port_is_told_and_is_no_fault(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = findings(Settings.load(home=tmp_path, http_port=port))["Port for http"]
    assert finding.ok
    assert finding.detail == f"{port}: another program has it, so the next free one is used"


def test_an_outside_part_that_does_not_answer_names_its_setting(tmp_path: Path):
    settings = Settings.load(home=tmp_path, mlflow_uri="http://127.0.0.1:9", kafka="127.0.0.1:9")
    found = findings(settings)
    assert "SEGUE_MLFLOW_URI" in found["mlflow"].fix
    assert "SEGUE_KAFKA" in found["kafka"].fix


def test_whatever_is_wrong_comes_with_a_fix(settings: Settings):
    assert all(finding.ok or finding.fix for finding in doctor(settings))
    assert all("\n" not in finding.detail + finding.fix for finding in doctor(settings))
