"""Settings: defaults, variables, clear refusals, and the table in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.settings import Settings, settings_table

ROOT = Path(__file__).parents[2]


def test_variables_win_over_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path))
    monkeypatch.setenv("SEGUE_BITRATE", "96")
    loaded = Settings.load()
    assert (loaded.home, loaded.bitrate) == (tmp_path, 96)


def test_a_bad_value_names_its_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEGUE_HTTP_PORT", "http")
    with pytest.raises(SettingsError, match="SEGUE_HTTP_PORT"):
        Settings.load()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEGUE_KAFKA", "")
    assert Settings.load().kafka is None


def test_the_readme_has_the_table_made_from_the_fields():
    assert settings_table() in (ROOT / "README.md").read_text()


def test_models_of_two_registries_are_kept_apart():
    found = [Settings.load(), *(Settings.load(mlflow_uri=f"http://{host}:5000") for host in "ab")]
    assert len({settings.models for settings in found}) == 3
