"""The pictures in the README: there is one of every view, each is there, and all of them load fast."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SCREENS = ROOT / ".github" / "screens"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^!\[([^\]]+)\]\(\.github/screens/([\w-]+)\.webp\)$", README, re.MULTILINE)
NAMES = {name for _, name in SHOWN}
VIEWS = sorted(set(re.findall(r"^  \['[^']*', '(\w+)'\],$", (ROOT / "ui/assets/router.js").read_text(), re.MULTILINE)))
RECORDING = "listening"


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_its_sheet(view: str):
    assert view in NAMES


def test_the_router_was_understood():
    assert {"home", "album", "review"} <= set(VIEWS)


def test_no_picture_is_missing_and_none_is_left_over():
    assert {path.stem for path in SCREENS.iterdir()} == NAMES


def test_pictures_are_small():
    sizes = {path.stem: path.stat().st_size for path in SCREENS.iterdir()}
    assert sizes.pop(RECORDING) < 2_000_000
    assert [name for name, size in sizes.items() if size >= 150_000] == []
    assert sum(sizes.values()) < 2_500_000


def test_the_recording_moves():
    with Image.open(SCREENS / f"{RECORDING}.webp") as recording:
        assert getattr(recording, "n_frames", 1) > 30


def test_each_picture_is_told_in_words_of_its_own():
    assert len({words for words, _ in SHOWN}) == len(NAMES)
