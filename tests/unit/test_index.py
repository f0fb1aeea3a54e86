from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from infra.errors import BundleError
from tests.data.embeddings import exact, items, queries, recall
from training.data.vectors import unit
from training.recommend.index import VectorIndex, looks

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
    asked = vectors(50, seed=2)
    assert recall(exact(trees.table, asked, 20), [trees.nearest(query, 20) for query in asked], 20) >= 0.99


def test_embeddings_as_models_have_them_are_found():
    table = items(10_000, seed=1)
    asked = queries(table, 200, seed=2)
    index = VectorIndex.build(table, SEED)
    assert recall(exact(table, asked, 20), [index.nearest(query, 20) for query in asked], 20) >= 0.99


def test_with_less_effort_as_many_are_found_and_each_once(trees: VectorIndex, many: np.ndarray):
    found = trees.nearest(many[3], 50, effort=0.01)
    assert len(np.unique(found)) == 50
    assert found[0] == 3


def test_of_many_vectors_no_more_are_inspected_than_allowed_and_the_nearest_of_those_come_first(
    trees: VectorIndex, many: np.ndarray
):
    asked = vectors(50, seed=2)
    nearest = exact(many, asked, 20)
    few = [trees.nearest(query, 20, most_looks=30) for query in asked]
    enough = [trees.nearest(query, 20, most_looks=1e9) for query in asked]
    assert recall(nearest, few, 20) < 0.9 < recall(nearest, enough, 20)
    for query, found in zip(asked, few, strict=True):
        assert (np.diff(many[found] @ query) <= 0).all()


def test_more_is_inspected_among_more_and_for_more():
    assert looks(10_000, 20) < looks(100_000, 20) < looks(1_000_000, 20) < 1_000_000 / 5
    assert looks(10_000, 20) < looks(10_000, 200)


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


@pytest.mark.parametrize("k", [3_000, 10**6, 10**12])
def test_more_than_there_are_is_all_there_are(trees: VectorIndex, k: int):
    assert sorted(trees.nearest(vectors(1)[0], k)) == list(range(3_000))


@pytest.mark.parametrize("k", [0, -1])
def test_fewer_than_one_is_none(trees: VectorIndex, k: int):
    assert trees.nearest(vectors(1)[0], k).tolist() == []


def test_ten_thousand_fresh_vectors_are_found_exactly(trees: VectorIndex, many: np.ndarray):
    fresh = vectors(10_000, seed=7)
    wider = trees
    for some in np.array_split(fresh, 10):
        wider = wider.with_fresh(some)
    query = vectors(1, seed=8)[0]
    of_all = np.argsort(-(np.concatenate([many, fresh]) @ query), kind="stable")[:200]
    found = wider.nearest(query, 200)
    assert found[found >= 3_000].tolist() == of_all[of_all >= 3_000].tolist()


def test_fresh_vectors_saved_with_the_table_are_found_as_before(tmp_path: Path, trees: VectorIndex):
    wider = trees.with_fresh(vectors(50, seed=6))
    wider.save(tmp_path / "trees")
    loaded = VectorIndex.load(wider.table, tmp_path / "trees")
    assert len(loaded) == len(wider) == 3_050
    for query in vectors(10, seed=3):
        assert loaded.nearest(query, 30).tolist() == wider.nearest(query, 30).tolist()


@pytest.mark.parametrize("table", [np.zeros((2_500, 16)), np.ones((2_500, 16)) / 4], ids=["zeros", "all alike"])
def test_vectors_that_nothing_tells_apart_come_in_their_order(table: np.ndarray):
    index = VectorIndex.build(table.astype(np.float32), SEED)
    found = index.nearest(vectors(1)[0], 2_500)
    assert sorted(found) == list(range(2_500))
    assert found.tolist() == sorted(found)


def test_processes_that_load_one_index_share_its_memory(tmp_path: Path, many: np.ndarray):
    VectorIndex.build(many, SEED).save(tmp_path / "trees")
    np.save(tmp_path / "vectors.npy", many)
    replicas = [
        subprocess.Popen(
            [sys.executable, "-c", REPLICA, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        assert [replica.stdout.readline() for replica in replicas] == ["ready\n"] * 2
        for replica in replicas:
            mapped = mapping(replica.pid, str(tmp_path / "trees"))
            assert mapped["Rss"] > 1_000
            assert mapped["Pss"] <= 0.6 * mapped["Rss"]
            assert mapped["Anonymous"] == mapped["Private_Dirty"] == 0
    finally:
        for replica in replicas:
            replica.communicate("done")


REPLICA = """
import sys
from pathlib import Path
import numpy as np
from training.recommend.index import VectorIndex
folder = Path(sys.argv[1])
index = VectorIndex.load(np.load(folder / "vectors.npy", mmap_mode="r"), folder / "trees")
for query in np.load(folder / "vectors.npy")[::10]:
    index.nearest(query, 20)
print("ready", flush=True)
sys.stdin.read()
"""


def mapping(pid: int, path: str) -> dict[str, int]:
    """What the kernel tells of a mapped file, in kB."""
    figures: dict[str, int] = {}
    within = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if "-" in line.split(" ", 1)[0]:
            within = line.endswith(path)
        elif within and rest.endswith("kB"):
            figures[name] = figures.get(name, 0) + int(rest.split()[0])
    return figures
