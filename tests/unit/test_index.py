from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infra.errors import BundleError
from training.encoder import unit
from training.index import VectorIndex, recall

SEED = 5


def vectors(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32))


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return vectors(3_000)


@pytest.fixture(scope="module")
def trees(many: np.ndarray) -> VectorIndex:
    return VectorIndex.build(many, SEED)


@pytest.mark.parametrize("n", [0, 1, 2, 50])
def test_few_vectors_are_found_exactly(n: int):
    table = vectors(n)
    query = vectors(1, seed=9)[0]
    found = VectorIndex.build(table, SEED).nearest(query, 10)
    assert found.tolist() == np.argsort(-(table @ query), kind="stable")[:10].tolist()


def test_trees_find_what_exact_search_finds(trees: VectorIndex):
    assert recall(trees, vectors(50, seed=2)) >= 0.99


def test_the_same_seed_gives_the_same_answers(many: np.ndarray, trees: VectorIndex):
    again = VectorIndex.build(many, SEED)
    for query in vectors(10, seed=3):
        assert again.nearest(query, 20).tolist() == trees.nearest(query, 20).tolist()


def test_saved_trees_answer_as_before(tmp_path: Path, many: np.ndarray):
    built = VectorIndex.build(many, SEED)
    query = vectors(1, seed=4)[0]
    before = built.nearest(query, 20).tolist()
    built.save(tmp_path / "one")
    loaded = VectorIndex.load(many, tmp_path / "one")
    loaded.save(tmp_path / "two")
    assert before == built.nearest(query, 20).tolist() == loaded.nearest(query, 20).tolist()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_fresh_vectors_are_found_beside_the_trees(trees: VectorIndex):
    fresh = vectors(3, seed=6)
    wider = trees.with_fresh(fresh[:1]).with_fresh(fresh[1:])
    assert len(wider) == len(trees) + 3
    for place, vector in enumerate(fresh):
        assert wider.nearest(vector, 1)[0] == len(trees) + place
    assert len(trees) == 3_000
    np.testing.assert_array_equal(wider.rows(np.array([0, 3_001, 5])), wider.table[[0, 3_001, 5]])


def test_trees_of_more_vectors_than_the_table_are_refused(tmp_path: Path, many: np.ndarray):
    VectorIndex.build(many, SEED).save(tmp_path / "trees")
    with pytest.raises(BundleError, match="3000 vectors"):
        VectorIndex.load(many[:100], tmp_path / "trees")
