from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from infra.errors import TrainingError
from tests.unit.checkerboard import checkerboard, library, two_sounds
from training.data.dataset import TrainingData
from training.data.vectors import unit
from training.learn.behaviour import behaviour
from training.learn.content_start import content_start
from training.learn.model import ContentTower, ModelConfig, SessionEncoder
from training.learn.neighbours import windowed
from training.learn.train import fit
from training.recommend.encoder import FittedModel

CONFIG = ModelConfig(dim=16, epochs=4)


def fitted(data: TrainingData, config: ModelConfig = CONFIG) -> tuple[FittedModel, list[dict[str, float]]]:
    told: list[dict[str, float]] = []
    return fit(config, data, lambda _epoch, figures: told.append(figures)), told


@pytest.fixture(scope="module")
def board() -> tuple[FittedModel, list[dict[str, float]]]:
    # The last eight of 32 tracks are never played.
    return fitted(checkerboard(32, played=24))


@pytest.mark.parametrize("length", [1, 2, 7, 12])
def test_numpy_encoder_gives_the_query_of_the_torch_one(length: int):
    torch.manual_seed(0)
    encoder = SessionEncoder(32, 10, dropout=0.5).eval()
    for weights in encoder.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    rng = np.random.default_rng(1)
    vectors = unit(rng.normal(size=(length, 32)).astype(np.float32))
    strengths = rng.uniform(0.1, 1, length).astype(np.float32)
    newest = slice(max(length - 10, 0), None)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(vectors[newest])[None], torch.from_numpy(strengths[newest])[None])[0, -1]
    np.testing.assert_allclose(encoder.arrays()(vectors, strengths), expected.numpy(), atol=1e-5)


def test_numpy_content_gives_the_vectors_of_the_torch_one():
    torch.manual_seed(0)
    data = checkerboard()
    start = content_start(data, behaviour(data, windowed(data.train, len(data.track_ids)), 16, seed=0), seed=0)
    assert start is not None
    tower = ContentTower(start)
    for weights in tower.parameters():
        torch.nn.init.normal_(weights)
    sound = two_sounds(5)
    expected = tower(torch.from_numpy(sound)).detach().numpy()
    np.testing.assert_allclose(tower.arrays()(sound), expected, atol=1e-5)


def test_loss_falls(board: tuple[FittedModel, list[dict[str, float]]]):
    losses = [figures["loss"] for figures in board[1]]
    assert len(losses) == CONFIG.epochs
    assert losses[-1] < losses[0] - 0.1


def test_items_are_unit_vectors(board: tuple[FittedModel, list[dict[str, float]]]):
    np.testing.assert_allclose(np.linalg.norm(board[0].items, axis=1), 1, atol=1e-5)


def test_tracks_never_played_lie_near_those_of_their_sound(board: tuple[FittedModel, list[dict[str, float]]]):
    items = board[0].items
    for cold in range(24, 32):
        nearest = np.argsort(-(items[:24] @ items[cold]))[:6]
        assert (nearest % 2 == cold % 2).mean() >= 0.8


def test_the_same_seed_gives_the_same_model():
    data = checkerboard(12, 10)
    one, other = fitted(data)[0], fitted(data)[0]
    np.testing.assert_array_equal(one.items, other.items)
    assert not np.array_equal(one.items, fitted(data, CONFIG.model_copy(update={"seed": 8}))[0].items)


def test_skips_push_a_track_from_the_query():
    sessions = [[0, 2, 4, 1], [2, 0, 4], [4, 2, 0, 5]] * 10
    plain = fitted(library(6, sessions, d=0))[0]
    weights = [[1.0] * len(s) + [-1.0] for s in sessions]
    skipped = fitted(library(6, [[*s, 1] for s in sessions], weights=weights, d=0))[0]
    strengths = np.ones(3, dtype=np.float32)

    def nearness(model: FittedModel) -> float:
        assert model.encoder is not None
        return float(model.encoder(model.items[[0, 2, 4]], strengths) @ model.items[1])

    assert nearness(skipped) < nearness(plain) - 0.05


def test_held_out_sessions_are_scored_each_epoch():
    data = dataclasses.replace(checkerboard(50), holdout=checkerboard(50, 10).train)
    _, told = fitted(data)
    assert told[-1]["holdout_p_at_20"] > 0.6


@pytest.mark.parametrize(
    "sessions",
    [[], [[0]], [[0], [1], [0]], [[0] * 1_000], [[0, 1]], [[]], [[0, 0]]],
    ids=lambda s: f"{len(s)} sessions",
)
@pytest.mark.parametrize(("n", "d"), [(2, 8), (19, 0)])
def test_small_data_makes_a_model_without_nan(sessions: list[list[int]], n: int, d: int):
    model, told = fitted(library(n, sessions, d=d), CONFIG.model_copy(update={"epochs": 1}))
    assert np.isfinite(model.items).all()
    assert all(np.isfinite(value) for figures in told for value in figures.values())


def test_one_track_makes_a_model():
    model, _ = fitted(library(1, [[0, 0]]), CONFIG.model_copy(update={"epochs": 1}))
    assert np.isfinite(model.items).all()


@pytest.mark.parametrize("where", ["sound", "segments"])
def test_features_that_are_no_numbers_are_refused_by_name(where: str):
    data = library(4, [[0, 1]])
    (data.sound if where == "sound" else data.segments.vectors)[2 if where == "sound" else 7] = np.nan
    with pytest.raises(TrainingError, match="t002"):
        fit(CONFIG, data)


def test_an_empty_library_is_refused():
    with pytest.raises(TrainingError):
        fit(CONFIG, library(0))


def test_without_plays_sound_alone_is_learned():
    model, told = fitted(library(20))
    cosines = model.items @ model.items.T - 2 * np.eye(20)
    assert model.encoder is None
    assert told[-1]["loss"] < told[0]["loss"]
    assert (np.argmax(cosines, axis=1) % 2 == np.arange(20) % 2).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that Torch can use")
def test_a_gpu_is_used_where_there_is_one_and_leaves_plain_arrays():
    torch.cuda.reset_peak_memory_stats()
    model, told = fitted(checkerboard(32))
    assert torch.cuda.max_memory_allocated() > 0
    assert told[-1]["loss"] < told[0]["loss"] - 0.1
    assert model.encoder is not None
    assert model.content is not None
    for array in (model.items, *model.encoder.weights.values(), *model.content.weights.values()):
        assert isinstance(array, np.ndarray)
        assert np.isfinite(array).all()
