"""Ways to find nearest vectors, each behind the same calls: ours, exact search, and two known libraries.

In: unit vectors (n, dim) as a memory-mapped `.npy` file. Out: a `Searcher` that answers one query at a time on one thread.
hnswlib and faiss are not needed by the service: `METHODS` has those that are installed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from training.data.vectors import Floats
from training.recommend.index import Positions, VectorIndex

__all__ = ["METHODS", "OPTIONAL", "Method", "Searcher"]

SEED = 7
HNSW_LINKS, HNSW_BUILD = 16, 100
EFFORTS = (20, 40, 80, 160, 320, 640, 1_280)
"""What may be looked at by hnswlib (`ef`) and in how many cells by faiss (`nprobe`); the first that is enough counts."""
POINTS_A_CELL = 256
"""Vectors that faiss finds one cell's centre from, at most."""


class Searcher(Protocol):
    """A built index."""

    def nearest(self, query: Floats, k: int) -> Positions:
        """Up to `k` positions, nearest first."""
        ...

    def save(self, path: Path) -> None:
        """Write what a process needs beside the vectors, or in place of them."""
        ...

    def effort(self, value: int) -> None:
        """Look at more or less."""
        ...


class Method(NamedTuple):
    """How to build one, and how hard it may be told to look; 0 where there is nothing to tell."""

    build: Callable[[Floats], Searcher]
    efforts: Sequence[int] = (0,)


class Ours:
    """Annoy as the service builds it and asks it, exact scores included."""

    def __init__(self, vectors: Floats) -> None:
        self._index = VectorIndex.build(vectors, SEED)

    def nearest(self, query: Floats, k: int) -> Positions:
        return self._index.nearest(query, k)

    def save(self, path: Path) -> None:
        self._index.save(path)

    def effort(self, _value: int) -> None:
        """There is nothing to choose."""


class Exact:
    """One matrix product over everything."""

    def __init__(self, vectors: Floats) -> None:
        self._vectors = np.array(vectors)

    def nearest(self, query: Floats, k: int) -> Positions:
        cosines = self._vectors @ query
        best = np.argpartition(-cosines, k - 1)[:k]
        return best[np.argsort(-cosines[best])]

    def save(self, path: Path) -> None:
        path.write_bytes(self._vectors.tobytes())

    def effort(self, _value: int) -> None:
        """There is nothing to choose."""


class Hnsw:
    """hnswlib, inner product."""

    def __init__(self, vectors: Floats) -> None:
        import hnswlib

        self._index = hnswlib.Index("ip", vectors.shape[1])
        self._index.init_index(len(vectors), HNSW_LINKS, HNSW_BUILD, SEED)
        self._index.set_num_threads(1)
        self._index.add_items(vectors, num_threads=1)

    def nearest(self, query: Floats, k: int) -> Positions:
        return np.asarray(self._index.knn_query(query, k, num_threads=1)[0][0], dtype=np.int64)

    def save(self, path: Path) -> None:
        self._index.save_index(str(path))

    def effort(self, value: int) -> None:
        self._index.set_ef(value)


class Cells:
    """faiss: vectors in about sqrt(n) cells, the nearest cells searched exactly."""

    def __init__(self, vectors: Floats) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        n, dim = vectors.shape
        self._faiss = faiss
        cells = round(n**0.5)
        self._index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, cells, faiss.METRIC_INNER_PRODUCT)
        self._index.cp.seed, self._index.cp.max_points_per_centroid = SEED, POINTS_A_CELL
        self._index.train(np.array(vectors[: cells * POINTS_A_CELL]))
        self._index.add(np.array(vectors))

    def nearest(self, query: Floats, k: int) -> Positions:
        return np.asarray(self._index.search(query[None], k)[1][0], dtype=np.int64)

    def save(self, path: Path) -> None:
        self._faiss.write_index(self._index, str(path))

    def effort(self, value: int) -> None:
        self._index.nprobe = value


OPTIONAL = {"hnswlib": "hnswlib", "faiss": "faiss-cpu"}
"""Modules, and what they are called where packages come from."""
METHODS: dict[str, Method] = {
    "exact": Method(Exact),
    "annoy": Method(Ours),
    "hnswlib": Method(Hnsw, EFFORTS),
    "faiss": Method(Cells, EFFORTS),
}
METHODS = {name: one for name, one in METHODS.items() if name not in OPTIONAL or find_spec(name) is not None}
