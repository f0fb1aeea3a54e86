from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.unit.checkerboard import flat, library
from training.data.dataset import Segments, TrainingData
from training.data.vectors import Floats, unit
from training.learn.batches import Sampler
from training.learn.content_start import content_start, evened
from training.learn.losses import sound_loss
from training.learn.model import ItemTable, ModelConfig
from training.learn.neighbours import neighbours, windowed
from training.learn.train import fit
from training.recommend.encoder import Content

CONFIG = ModelConfig(dim=32, epochs=3)
SIGNAL, NOISE, PARTS = 6, 18, 6
CPU = torch.device("cpu")


def drifting(n: int, seed: int) -> TrainingData:
    """`n` unplayed tracks, each with its own sound in a few directions; its parts drift in many others."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.normal(size=(n, SIGNAL)), PARTS, axis=0)
    parts = unit(np.hstack([own, rng.normal(scale=2.0, size=(n * PARTS, NOISE))]).astype(np.float32))
    return dataclasses.replace(
        library(n, d=SIGNAL + NOISE),
        artists=[""] * n,
        sound=unit(parts.reshape(n, PARTS, -1).mean(axis=1)),
        segments=Segments(np.arange(n + 1, dtype=np.int64) * PARTS, parts),
    )


def halves_found(data: TrainingData, content: Content | None) -> float:
    """Share of tracks whose first parts find their last parts before those of any other track."""
    parts = data.segments.vectors.reshape(len(data.track_ids), PARTS, -1)
    halves = [half.mean(axis=1) for half in np.split(parts, 2, axis=1)]
    first, last = (unit(content(half) if content is not None else half) for half in halves)
    return float((np.argmax(first @ last.T, axis=1) == np.arange(len(first))).mean())


def two_tastes(n: int = 60, played: int = 45, seed: int = 4) -> TrainingData:
    """Even tracks are played with even ones, odd with odd; one direction of the sound tells them apart, others do not."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=(n, 24))
    sound[:, 0] = 1.2 * (1 - 2 * (np.arange(n) % 2))
    among = np.arange(played)
    sessions = flat([rng.choice(among[among % 2 == s % 2], 8, replace=False).tolist() for s in range(80)])
    return dataclasses.replace(
        library(n, d=24),
        artists=[""] * n,
        sound=unit(sound.astype(np.float32)),
        segments=Segments(np.zeros(n + 1, dtype=np.int64), np.empty((0, 24), dtype=np.float32)),
        train=sessions,
        counts=np.bincount(sessions.items, minlength=n),
    )


def of_their_taste(vectors: Floats, played: int) -> float:
    """Share of the ten played tracks nearest to each unplayed one that are of its taste."""
    cold = np.arange(played, len(vectors))
    nearest = np.argsort(-(vectors[cold] @ vectors[:played].T), axis=1)[:, :10]
    return float((nearest % 2 == cold[:, None] % 2).mean())


def test_without_plays_unheard_tracks_are_told_apart_better_than_by_their_features():
    content = fit(CONFIG, drifting(60, seed=1)).content
    others = drifting(60, seed=2)
    assert halves_found(others, content) > halves_found(others, None) + 0.1


def test_few_tracks_hardly_change_what_the_features_say():
    content = fit(CONFIG, drifting(5, seed=1)).content
    others = drifting(60, seed=2)
    assert halves_found(others, content) > halves_found(others, None) - 0.05


def test_directions_that_vary_within_tracks_are_shortened():
    lengths = np.linalg.norm(evened(drifting(100, seed=1)), axis=0)
    assert lengths[:SIGNAL].min() > 1.2 * lengths[SIGNAL:].max()


def test_a_track_without_plays_is_placed_by_the_sound_that_decides():
    data = two_tastes()
    items = fit(CONFIG, data).items
    assert of_their_taste(items, 45) > of_their_taste(data.sound, 45) + 0.1


def test_the_beginning_foretells_behaviour_that_it_was_not_shown():
    data = two_tastes()
    told = np.where(np.arange(60) % 2 == 0, 1.0, -1.0)[:, None] * (data.counts > 0)[:, None]
    start = content_start(data, np.pad(told, ((0, 0), (0, 31))).astype(np.float32), seed=0)
    assert start is not None
    foretold = start.content(data.sound[45:])[:, 0]
    assert (np.sign(foretold) == np.where(np.arange(45, 60) % 2 == 0, 1, -1)).mean() >= 0.8


@pytest.mark.parametrize("tracks", [1, 2, 3])
@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_library_of_a_few_tracks_without_plays_makes_a_model(tracks: int, parts: int):
    model = fit(CONFIG, library(tracks, parts=parts))
    assert model.content is not None
    np.testing.assert_allclose(np.linalg.norm(model.items, axis=1), 1, atol=1e-5)
    assert np.isfinite(model.content(library(9).sound)).all()


def test_without_sound_there_is_no_content():
    data = library(4, [[0, 1], [2, 3]], d=0)
    assert content_start(data, np.zeros((4, 8), dtype=np.float32), seed=0) is None
    assert fit(CONFIG, data).content is None


def test_more_values_than_dimensions_make_a_model():
    assert fit(ModelConfig(dim=8, epochs=1), library(20, [[0, 2], [1, 3]], d=30)).items.shape == (20, 8)


@pytest.mark.parametrize("wanted", [2, 100])
def test_tracks_that_nobody_played_are_never_held_against_what_was_played(wanted: int):
    sampler = Sampler(np.array([3, 0, 1, 0, 5]), wanted, CPU)
    drawn = {int(item) for _ in range(50) for item in sampler.draw().items}
    assert drawn == {0, 2, 4}


def test_tracks_of_one_artist_need_not_be_told_apart():
    def loss(artists: list[str]) -> float:
        data = dataclasses.replace(library(12), artists=artists)
        start = content_start(data, np.zeros((12, 32), dtype=np.float32), seed=0)
        nobody = neighbours(windowed(data.train, 12), data.counts)
        items = ItemTable(data, np.zeros((12, 32), dtype=np.float32), nobody, start, 0.0)
        return float(sound_loss(items, data, np.random.default_rng(0), CPU).detach())

    by_sound = [f"artist {i % 2}" for i in range(12)]
    across = [f"artist {i // 6}" for i in range(12)]
    assert loss(by_sound) < loss(across)
