"""What is measured in every frame: MFCCs, spectral centroid, zero-crossing rate, from one short-time Fourier transform.

In: mono float32 samples at 22,050 Hz, block by block. Out: `Frames`, a column every 512 samples, equal to librosa's own calls.
A block becomes frames at once, so a file of hours holds no more than its measurements in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import librosa
import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from infra.errors import AudioError

__all__ = ["HOP", "N_FFT", "N_MFCC", "SAMPLE_RATE", "Frames", "Samples", "measure_frames"]

SAMPLE_RATE = 22_050
N_FFT = 2048
HOP = 512
N_MFCC = 20
N_MELS = 128
TOP_DB = 80.0
SMALLEST_POWER = 1e-10
"""librosa's `amin`: what is under it counts as this much."""
AT_ONCE = 32
"""Frames transformed together: their spectra stay in the processor's cache."""

Samples = NDArray[np.float32]


class Frames(NamedTuple):
    """Measurements along the last axis, `n` frames."""

    mfcc: Samples
    """(20, n)"""
    centroid_hz: Samples
    """(n,)"""
    zcr: Samples
    """(n,) share of neighbouring samples of different sign"""


class _Basis(NamedTuple):
    """What is the same for every frame, laid out for one matrix product each."""

    window: NDArray[np.float64]
    """In double precision, and so is the transform: single rounds the centroid of deep bass off by more than 0.01 %."""
    mel: Samples
    """(1025, 128)"""
    dct: Samples
    """(128, 20)"""
    hz: Samples
    """(1025,)"""


def measure_frames(blocks: Iterable[Samples]) -> Frames:
    """All measurements of all frames, centred and padded as librosa does.

    Raises `AudioError` at stage "decode" for no samples and at stage "features" for samples that are not finite.
    """
    log_mel, centroids, rates = [], [], []
    for zero_padded, edge_padded in _overlapping(blocks):
        mel, centroid = _spectral(zero_padded)
        log_mel.append(mel)
        centroids.append(centroid)
        rates.append(_crossings(edge_padded))
    if not log_mel:
        raise AudioError("decode", "nothing in it can be decoded")
    return Frames(_mfcc(log_mel), np.concatenate(centroids), np.concatenate(rates))


def _spectral(signal: Samples) -> tuple[Samples, Samples]:
    """Log-mel bands (n, 128) in dB and centroids (n,) in Hz of the frames of a padded signal."""
    basis = _basis()
    frames = sliding_window_view(signal, N_FFT)[::HOP]
    mel = np.empty((len(frames), N_MELS), np.float32)
    centroid = np.empty(len(frames), np.float32)
    for start in range(0, len(frames), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        spectrum = scipy.fft.rfft(frames[rows] * basis.window, axis=1, overwrite_x=True)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        mel[rows] = power @ basis.mel
        magnitude = np.sqrt(power, out=power)
        total = magnitude.sum(axis=1)
        centroid[rows] = (magnitude @ basis.hz) / np.where(total < np.finfo(np.float32).tiny, 1.0, total)
    return 10 * np.log10(np.maximum(mel, SMALLEST_POWER)), centroid


def _mfcc(log_mel: list[Samples]) -> Samples:
    """MFCCs of all frames; the floor lies 80 dB under the loudest of the whole track, so it comes last."""
    floor = max(float(block.max()) for block in log_mel) - TOP_DB
    return np.concatenate([np.maximum(block, floor) @ _basis().dct for block in log_mel]).T


def _crossings(signal: Samples) -> Samples:
    """Share of each frame's samples that differ in sign from the one before; those within 1e-10 of zero count as zero."""
    negative = signal < -SMALLEST_POWER
    crossed = np.empty(signal.size, np.int32)
    crossed[0] = 0
    np.not_equal(negative[1:], negative[:-1], out=crossed[1:], casting="unsafe")
    before = np.concatenate(([0], np.cumsum(crossed)))
    starts = np.arange(0, signal.size - N_FFT + 1, HOP)
    # The first sample of a frame has none before it in the frame, and librosa counts it as a crossing there.
    inside = before[starts + N_FFT] - before[starts + 1]
    return (inside / N_FFT).astype(np.float32)


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


@cache
def _basis() -> _Basis:
    window = librosa.filters.get_window("hann", N_FFT)
    mel = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS)
    dct = scipy.fft.dct(np.eye(N_MELS), axis=1, norm="ortho")[:, :N_MFCC]
    hz = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT)
    return _Basis(window, *(np.ascontiguousarray(m, np.float32) for m in (mel.T, dct, hz)))
