"""What is measured in every frame: timbre, brightness, level, onsets and pitch, from one short-time Fourier transform.

In: mono float32 samples at 22,050 Hz, block by block. Out: `Frames`, a column every 512 samples; MFCCs, centroid and
zero-crossing rate equal librosa's own calls.
A block becomes frames at once, so a file of hours holds no more than its measurements in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import librosa
import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from infra.errors import AudioError

__all__ = [
    "FRAMES_PER_PITCH",
    "HOP",
    "N_CEPSTRUM",
    "N_FFT",
    "N_MFCC",
    "PITCHES",
    "SAMPLE_RATE",
    "Frames",
    "Samples",
    "measure_frames",
]

SAMPLE_RATE = 22_050
N_FFT = 2048
HOP = 512
N_MFCC = 20
N_MELS = 128
TOP_DB = 80.0
LOW_MELS = 100
"""Bands under 5.2 kHz: encoding at 64 kbit/s leaves these nearly as they were, and empties those above here and there."""
N_CEPSTRUM = 13
PITCHES = range(36, 96)
"""Semitones as MIDI numbers, 65 Hz to 1,976 Hz."""
AROUND = 6
"""So many semitones on each side are a pitch's surroundings."""
FRAMES_PER_PITCH = 4
LEVEL_RANGE_DB = 60.0
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
    cepstrum: Samples
    """(13, n) like the MFCCs, of the mel bands under 5.2 kHz alone: much the same in a file and in its 64 kbit/s copy"""
    level_db: Samples
    """(n,) power of the frame, at most 60 dB under the loudest"""
    onset_db: Samples
    """(n,) mean rise of the mel bands under 5.2 kHz since the frame before"""
    pitch_db: Samples
    """(60, ⌈n / 4⌉) of every fourth frame: how far each semitone stands out of the octave around it"""


class _Chunk(NamedTuple):
    """Measurements of some consecutive frames, along the first axis, before what needs the loudest of the whole track."""

    log_mel: Samples
    centroid_hz: Samples
    level_db: Samples
    pitch_db: Samples


class _Basis(NamedTuple):
    """What is the same for every frame, laid out for one matrix product each."""

    window: NDArray[np.float64]
    """In double precision, and so is the transform: single rounds the centroid of deep bass off by more than 0.01 %."""
    mel: Samples
    """(1025, 128)"""
    dct: Samples
    """(128, 20)"""
    low_dct: Samples
    """(100, 13)"""
    hz: Samples
    """(1025,)"""
    semitones: Samples
    """(m, 72) of the first m bins: those under 3 kHz"""
    above_surroundings: Samples
    """(72, 60)"""


def measure_frames(blocks: Iterable[Samples]) -> Frames:
    """All measurements of all frames, centred and padded as librosa does.

    Raises `AudioError` at stage "decode" for no samples and at stage "features" for samples that are not finite.
    """
    chunks: list[_Chunk] = []
    rates: list[Samples] = []
    first = 0
    for zero_padded, edge_padded in _overlapping(blocks):
        chunks.append(_spectral(zero_padded, first))
        rates.append(_crossings(edge_padded))
        first += len(rates[-1])
    if not chunks:
        raise AudioError("decode", "nothing in it can be decoded")
    log_mel, centroids, levels, pitches = zip(*chunks, strict=True)
    mfcc, cepstrum, onset = _of_log_mel(log_mel)
    level = np.concatenate(levels)
    return Frames(
        mfcc=mfcc,
        centroid_hz=np.concatenate(centroids),
        zcr=np.concatenate(rates),
        cepstrum=cepstrum,
        level_db=np.maximum(level, level.max() - LEVEL_RANGE_DB),
        onset_db=onset,
        pitch_db=np.concatenate(pitches).T,
    )


def _spectral(signal: Samples, first: int) -> _Chunk:
    """What the spectra of a padded signal's frames tell; `first` is the number of the first of them in the track."""
    basis = _basis()
    frames = sliding_window_view(signal, N_FFT)[::HOP]
    mel = np.empty((len(frames), N_MELS), np.float32)
    centroid, level = np.empty(len(frames), np.float32), np.empty(len(frames), np.float32)
    pitched = []
    for start in range(0, len(frames), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        spectrum = scipy.fft.rfft(frames[rows] * basis.window, axis=1, overwrite_x=True)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        mel[rows] = power @ basis.mel
        level[rows] = power.sum(axis=1)
        pitched.append(power[-(first + start) % FRAMES_PER_PITCH :: FRAMES_PER_PITCH, : len(basis.semitones)])
        magnitude = np.sqrt(power, out=power)
        total = magnitude.sum(axis=1)
        centroid[rows] = (magnitude @ basis.hz) / np.where(total < np.finfo(np.float32).tiny, 1.0, total)
    semitones = _decibels(np.concatenate(pitched) @ basis.semitones)
    return _Chunk(_decibels(mel), centroid, _decibels(level), np.maximum(semitones @ basis.above_surroundings, 0))


def _decibels(power: Samples) -> Samples:
    return 10 * np.log10(np.maximum(power, SMALLEST_POWER))


def _of_log_mel(log_mel: Sequence[Samples]) -> tuple[Samples, Samples, Samples]:
    """MFCCs, low cepstrum and onsets; the floor lies 80 dB under the loudest of the whole track, so they come last."""
    floor = max(float(chunk.max()) for chunk in log_mel) - TOP_DB
    mfcc, cepstrum, onset = [], [], []
    before = np.maximum(log_mel[0][:1, :LOW_MELS], floor)
    for chunk in log_mel:
        floored = np.maximum(chunk, floor)
        low = floored[:, :LOW_MELS]
        mfcc.append(floored @ _basis().dct)
        cepstrum.append(low @ _basis().low_dct)
        onset.append(np.maximum(np.diff(low, axis=0, prepend=before), 0).mean(axis=1))
        before = low[-1:]
    return np.concatenate(mfcc).T, np.concatenate(cepstrum).T, np.concatenate(onset)


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
    low_dct = scipy.fft.dct(np.eye(LOW_MELS), axis=1, norm="ortho")[:, :N_CEPSTRUM]
    hz = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT)
    matrices = (mel.T, dct, low_dct, hz, _semitones(hz), _above_surroundings())
    return _Basis(window, *(np.ascontiguousarray(m, np.float32) for m in matrices))


def _semitones(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Triangles one semitone to each side of its centre, and never narrower than the distance of the bins."""
    centres = librosa.midi_to_hz(np.arange(PITCHES.start - AROUND, PITCHES.stop + AROUND))
    reach = np.maximum(centres * (2 ** (1 / 12) - 1), hz[1])
    triangles = np.clip(1 - np.abs(hz[:, None] - centres) / reach, 0, 1)
    triangles /= triangles.sum(axis=0)
    used: NDArray[np.float64] = triangles[: int(triangles.any(axis=1).nonzero()[0][-1]) + 1]
    return used


def _above_surroundings() -> NDArray[np.float64]:
    """Takes from each pitch the mean of itself and the six semitones on each side."""
    n, width = len(PITCHES), 2 * AROUND + 1
    matrix = np.eye(n + 2 * AROUND, n, -AROUND)
    for pitch in range(n):
        matrix[pitch : pitch + width, pitch] -= 1 / width
    return matrix
