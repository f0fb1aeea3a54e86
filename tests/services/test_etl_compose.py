"""Our own composer: real, tagged, distinct music."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mutagen.mp3 import MP3

from etl.demo.compose import STYLES, compose, piece
from etl.demo.library import compose_library, demo_library
from etl.demo.synthesis import render
from etl.sound.features import measure
from etl.sound.normalise import Normaliser
from etl.tags.read import read_tags


def test_a_piece_is_a_tagged_mp3_with_a_cover(tmp_path: Path):
    path = tmp_path / "a b.mp3"
    compose(path, seed=1, seconds=3, tags={"title": "Given"})
    tags, info = read_tags(path), MP3(path).info
    assert (tags.title, tags.artist, tags.album) == ("Given", "Copper Relay", "Night Circuits")
    assert tags.cover is not None
    assert tags.cover.suffix == "png"
    assert (round(info.bitrate / 1000), info.channels) == (192, 2)
    assert abs(info.length - 3) < 0.1


def test_the_same_seed_is_the_same_piece_and_another_is_not():
    style = STYLES[2]
    assert np.array_equal(render(style, 2, 3), render(style, 2, 3))
    assert not np.array_equal(render(style, 2, 3), render(style, 8, 3))
    samples = render(style, 2, 3)
    assert samples.shape == (3 * 44_100, 2)
    assert 0.5 < np.abs(samples).max() <= 0.9


def test_names_do_not_repeat_in_a_library():
    pieces = [piece(seed) for seed in range(48)]
    assert len({p.tags["title"] for p in pieces}) == 48
    assert len({(p.tags["album"], p.tags["track"]) for p in pieces}) == 48


def test_pieces_of_one_style_sound_closer_than_others():
    mono = [render(piece(seed).style, seed, 5).mean(axis=1)[::2].astype(np.float32) for seed in range(12)]
    values = [measure([samples]).values for samples in mono]
    vectors = Normaliser.fit(values).transform(values)
    likeness = vectors @ vectors.T
    same = np.array([[i % 6 == j % 6 and i != j for j in range(12)] for i in range(12)])
    assert likeness[same].mean() > likeness[~same & ~np.eye(12, dtype=bool)].mean() + 0.3


def test_a_library_is_composed_once(tmp_path: Path):
    said: list[str] = []
    compose_library(tmp_path, said.append, count=2, seconds=2)
    made = sorted(tmp_path.rglob("*.mp3"))
    assert [p.name for p in made] == ["01 Electric Mirrors.mp3", "01 Silent Rivers.mp3"]
    times = [p.stat().st_mtime_ns for p in made]
    compose_library(tmp_path, said.append, count=2, seconds=2)
    assert [p.stat().st_mtime_ns for p in made] == times
    (tmp_path / ".segue-demo").touch()
    assert demo_library(tmp_path, said.append) == tmp_path
    assert said[-1] == f"the demo music is in {tmp_path}"
