"""The map: neighbours stay neighbours, nothing is one blob, and it is drawn without a model too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from etl.sound.features import FEATURE_NAMES
from infra.models import UserId
from infra.store import StoredPlay
from serving.champion import Champion
from serving.listening.atlas import MOODS, Atlas, moods
from serving.listening.diary import Diaries
from serving.music.catalogue import CENTROID, Catalogue, Entry
from tests.data.records import record
from tests.unit.checkerboard import track
from training.data.vectors import unit
from training.learn.landscape import landscape
from training.recommend.baselines import SoundNeighbours
from training.recommend.layout import beside, flattened, spread_out
from training.recommend.recommender import SessionRecommender

KINDS, EACH = 8, 50
SQUARES = 6


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Eight kinds of music of fifty tracks each, one after the other."""
    rng = np.random.default_rng(5)
    middles = np.repeat(rng.normal(size=(KINDS, 32)), EACH, axis=0)
    return unit((middles + rng.normal(scale=0.7, size=middles.shape)).astype(np.float32))


@pytest.fixture(scope="module")
def learned(vectors: np.ndarray) -> np.ndarray:
    return landscape(vectors, 7)


def squares(places: np.ndarray) -> int:
    """How many of six by six squares have a track."""
    return len(np.unique(np.minimum((places * SQUARES).astype(int), SQUARES - 1), axis=0))


def test_neighbours_stay_neighbours_and_the_map_is_full(vectors: np.ndarray, learned: np.ndarray):
    assert learned.shape == (KINDS * EACH, 2)
    assert (learned.min(), learned.max()) == pytest.approx((0, 1), abs=0.05)
    assert trustworthiness(vectors, learned, n_neighbors=10) > 0.85
    nearest = np.argsort(((learned[:, None] - learned[None]) ** 2).sum(axis=2), axis=1)[:, 1:6]
    same = nearest // EACH == np.arange(len(learned))[:, None] // EACH
    assert same.mean() > 0.9
    assert squares(learned) > SQUARES**2 / 3
    assert len(np.unique(learned.round(4), axis=0)) == len(learned)


def test_the_same_seed_draws_the_same_map(vectors: np.ndarray, learned: np.ndarray):
    assert np.array_equal(landscape(vectors, 7), learned)


def test_a_new_track_lies_beside_its_like(vectors: np.ndarray, learned: np.ndarray):
    places = beside(vectors[::10], vectors, learned)
    assert np.abs(places - learned[::10]).max(axis=1).mean() < 0.08


@pytest.mark.parametrize("n", [0, 1, 2, 5, 30])
@pytest.mark.parametrize("d", [1, 2, 16])
def test_any_library_has_a_map(n: int, d: int):
    given = unit(np.random.default_rng(n).normal(size=(n, d)).astype(np.float32))
    for places in (flattened(given), landscape(given, 1), landscape(np.zeros_like(given), 1)):
        assert places.shape == (n, 2)
        assert np.isfinite(places).all()
        assert ((places >= 0) & (places <= 1)).all()


def test_what_is_crowded_is_given_room():
    crowded = np.column_stack([np.concatenate([np.linspace(0, 0.01, 99), [1.0]])] * 2)
    assert np.median(spread_out(crowded)[:, 0]) == pytest.approx(0.5, abs=0.3)


def named(vectors: np.ndarray) -> SessionRecommender:
    return SoundNeighbours(dict(zip(map(track, range(len(vectors))), vectors.tolist(), strict=True)), {}, {})


def test_a_bundle_keeps_its_map_and_new_tracks_find_their_place(
    vectors: np.ndarray, learned: np.ndarray, tmp_path: Path
):
    before = named(vectors)
    plain = before.layout
    assert squares(plain) > SQUARES
    before.with_layout(learned).save(tmp_path / "new")
    loaded = SessionRecommender.load(tmp_path / "new")
    assert np.array_equal(loaded.layout, learned)
    wider = loaded.with_tracks({track(900): vectors[3].tolist(), track(901): vectors[-3].tolist()})
    assert np.array_equal(wider.layout[: len(learned)], learned)
    assert np.abs(wider.layout[-2:] - learned[[3, -3]]).max() < 0.2
    before.save(tmp_path / "older")
    assert np.array_equal(SessionRecommender.load(tmp_path / "older").layout, plain)


def entries(*sounds: tuple[float | None, float | None]) -> list[Entry]:
    """Tracks of such loudness and brightness."""
    records = []
    for number, (loud, bright) in enumerate(sounds):
        made = record(f"{number}")
        values = (0.0,) * CENTROID + ((bright,) if bright is not None else ())
        features = made.features.model_copy(update={"values": values})
        shown = made.track.model_copy(update={"loudness_lufs": loud})
        records.append(made.model_copy(update={"track": shown, "features": features}))
    catalogue = Catalogue(lambda _since: [(1, one) for one in records], vectors=True)
    catalogue.refresh()
    return [catalogue.entries[one.track.id] for one in records]


def test_moods_are_told_by_loudness_and_brightness():
    assert FEATURE_NAMES[CENTROID] == "centroid_mean"
    found = moods(entries((-20.0, 900.0), (-20.0, 3000.0), (-8.0, 900.0), (-8.0, 3000.0)))
    assert [MOODS[mood] for mood in found] == list(MOODS)
    assert moods(entries((None, None), (-8.0, None), (-9.0, 10.0))).tolist() == [0, 2, 0]
    assert moods([]).tolist() == []


class Unheard:
    """A store without plays."""

    def written_since(self, user: UserId, moment_ms: int) -> Iterable[tuple[int, StoredPlay]]:  # noqa: ARG002
        return ()

    def amendments(self, user: UserId) -> int:  # noqa: ARG002
        return 0

    def has(self, event: UUID) -> bool:  # noqa: ARG002
        return False


def test_the_map_follows_a_library_that_changes_under_the_same_model():
    log = [(1, record("a", vectors={1: (1.0, 0.0)}, album="First")), (2, record("b", vectors={1: (0.0, 1.0)}))]
    catalogue = Catalogue(lambda _since: log, vectors=True)
    catalogue.refresh()
    trained = SoundNeighbours({one.track.id: one.vectors[1] for _, one in log}, {}, {}, normaliser_version=1)
    champion = Champion(catalogue, lambda: "1", lambda _version: trained, 0.0)
    champion.refresh()
    diaries = Diaries(Unheard())
    atlas = Atlas(diaries, catalogue, champion)

    def drawn() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(asyncio.run(atlas.map(UserId("me"))).body)
        return found

    assert drawn()["ids"] == [one.track.id for _, one in log]
    log += [(3, record("a", vectors={1: (1.0, 0.0)}, album="Renamed")), (4, record("b", missing=True))]
    catalogue.refresh()
    champion.refresh()
    assert champion.model.recommender is trained
    assert (drawn()["ids"], drawn()["albums"]) == ([log[0][1].track.id], ["Renamed"])
    diaries.close()
