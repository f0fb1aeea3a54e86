"""The command line as people and programs use it: exit status, one clear line, JSON where asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl.demo.compose import compose
from tests.data.installed import Installed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    one = Installed(tmp_path_factory.mktemp("home"))
    yield one
    one.segue("down", check=False)


def test_help_teaches_every_command(installed: Installed):
    told = installed.segue("--help").stdout
    for command in (
        "up",
        "down",
        "status",
        "doctor",
        "ingest",
        "train",
        "evaluate",
        "import",
        "failures",
        "promote",
        "plays",
        "user",
    ):
        assert f" {command} " in told


def test_status_of_nothing_is_down_and_says_what_starts_it(installed: Installed):
    done = installed.segue("status", "--json", check=False)
    status = json.loads(done.stdout)
    assert {part["name"]: part["state"] for part in status["parts"]} == dict.fromkeys(
        ("mongo", "kafka", "mlflow", "ray"), "down"
    )
    assert all("segue up" in part["fix"] for part in status["parts"])
    assert status["home"] == str(installed.home)


def test_doctor_names_what_to_do(installed: Installed):
    done = installed.segue("doctor", "--json", check=False)
    findings = json.loads(done.stdout)["findings"]
    assert {"Python", "Java", "FFmpeg", "Disk"} <= {f["name"] for f in findings}
    assert all(f["fix"] for f in findings if not f["ok"])


def test_a_folder_that_is_not_there_is_misuse(installed: Installed, tmp_path: Path):
    assert installed.segue("ingest", str(tmp_path / "nowhere"), check=False).returncode == 2


def test_a_folder_in_which_nothing_is_music_fails_and_says_why(installed: Installed, tmp_path: Path):
    (tmp_path / "letter.mp3").write_text("Dear listener,")
    done = installed.segue("ingest", str(tmp_path), "--json", check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["found"], report["ingested"]) == (1, 1, 0)
    assert [(Path(f["file"]).name, f["stage"]) for f in report["failed"]] == [("letter.mp3", "decode")]


def test_what_can_be_brought_in_is_and_the_rest_is_told(installed: Installed, tmp_path: Path):
    compose(tmp_path / "good.mp3", seed=1, seconds=3)
    (tmp_path / "empty.mp3").touch()
    done = installed.segue("ingest", str(tmp_path))
    assert "empty.mp3" in done.stdout
    assert "2 files found: 1 brought in, 0 unchanged, 1 left out" in done.stdout


def test_failures_are_listed_and_say_how_to_try_again(installed: Installed, tmp_path: Path):
    (tmp_path / "one\x1b[31m.mp3").write_text("Dear listener,")
    installed.segue("ingest", str(tmp_path), "--retry-failed", check=False)
    listed = json.loads(installed.segue("failures", "--json").stdout)["failures"]
    (ours,) = [f for f in listed if str(tmp_path) in f["file"]]
    assert (Path(ours["file"]).name, ours["stage"], ours["reason"]) == (
        "one\\x1b[31m.mp3",
        "decode",
        "there is no audio in it",
    )
    shown = installed.segue("failures").stdout
    assert "there is no audio in it" in shown
    assert "--retry-failed" in shown
    assert "\x1b[31m" not in shown


def test_accounts_are_made_given_tokens_and_removed(installed: Installed):
    first = installed.segue("user", "add", "ann").stdout.strip()
    second = installed.segue("user", "token", "ann").stdout.strip()
    assert first != second
    again = installed.segue("user", "add", "ann", check=False)
    assert again.returncode == 1
    assert "segue user token ann" in again.stderr
    installed.segue("user", "remove", "ann")
    assert installed.segue("user", "token", "ann", check=False).returncode == 1


def test_tokens_are_listed_and_revoked_and_passwords_never_stand_in_an_argument(installed: Installed):
    token = installed.segue("user", "add", "ann", "--admin").stdout.strip()
    added = installed.segue("user", "add", "bob", "--password", typed="correct horse\n")
    assert added.stdout == ""
    installed.segue("user", "token", "ann", "--label", "[b]phone", "--days", "30")
    first, phone = installed.json("user", "tokens", "ann")["tokens"]
    assert (first["label"], first["expires_at"], phone["label"]) == ("", None, "[b]phone")
    shown = installed.segue("user", "tokens", "ann").stdout
    assert "[b]phone" in shown
    assert token not in shown
    installed.segue("user", "revoke", "ann", first["id"])
    assert [one["id"] for one in installed.json("user", "tokens", "ann")["tokens"]] == [phone["id"]]
    assert installed.segue("user", "revoke", "ann", first["id"], check=False).returncode == 1

    installed.segue("user", "admin", "ann", "--off")
    installed.segue("user", "password", "ann", typed="battery staple\n")
    short = installed.segue("user", "password", "ann", check=False, typed="short\n")
    assert (short.returncode, "8 to 1024" in short.stderr) == (1, True)
    assert installed.json("user", "list")["accounts"] == [
        {"name": "ann", "admin": False, "password": True, "tokens": 1},
        {"name": "bob", "admin": False, "password": True, "tokens": 0},
    ]
    for name in ("ann", "bob"):
        installed.segue("user", "remove", name)


def test_a_version_that_is_not_there_is_not_promoted(installed: Installed):
    done = installed.segue("promote", "99", check=False)
    assert done.returncode == 1
    assert "segue train" in done.stderr


def test_other_addresses_than_loopback_need_an_account(installed: Installed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEGUE_HOST", "0.0.0.0")
    done = installed.segue("up", "--no-ui", check=False)
    assert done.returncode == 1
    assert "segue user add" in done.stderr
