"""Nearest vectors: Annoy's immutable, memory-mapped trees, and an exact side index for what came after them.

In: unit vectors. Out: the positions of the nearest ones, by exact cosine. Positions count the built vectors first,
then the fresh ones in order of arrival.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Self

import numpy as np
from annoy import AnnoyIndex
from numpy.typing import NDArray

from infra.errors import BundleError
from training.data.vectors import Floats

__all__ = ["Positions", "VectorIndex", "looks"]

Positions = NDArray[np.int64]

EXACT_BELOW = 2_000
"""With fewer vectors one matrix product is both exact and faster than the trees."""
TREES = 100
"""With 50, a million vectors need about 1.4 times the looks for the same recall; 200 double the file for little more."""
LEAST_LOOKS, LOOKS_PER_WANTED = 6_000, 100
LOOKS_SHARE, LOOKS_GROWTH = 2.4, 0.8
"""Annoy inspects `LOOKS_SHARE * n ** LOOKS_GROWTH` nodes, and no fewer than for the number of vectors asked for."""


class VectorIndex:
    """Vectors (n, dim) and how to find the nearest of them; immutable, `with_fresh` gives another one."""

    def __init__(self, vectors: Floats, trees: AnnoyIndex | None, trees_path: Path | None = None) -> None:
        self._built = vectors
        self._fresh: Floats = np.empty((0, vectors.shape[1]), dtype=np.float32)
        self._trees = trees
        self._trees_path = trees_path

    @classmethod
    def build(cls, vectors: Floats, seed: int, trees: int = TREES) -> Self:
        """Index `vectors`; with few of them there is nothing to build."""
        if len(vectors) < EXACT_BELOW:
            return cls(vectors, None)
        built = AnnoyIndex(vectors.shape[1], "angular")
        built.set_seed(seed)
        for position, vector in enumerate(vectors):
            built.add_item(position, vector)
        # One thread: several give the same answers too, but another file every time, and a model is known by its files.
        built.build(trees, n_jobs=1)
        return cls(vectors, built)

    @classmethod
    def load(cls, vectors: Floats, path: Path) -> Self:
        """The index whose trees `save` wrote to `path`, memory-mapped; raises `BundleError` when they do not fit."""
        if not path.exists():
            return cls(vectors, None)
        trees = AnnoyIndex(vectors.shape[1], "angular")
        try:
            trees.load(str(path))
        except OSError as error:
            raise BundleError(f"{path}: the index cannot be read: {error}") from error
        if trees.get_n_items() > len(vectors):
            raise BundleError(f"{path}: {trees.get_n_items()} vectors in the trees, {len(vectors)} in the table")
        return cls(vectors, trees, path)

    def save(self, path: Path) -> None:
        """Write the trees, if there are any; the vectors are the caller's to keep."""
        if self._trees is None:
            return
        if self._trees_path is not None:
            shutil.copyfile(self._trees_path, path)
        else:
            self._trees.save(str(path))
            # Annoy maps the file it has just written, and from now on depends on it.
            self._trees_path = path

    def with_fresh(self, vectors: Floats) -> VectorIndex:
        """This index and, found exactly, `vectors` (k, dim) behind all others."""
        wider = VectorIndex(self._built, self._trees, self._trees_path)
        wider._fresh = np.concatenate([self._fresh, vectors]).astype(np.float32)
        return wider

    def __len__(self) -> int:
        return len(self._built) + len(self._fresh)

    @property
    def dim(self) -> int:
        """How many values a vector has."""
        return int(self._built.shape[1])

    @property
    def table(self) -> Floats:
        """All vectors, built and fresh."""
        return np.concatenate([self._built, self._fresh]) if len(self._fresh) else self._built

    def rows(self, positions: Positions) -> Floats:
        """The vectors at `positions`."""
        if not len(self._fresh):
            return np.asarray(self._built[positions])
        found = np.empty((len(positions), self._built.shape[1]), dtype=np.float32)
        fresh = positions >= len(self._built)
        found[~fresh] = self._built[positions[~fresh]]
        found[fresh] = self._fresh[positions[fresh] - len(self._built)]
        return found

    def nearest(self, vector: Floats, k: int, effort: float = 1.0, most_looks: float = math.inf) -> Positions:
        """Up to `k` positions, nearest first; ties by position, so that the same question has the same answer.

        Of the nodes that find nearly all of them, `most_looks` at most, that share is inspected which `effort` says; with
        less of either some of the nearest are missed.
        """
        k = min(max(k, 0), len(self))
        # What is not in the trees: all of a small table, and whatever came after the trees were built.
        mapped = self._trees.get_n_items() if self._trees is not None else 0
        found = [np.arange(mapped, len(self), dtype=np.int64)]
        cosines = [self._built[mapped:] @ vector, self._fresh @ vector]
        if self._trees is not None and k:
            inspected = effort * min(looks(mapped, k), most_looks)
            places = self._trees.get_nns_by_vector(vector, k, search_k=max(int(inspected), k))
            found.append(np.asarray(places, dtype=np.int64))
            cosines.append(self._built[found[-1]] @ vector)
        return _first(np.concatenate(found), np.concatenate(cosines), k)


def looks(n: int, k: int) -> int:
    """How many nodes are inspected among `n` vectors for the `k` nearest: recall of 20 at 0.99 and more, as measured."""
    return max(LEAST_LOOKS, LOOKS_PER_WANTED * k, int(LOOKS_SHARE * n**LOOKS_GROWTH))


def _first(found: Positions, cosines: Floats, k: int) -> Positions:
    if len(found) > k > 0:
        # All that tie with the k-th stay in, so that ties are told apart by position alone.
        kept = cosines >= np.partition(cosines, -k)[-k]
        found, cosines = found[kept], cosines[kept]
    return found[np.lexsort((found, -cosines))[:k]]
