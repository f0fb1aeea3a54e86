"""Sound from a score: chords, bass, melody and percussion, as plain NumPy.

In: a style and a seed. Out: stereo samples at 44,100 Hz; the same seed is the same piece wherever it is made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE", "Style", "Wave", "render"]

RATE = 44_100
PHRASES = 4
Wave = NDArray[np.float64]
Random = np.random.Generator


class Style(NamedTuple):
    """What the pieces of one album have in common."""

    album: str
    artist: str
    genre: str
    bpm: tuple[int, int]
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    """Degrees of the scale, a bar each, again and again."""
    overtones: tuple[float, ...]
    """Strength of the lead's harmonics: few are soft, many are bright."""
    decay_s: float
    """How long a note of the lead rings."""
    notes_a_beat: int
    kick: str
    """Sixteen steps a bar: `x` is a stroke."""
    snare: str
    hat: str


class _Score(NamedTuple):
    """What a seed decided: tempo, key and melody."""

    beat_s: float
    root: int
    """MIDI note of the key."""
    motif: NDArray[np.int64]
    """Degrees of the scale above the chord, a phrase a row."""
    rests: NDArray[np.bool_]

    @property
    def bar_s(self) -> float:
        return 4 * self.beat_s


def render(style: Style, seed: int, seconds: float) -> Wave:
    """The piece as stereo samples, (n, 2), within ±0.9."""
    random = np.random.default_rng(seed)
    score = _score(style, random)
    strokes = (_kick(), _noise(random, 0.18, 0.5), _noise(random, 0.05, 0.95))
    total = int(seconds * RATE)
    lead, pad, bass, drums = (np.zeros(total + 4 * RATE) for _ in range(4))
    for bar in range(int(seconds / score.bar_s) + 1):
        _harmony(style, score, bar, pad, bass)
        _melody(style, score, bar, lead)
        if bar >= 2 or seconds < 10:
            _percussion(style, score, bar, strokes, drums)
    echo = 0.35 * np.roll(lead, int(0.75 * score.beat_s * RATE))
    left = lead + 0.6 * echo + pad + bass + drums
    right = 0.8 * lead + echo + np.roll(pad, 400) + bass + drums
    return _finished(np.stack([left, right], axis=1)[:total])


def _score(style: Style, random: Random) -> _Score:
    shape = (PHRASES, 4 * style.notes_a_beat)
    return _Score(
        beat_s=60 / int(random.integers(*style.bpm, endpoint=True)),
        root=45 + int(random.integers(0, 12)),
        motif=random.integers(0, len(style.scale) + 3, size=shape),
        rests=random.random(shape) < 0.3,
    )


def _harmony(style: Style, score: _Score, bar: int, pad: Wave, bass: Wave) -> None:
    start, degree = bar * score.bar_s, style.chords[bar % len(style.chords)]
    swell = np.sin(np.linspace(0, np.pi, int(score.bar_s * RATE))) ** 0.6
    for step in (0, 2, 4):
        _add(pad, start, 0.16 * swell * _tone(_hz(style, score.root, degree + step), score.bar_s, (1, 0.4, 0.2)))
    note = 0.5 * _plucked(_hz(style, score.root - 12, degree), (1, 0.5, 0.2), 1.6 * score.beat_s)
    for half in (0, 2):
        _add(bass, start + half * score.beat_s, note)


def _melody(style: Style, score: _Score, bar: int, lead: Wave) -> None:
    if bar % 8 == 7:  # a breath
        return
    degree, phrase = style.chords[bar % len(style.chords)], bar // 2 % PHRASES
    for i in np.flatnonzero(~score.rests[phrase]):
        hz = _hz(style, score.root + 12, degree + int(score.motif[phrase, i]))
        start = bar * score.bar_s + float(i) * score.beat_s / style.notes_a_beat
        _add(lead, start, 0.25 * _plucked(hz, style.overtones, style.decay_s))


def _percussion(style: Style, score: _Score, bar: int, strokes: tuple[Wave, ...], drums: Wave) -> None:
    patterns = (style.kick, 0.8), (style.snare, 0.35), (style.hat, 0.14)
    for (pattern, level), stroke in zip(patterns, strokes, strict=True):
        for i, mark in enumerate(pattern):
            if mark == "x":
                _add(drums, bar * score.bar_s + i * score.beat_s / 4, level * stroke)


def _finished(both: Wave) -> Wave:
    """Softly limited, faded in and out, and as loud as the others."""
    n = len(both)
    rise, fall = np.arange(n) / (0.05 * RATE), np.arange(n)[::-1] / (min(3 * RATE, n / 4))
    limited = np.tanh(0.9 * both) * np.minimum(1, np.minimum(rise, fall))[:, None]
    finished: Wave = 0.9 * limited / max(1e-9, float(np.abs(limited).max()))
    return finished


def _hz(style: Style, root: int, degree: int) -> float:
    octave, step = divmod(degree, len(style.scale))
    return float(440 * 2 ** ((root + 12 * octave + style.scale[step] - 69) / 12))


def _tone(hz: float, seconds: float, overtones: tuple[float, ...]) -> Wave:
    t = np.arange(int(seconds * RATE)) / RATE
    audible = [(n, level) for n, level in enumerate(overtones, 1) if level and n * hz < RATE / 2.2]
    sines = [level * np.sin(2 * np.pi * hz * n * t) for n, level in audible]
    whole: Wave = np.sum([np.zeros_like(t), *sines], axis=0) / sum(overtones)
    return whole


def _plucked(hz: float, overtones: tuple[float, ...], decay_s: float) -> Wave:
    wave = _tone(hz, min(3.0, 3 * decay_s), overtones)
    t = np.arange(wave.size) / RATE
    return wave * np.exp(-t / decay_s * 1.5) * np.minimum(1, t / 0.004)


def _kick() -> Wave:
    t = np.arange(int(0.3 * RATE)) / RATE
    stroke: Wave = np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-t * 30)))) * np.exp(-t * 12)
    return stroke


def _noise(random: Random, seconds: float, brightness: float) -> Wave:
    noise = random.normal(size=int(seconds * RATE))
    t = np.arange(noise.size) / RATE
    return (noise - brightness * np.roll(noise, 1)) * np.exp(-t / seconds * 5) * 0.6


def _add(track: Wave, start_s: float, wave: Wave) -> None:
    start = int(start_s * RATE)
    room = max(0, track.size - start)
    track[start : start + wave.size] += wave[:room]
