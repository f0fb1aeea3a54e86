"""What a track sounds like, in 64 numbers: MFCCs, spectral centroid and zero-crossing rate, from one spectrogram.

In: mono float32 samples at 22,050 Hz, block by block, so that a file of hours needs no more than its frames in memory.
Out: `Features`: the numbers of the whole track and of up to eight equal parts. The values equal those of librosa's own calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import librosa
import numpy as np
from numpy.typing import NDArray

from infra.errors import AudioError
from infra.models import Features

__all__ = ["FEATURE_NAMES", "FEATURE_VERSION", "MFCC_VALUES", "SAMPLE_RATE", "measure", "measure_frames"]

FEATURE_VERSION = 1
SAMPLE_RATE = 22_050
N_MFCC = 20
N_FFT = 2048
HOP = 512
TOP_DB = 80.0
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

Samples = NDArray[np.float32]


class Frames(NamedTuple):
    """Measurements every 512 samples, along the last axis."""

    mfcc: Samples
    centroid_hz: Samples
    zcr: Samples


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


def measure_frames(blocks: Iterable[Samples]) -> Frames:
    """MFCCs, centroid and zero-crossing rate of every frame, centred and padded as librosa does."""
    mel_basis = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT)
    log_mel, centroids, rates = [], [], []
    for zero_padded, edge_padded in _overlapping(blocks):
        magnitude = np.abs(librosa.stft(zero_padded, n_fft=N_FFT, hop_length=HOP, center=False))
        log_mel.append(librosa.power_to_db(mel_basis @ magnitude**2, top_db=None))
        centroids.append(librosa.feature.spectral_centroid(S=magnitude, sr=SAMPLE_RATE, n_fft=N_FFT)[0])
        rates.append(
            librosa.feature.zero_crossing_rate(edge_padded, frame_length=N_FFT, hop_length=HOP, center=False)[0]
        )
    if not log_mel:
        raise AudioError("decode", "nothing in it can be decoded")
    return Frames(_mfcc(log_mel), np.concatenate(centroids), np.concatenate(rates))


def _overlapping(blocks: Iterable[Samples]) -> Iterator[tuple[Samples, Samples]]:
    """The signal in chunks of whole frames, twice: padded with zeros (spectrogram) and with its edge values (crossings)."""
    half = N_FFT // 2
    carry, head = np.zeros(half, np.float32), None
    for block, last in _with_last(blocks):
        if not np.isfinite(block).all():
            raise AudioError("features", "there are samples in it that are no numbers")
        signal = np.concatenate((carry, block, np.zeros(half if last else 0, np.float32)))
        count = (signal.size - N_FFT) // HOP + 1
        if count < 2 and not last:  # two frames at least, so that all of the padding is in the first chunk
            carry = signal
            continue
        chunk, carry = signal[: (count - 1) * HOP + N_FFT], signal[count * HOP :]
        edged = chunk.copy()
        if head is None:
            head = edged[half]
            edged[:half] = head
        if last:
            edged[signal.size - half :] = signal[-half - 1]
        yield chunk, edged


def _with_last(blocks: Iterable[Samples]) -> Iterator[tuple[Samples, bool]]:
    held: Samples | None = None
    for block in blocks:
        if block.size:
            if held is not None:
                yield held, False
            held = block
    if held is not None:
        yield held, True


def _mfcc(log_mel: list[Samples]) -> Samples:
    """MFCCs of all frames; the floor lies 80 dB under the loudest of the whole track, so it comes last."""
    floor = max(float(block.max()) for block in log_mel) - TOP_DB
    return np.concatenate([librosa.feature.mfcc(S=np.maximum(b, floor), n_mfcc=N_MFCC) for b in log_mel], axis=1)


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
