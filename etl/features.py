"""What a track sounds like, in 64 numbers: MFCCs, spectral centroid and zero-crossing rate, from one spectrogram.

In: mono float32 samples at 22,050 Hz, block by block, so that a file of hours needs no more than its frames in memory.
Out: `Features`: the numbers of the whole track and of up to eight equal parts. The values equal those of librosa's own calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import librosa
import numpy as np

from etl.spectrum import HOP, N_MFCC, SAMPLE_RATE, Frames, Samples, measure_frames
from infra.errors import AudioError
from infra.models import Features

__all__ = ["FEATURE_NAMES", "FEATURE_VERSION", "MFCC_VALUES", "measure"]

FEATURE_VERSION = 1
PARTS = 8
PART_SECONDS = 5

FEATURE_NAMES = (
    *(f"mfcc_{i}_mean" for i in range(N_MFCC)),
    *(f"mfcc_{i}_std" for i in range(N_MFCC)),
    *(f"mfcc_{i}_delta_std" for i in range(N_MFCC)),
    "centroid_mean_hz",
    "centroid_std_hz",
    "zcr_mean",
    "zcr_std",
)
"""The order of `Features.values`."""

MFCC_VALUES = 3 * N_MFCC
"""So many of the values, from the first, describe MFCCs."""


def measure(blocks: Iterable[Samples]) -> Features:
    """The features of a track; raises `AudioError` at stage "features" for samples that are not finite."""
    frames = measure_frames(blocks)
    deltas = librosa.feature.delta(frames.mfcc)
    total = frames.zcr.shape[-1]
    parts = min(PARTS, total * HOP // (PART_SECONDS * SAMPLE_RATE))
    edges = np.linspace(0, total, parts + 1).astype(int).tolist() if parts > 1 else [0]
    return Features(
        version=FEATURE_VERSION,
        values=_summary(frames, deltas, slice(None)),
        segments=tuple(_summary(frames, deltas, slice(a, b)) for a, b in pairwise(edges)),
    )


def _summary(frames: Frames, deltas: Samples, part: slice) -> tuple[float, ...]:
    mfcc, centroid, zcr = frames.mfcc[:, part], frames.centroid_hz[part], frames.zcr[part]
    values = np.concatenate(
        [
            mfcc.mean(axis=1, dtype=np.float64),
            mfcc.std(axis=1, dtype=np.float64),
            deltas[:, part].std(axis=1, dtype=np.float64),
            [centroid.mean(dtype=np.float64), centroid.std(dtype=np.float64)],
            [zcr.mean(dtype=np.float64), zcr.std(dtype=np.float64)],
        ]
    )
    if not np.isfinite(values).all():
        raise AudioError("features", "its sound gives numbers that are not finite")
    return tuple(values.tolist())
