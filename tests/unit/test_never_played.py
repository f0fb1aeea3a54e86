"""The share of tracks that nobody has played: from the setting into the model, by hand and by itself."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.settings import Settings
from tests.unit.checkerboard import checkerboard, liked
from training.command import run
from training.learn.course import learn
from training.recommend.ranking import Ranking
from training.recommend.recommender import SessionRecommender
from ui.commands.model import _config, _ranking

PLAYED, N = 40, 10
HUNDREDTHS = "from infra.settings import Settings; raise SystemExit(round(100 * Settings.load().never_played))"


def answered(share: float, folder: Path) -> SessionRecommender:
    """What is loaded from the bundle of a training under the setting."""
    settings = Settings.load(home=folder, never_played=share)
    config = _config({"ranking": _ranking(settings), "dim": 16, "epochs": 1})
    learn(config, checkerboard(80, played=PLAYED)).save(folder)
    return SessionRecommender.load(folder)


def test_it_arrives_in_the_ranking_of_the_bundle_and_in_answers(tmp_path: Path):
    without, half = (answered(share, tmp_path / str(share)) for share in (0.0, 0.5))
    assert (without.ranking.never_played, half.ranking.never_played) == (0.0, 0.5)
    given = [int(one.track[1:]) for one in half.next_tracks(liked(0, 2, 4), N)]
    assert sum(place >= PLAYED for place in given) >= N / 2


def test_training_by_itself_hears_of_it(tmp_path: Path):
    settings = Settings.load(home=tmp_path, never_played=0.4)
    assert run([sys.executable, "-c", HUNDREDTHS], settings, threading.Event()) == 40


def test_unset_it_is_what_the_ranking_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SEGUE_NEVER_PLAYED", raising=False)
    assert Settings.load().never_played == Ranking().never_played


@pytest.mark.parametrize("share", ["-0.1", "1.1", "half", "nan"])
def test_what_is_no_share_is_refused(monkeypatch: pytest.MonkeyPatch, share: str):
    monkeypatch.setenv("SEGUE_NEVER_PLAYED", share)
    with pytest.raises(SettingsError, match="SEGUE_NEVER_PLAYED"):
        Settings.load()
