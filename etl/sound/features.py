"""What a track sounds like, in 228 numbers: timbre and how it moves, brightness, rhythm, pitch and level.

In: mono float32 samples at 22,050 Hz, block by block, so that a file of hours needs no more than its frames in memory.
Out: `Features`: the numbers of the whole track and of up to eight equal parts, in natural units.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import librosa
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from etl.sound.spectrum import (
    FRAMES_PER_PITCH,
    HOP,
    N_CEPSTRUM,
    N_MFCC,
    PITCHES,
    SAMPLE_RATE,
    Frames,
    Samples,
    measure_frames,
)
from infra.errors import AudioError
from infra.models import Features

__all__ = ["FAMILIES", "FEATURE_NAMES", "FEATURE_UNITS", "FEATURE_VERSION", "Family", "measure"]

FEATURE_VERSION = 2
PARTS = 8
PART_SECONDS = 5
LAGS = np.geomspace(8, 512, 25).astype(int)
"""Edges of 24 ranges of frames, from 0.19 s to 11.9 s: beats, bars and phrases."""
NOISE_DB2 = 1.0
"""Added to each variance: one value that never moves must not fill the logarithm of a matrix."""
FAINT_DB = 0.1
"""Under this, a pitch is not heard."""

Values = NDArray[np.float64]


class Family(NamedTuple):
    """Values that belong together, and their weight in the distance between two tracks."""

    names: tuple[str, ...]
    unit: str
    weight: float


AXES = (*range(N_CEPSTRUM), "mean")
TIMBRE = tuple(f"timbre_{AXES[i]}_{AXES[j]}" for i, j in zip(*np.triu_indices(len(AXES)), strict=True))

FAMILIES = (
    Family(tuple(f"mfcc_{i}_mean" for i in range(N_MFCC)), "dB", 0.4),
    Family(("centroid_mean", "centroid_std"), "Hz", 0.14),
    Family(("zcr_mean", "zcr_std"), "share of samples", 0.14),
    Family(TIMBRE, "log dB²", 0.7),
    Family(tuple(f"timbre_delta_{i}_std" for i in range(N_CEPSTRUM)), "dB", 0.25),
    Family(tuple(f"rhythm_{lag * HOP / SAMPLE_RATE:.2f}s" for lag in LAGS[:-1]), "correlation", 0.4),
    Family(tuple(f"pitch_{midi}" for midi in PITCHES), "log dB", 0.6),
    Family(("level_std", "level_change_std"), "dB", 0.25),
)
"""The order of `Features.values`. Timbre is the matrix logarithm of a Gaussian, the mean and covariance of the low cepstrum;
rhythm the autocorrelation of onsets at lags from so many seconds on; pitch how far each semitone stands out."""

FEATURE_NAMES = tuple(name for family in FAMILIES for name in family.names)
FEATURE_UNITS = tuple(family.unit for family in FAMILIES for _ in family.names)


def measure(blocks: Iterable[Samples]) -> Features:
    """The features of a track; raises `AudioError` at stage "features" for samples that are not finite."""
    frames = measure_frames(blocks)
    deltas = librosa.feature.delta(frames.cepstrum, mode="nearest")
    total = frames.zcr.shape[-1]
    parts = min(PARTS, total * HOP // (PART_SECONDS * SAMPLE_RATE))
    edges = np.linspace(0, total, parts + 1).astype(int).tolist() if parts > 1 else [0]
    return Features(
        version=FEATURE_VERSION,
        values=_summary(frames, deltas, 0, total),
        segments=tuple(_summary(frames, deltas, a, b) for a, b in pairwise(edges)),
    )


def _summary(frames: Frames, deltas: Samples, start: int, stop: int) -> tuple[float, ...]:
    part = slice(start, stop)
    pitched = slice(-(-start // FRAMES_PER_PITCH), -(-stop // FRAMES_PER_PITCH))
    centroid, zcr, level = frames.centroid_hz[part], frames.zcr[part], frames.level_db[part]
    values = np.concatenate(
        [
            frames.mfcc[:, part].mean(axis=1, dtype=np.float64),
            [centroid.mean(dtype=np.float64), centroid.std(dtype=np.float64)],
            [zcr.mean(dtype=np.float64), zcr.std(dtype=np.float64)],
            _gaussian(frames.cepstrum[:, part]),
            deltas[:, part].std(axis=1, dtype=np.float64),
            _rhythm(frames.onset_db[part]),
            np.log(frames.pitch_db[:, pitched].mean(axis=1, dtype=np.float64) + FAINT_DB),
            [level.std(dtype=np.float64), np.diff(level, prepend=level[:1]).std(dtype=np.float64)],
        ]
    )
    if not np.isfinite(values).all():
        raise AudioError("features", "its sound gives numbers that are not finite")
    # In the precision that they are kept in: what comes back from the database is what was measured.
    return tuple(values.astype(np.float32).tolist())


def _gaussian(frames: Samples) -> Values:
    """Mean and covariance as one positive matrix, [[C + m mᵀ, m], [mᵀ, 1]]; the upper triangle of its logarithm.

    Euclidean distance between two of these is the log-Euclidean one between the matrices.
    """
    mean = np.append(frames.mean(axis=1, dtype=np.float64), 1.0)
    matrix = np.outer(mean, mean)
    matrix[:-1, :-1] += np.cov(frames, bias=True, dtype=np.float64) + NOISE_DB2 * np.eye(N_CEPSTRUM)
    eigenvalues, eigenvectors = np.linalg.eigh(matrix)
    logarithm = (eigenvectors * np.log(np.maximum(eigenvalues, np.finfo(float).tiny))) @ eigenvectors.T
    rows, columns = np.triu_indices(len(matrix))
    triangle: Values = logarithm[rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2))
    return triangle


def _rhythm(onset_db: Samples) -> Values:
    """The highest autocorrelation of the onsets in each range of lags; 0 where the part is shorter than twice the lag."""
    centred = onset_db - onset_db.mean(dtype=np.float64)
    n = len(centred)
    size = scipy.fft.next_fast_len(2 * n, real=True)
    products = scipy.fft.irfft(np.abs(scipy.fft.rfft(centred, size)) ** 2, size)[: n // 2 + 1]
    correlation = np.zeros(LAGS[-1] + 1)
    if products[0] > n * 1e-6:
        held = min(len(products), len(correlation))
        correlation[:held] = (products / products[0] * n / (n - np.arange(len(products))))[:held]
    return np.array([correlation[a:b].max() for a, b in pairwise(LAGS)])
