"""From natural units to vectors that can be compared: standardised, weighted by family, reduced by PCA, unit length.

In: feature values of many tracks, (n, 228). Out: a frozen `Normaliser` whose state is plain lists, and (n, k) unit vectors.
The same object turns parts of tracks into vectors for training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from etl.sound.features import FAMILIES, FEATURE_NAMES, FEATURE_UNITS, FEATURE_VERSION
from infra.models import Frozen

__all__ = ["Normaliser"]

VARIANCE_KEPT = 0.95
FARTHEST = 3.0
"""Standard deviations from the mean; what is farther out counts as this far, so that no single value rules a distance."""
NOTHING = 1e-9
"""Numbers under this are rounding."""

Matrix = NDArray[np.float64]

WEIGHTS: Matrix = np.concatenate([np.full(len(f.names), f.weight / np.sqrt(len(f.names))) for f in FAMILIES])


class Normaliser(Frozen):
    """A fitted scaler and PCA: `mean` and `scale` of the 228 values, `components` (k, 228)."""

    features_version: int
    names: tuple[str, ...] = FEATURE_NAMES
    """What each of the values is, in their order, so that the database explains itself."""
    units: tuple[str, ...] = FEATURE_UNITS
    fitted_on: int
    """How many tracks it was fitted on."""
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    components: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, values: Iterable[Sequence[float]] | ArrayLike) -> Self:
        """Fit on (n, 228) values, n of at least 1; raises `ValueError` for none."""
        matrix = np.asarray(values if hasattr(values, "__array__") else list(values), np.float64)  # type: ignore[arg-type]
        if matrix.ndim != 2 or not len(matrix):
            raise ValueError("there are no tracks to fit a normaliser on")
        scaler = StandardScaler().fit(matrix)
        scale = np.where(scaler.scale_ > 0, scaler.scale_, 1.0)
        components = _components(_weighted(matrix, scaler.mean_, scale))
        return cls(
            features_version=FEATURE_VERSION,
            fitted_on=len(matrix),
            mean=tuple(scaler.mean_.tolist()),
            scale=tuple(scale.tolist()),
            components=tuple(tuple(row) for row in components.tolist()),
        )

    @property
    def width(self) -> int:
        """k, the length of the vectors."""
        return len(self.components)

    def transform(self, values: Iterable[Sequence[float]] | ArrayLike) -> NDArray[np.float32]:
        """(n, 228) values to (n, k) vectors of unit length."""
        matrix = np.asarray(values if hasattr(values, "__array__") else list(values), np.float64)  # type: ignore[arg-type]
        if not len(matrix):
            return np.empty((0, self.width), np.float32)
        weighted = _weighted(matrix, np.asarray(self.mean), np.asarray(self.scale))
        vectors = weighted @ np.asarray(self.components).T
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        # Exactly average in everything: any direction is as good as another, and it must be one.
        vectors[lengths[:, 0] < NOTHING] = np.eye(1, self.width)
        unit: NDArray[np.float32] = (vectors / np.where(lengths < NOTHING, 1.0, lengths)).astype(np.float32)
        return unit

    def to_state(self) -> dict[str, Any]:
        """Plain numbers and lists, for the database."""
        return self.model_dump(mode="json")

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The normaliser that gave this state; the same vectors to the last bit."""
        return cls.model_validate(dict(state))


def _weighted(matrix: Matrix, mean: Matrix, scale: Matrix) -> Matrix:
    standard: Matrix = np.clip((matrix - mean) / scale, -FARTHEST, FARTHEST) * WEIGHTS
    return standard


def _components(weighted: Matrix) -> Matrix:
    if np.abs(weighted).max() < NOTHING:  # one track, or only copies of one: there is no variance to keep
        return np.eye(1, len(FEATURE_NAMES))
    components: Matrix = PCA(n_components=VARIANCE_KEPT, svd_solver="full").fit(weighted).components_
    return components
