"""From natural units to vectors that can be compared: standardised, MFCCs reduced by PCA, unit length.

In: feature values of many tracks, (n, 64). Out: a frozen `Normaliser` whose state is plain lists, and (n, k) unit vectors.
The same object turns parts of tracks into vectors for training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from etl.features import FEATURE_VERSION, MFCC_VALUES
from infra.models import Frozen

__all__ = ["Normaliser"]

VARIANCE_KEPT = 0.95
NOTHING = 1e-9
"""Standard deviations under this are rounding."""

Matrix = NDArray[np.float64]


class Normaliser(Frozen):
    """A fitted scaler and PCA; `components` is (k - 4, 60): the rest of the values stay beside the reduced MFCCs."""

    features_version: int
    fitted_on: int
    """How many tracks it was fitted on."""
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    components: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, values: Iterable[Sequence[float]] | ArrayLike) -> Self:
        """Fit on (n, 64) values, n of at least 1; raises `ValueError` for none."""
        matrix = np.asarray(values if hasattr(values, "__array__") else list(values), np.float64)  # type: ignore[arg-type]
        if matrix.ndim != 2 or not len(matrix):
            raise ValueError("there are no tracks to fit a normaliser on")
        scaler = StandardScaler().fit(matrix)
        scale = np.where(scaler.scale_ > 0, scaler.scale_, 1.0)
        return cls(
            features_version=FEATURE_VERSION,
            fitted_on=len(matrix),
            mean=tuple(scaler.mean_.tolist()),
            scale=tuple(scale.tolist()),
            components=tuple(
                tuple(row) for row in _components(((matrix - scaler.mean_) / scale)[:, :MFCC_VALUES]).tolist()
            ),
        )

    @property
    def width(self) -> int:
        """k, the length of the vectors."""
        return len(self.components) + len(self.mean) - MFCC_VALUES

    def transform(self, values: Iterable[Sequence[float]] | ArrayLike) -> NDArray[np.float32]:
        """(n, 64) values to (n, k) vectors of unit length."""
        matrix = np.asarray(values if hasattr(values, "__array__") else list(values), np.float64)  # type: ignore[arg-type]
        if not len(matrix):
            return np.empty((0, self.width), np.float32)
        standard = (matrix - np.asarray(self.mean)) / np.asarray(self.scale)
        vectors = np.hstack([standard[:, :MFCC_VALUES] @ np.asarray(self.components).T, standard[:, MFCC_VALUES:]])
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


def _components(standard: Matrix) -> Matrix:
    if np.abs(standard).max() < NOTHING:  # one track, or only copies of one: there is no variance to keep
        return np.eye(1, standard.shape[1])
    components: Matrix = PCA(n_components=VARIANCE_KEPT, svd_solver="full").fit(standard).components_
    return components
