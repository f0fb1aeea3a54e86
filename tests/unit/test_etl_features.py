"""Features: librosa's own numbers where it has them, in blocks, finite whatever the sound, and telling of the music."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.linalg
from numpy.typing import NDArray

from etl.demo.compose import piece
from etl.demo.synthesis import render
from etl.sound.features import FEATURE_NAMES, FEATURE_UNITS, measure
from etl.sound.spectrum import SAMPLE_RATE, measure_frames
from infra.errors import AudioError

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def music() -> Samples:
    """Twelve seconds of a composed piece with drums, mono at 22,050 Hz."""
    stereo = render(piece(3).style, seed=3, seconds=12)
    return np.ascontiguousarray(stereo.mean(axis=1)[::2], np.float32)


def blocks(samples: Samples, size: int) -> list[Samples]:
    return [samples[i : i + size] for i in range(0, samples.size, size)]


def named(samples: Samples) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, measure([samples]).values, strict=True))


def family(samples: Samples, prefix: str) -> NDArray[np.float64]:
    return np.array([value for name, value in named(samples).items() if name.startswith(prefix)])


@pytest.mark.parametrize(("seconds", "size"), [(12, 1 << 20), (12, 50_000), (12, 999), (1.01, 300), (2.5, 22_050)])
def test_frames_equal_librosas(music: Samples, seconds: float, size: int):
    samples = music[: int(seconds * SAMPLE_RATE)]
    frames = measure_frames(blocks(samples, size))
    centroid = librosa.feature.spectral_centroid(y=samples, sr=SAMPLE_RATE)[0]
    np.testing.assert_allclose(frames.mfcc, librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE), atol=0.01)
    np.testing.assert_allclose(frames.centroid_hz, centroid, rtol=1e-4)
    np.testing.assert_array_equal(frames.zcr, librosa.feature.zero_crossing_rate(samples)[0])


@pytest.mark.parametrize("size", [999, 50_000, 131_072])
def test_values_do_not_depend_on_the_blocks(music: Samples, size: int):
    whole, pieces = measure([music]), measure(blocks(music, size))
    np.testing.assert_allclose(pieces.values, whole.values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(pieces.segments, whole.segments, rtol=1e-4, atol=1e-4)


def test_values_have_names_and_units_and_parts_are_equal(music: Samples):
    features = measure([music])
    assert len(features.values) == len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) == len(FEATURE_UNITS) == 228
    assert len(features.segments) == 2
    values = named(music)
    assert 100 < values["centroid_mean"] < 11_025
    assert 0 < values["zcr_mean"] < 1
    halves = np.asarray(features.segments)[:, :20].mean(axis=0)
    np.testing.assert_allclose(halves, features.values[:20], rtol=0.02, atol=0.5)


def test_a_short_piece_has_no_parts(music: Samples):
    assert measure([music[: 9 * SAMPLE_RATE]]).segments == ()


@pytest.mark.parametrize("samples", [1, 600, 22_050])
def test_a_moment_is_enough(music: Samples, samples: int):
    assert len(measure([music[:samples]]).values) == 228


def test_different_music_gives_different_values(music: Samples):
    other = np.ascontiguousarray(render(piece(0).style, seed=0, seconds=4).mean(axis=1)[::2], np.float32)
    assert np.linalg.norm(np.subtract(measure([music]).values, measure([other]).values)) > 10


def test_timbre_is_the_logarithm_of_mean_and_covariance(music: Samples):
    cepstrum = measure_frames([music]).cepstrum.astype(np.float64)
    mean = np.append(cepstrum.mean(axis=1), 1)
    matrix = np.outer(mean, mean)
    matrix[:13, :13] += np.cov(cepstrum, bias=True) + np.eye(13)
    logarithm = scipy.linalg.logm(matrix)
    timbre = [value for name, value in named(music).items() if name.startswith("timbre_") and "delta" not in name]
    assert np.linalg.norm(timbre) == pytest.approx(np.linalg.norm(logarithm), rel=1e-5)
    assert timbre[0] == pytest.approx(logarithm[0, 0], rel=1e-5)


def test_timbre_does_not_hear_what_low_bitrates_leave_out(music: Samples):
    spectrum = scipy.fft.rfft(music)
    hz = scipy.fft.rfftfreq(music.size, 1 / SAMPLE_RATE)
    dull = scipy.fft.irfft(np.where(hz < 6000, spectrum, 0), music.size).astype(np.float32)
    lower = scipy.fft.irfft(np.where(hz < 3000, spectrum, 0), music.size).astype(np.float32)
    change = np.linalg.norm(family(dull, "timbre_") - family(music, "timbre_"))
    assert change < 0.05 * np.linalg.norm(family(lower, "timbre_") - family(music, "timbre_"))


def test_a_tone_stands_out_at_its_pitch_whatever_its_loudness():
    tone = np.sin(2 * np.pi * 440 * np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    for loudness in (1.0, 0.01):
        pitches = {n: v for n, v in named(tone * np.float32(loudness)).items() if n.startswith("pitch_")}
        assert max(pitches, key=lambda n: pitches[n]) == "pitch_69"


def test_the_beat_is_heard_at_its_period():
    clicks = np.zeros(20 * SAMPLE_RATE, np.float32)
    noise = np.random.default_rng(5).normal(size=400).astype(np.float32)
    for start in range(0, clicks.size - 400, int(0.75 * SAMPLE_RATE)):
        clicks[start : start + 400] = noise
    rhythm = {float(n[7:-1]): v for n, v in named(clicks).items() if n.startswith("rhythm_")}
    beat = max(lag for lag in rhythm if lag <= 0.75)
    assert rhythm[beat] > 0.8
    assert max(value for lag, value in rhythm.items() if lag < beat) < 0.3


@pytest.mark.parametrize("level", [0.0, 1e-30, 1.0])
def test_silence_and_constants_give_finite_numbers(level: float):
    features = measure([np.full(6 * SAMPLE_RATE, level, np.float32)])
    assert np.isfinite(features.values).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(music: Samples, bad: float):
    spoilt = music.copy()
    spoilt[70_000] = bad
    with pytest.raises(AudioError, match="no numbers"):
        measure(blocks(spoilt, 60_000))


def test_nothing_at_all_is_refused():
    with pytest.raises(AudioError, match="nothing in it can be decoded"):
        measure([])
