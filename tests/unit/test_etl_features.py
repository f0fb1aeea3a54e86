"""Features: librosa's own numbers, in blocks, finite whatever the sound."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from etl.compose import piece
from etl.features import FEATURE_NAMES, measure
from etl.spectrum import SAMPLE_RATE, measure_frames
from etl.synthesis import render
from infra.errors import AudioError

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def music() -> Samples:
    """Twelve seconds of a composed piece with drums, mono at 22,050 Hz."""
    stereo = render(piece(3).style, seed=3, seconds=12)
    return np.ascontiguousarray(stereo.mean(axis=1)[::2], np.float32)


def blocks(samples: Samples, size: int) -> list[Samples]:
    return [samples[i : i + size] for i in range(0, samples.size, size)]


@pytest.mark.parametrize(("seconds", "size"), [(12, 1 << 20), (12, 50_000), (12, 999), (1.01, 300), (2.5, 22_050)])
def test_frames_equal_librosas(music: Samples, seconds: float, size: int):
    samples = music[: int(seconds * SAMPLE_RATE)]
    frames = measure_frames(blocks(samples, size))
    centroid = librosa.feature.spectral_centroid(y=samples, sr=SAMPLE_RATE)[0]
    np.testing.assert_allclose(frames.mfcc, librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE), atol=0.01)
    np.testing.assert_allclose(frames.centroid_hz, centroid, rtol=1e-4)
    np.testing.assert_array_equal(frames.zcr, librosa.feature.zero_crossing_rate(samples)[0])


def test_values_have_names_and_parts_are_equal(music: Samples):
    features = measure([music])
    assert len(features.values) == len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) == 64
    assert len(features.segments) == 2
    named = dict(zip(FEATURE_NAMES, features.values, strict=True))
    assert 100 < named["centroid_mean_hz"] < 11_025
    assert 0 < named["zcr_mean"] < 1
    halves = np.asarray(features.segments)[:, :20].mean(axis=0)
    np.testing.assert_allclose(halves, features.values[:20], rtol=0.02, atol=0.5)


def test_a_short_piece_has_no_parts(music: Samples):
    assert measure([music[: 9 * SAMPLE_RATE]]).segments == ()


def test_different_music_gives_different_values(music: Samples):
    other = np.ascontiguousarray(render(piece(0).style, seed=0, seconds=4).mean(axis=1)[::2], np.float32)
    assert np.linalg.norm(np.subtract(measure([music]).values, measure([other]).values)) > 10


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
