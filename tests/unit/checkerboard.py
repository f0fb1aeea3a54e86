"""Data whose right answers are known: even tracks are played with even ones, odd with odd; two sounds likewise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infra.models import TrackId
from training.data.dataset import Segments, Sessions, TrainingData
from training.data.signals import Signal

ARTISTS = 10


def track(i: int) -> TrackId:
    return TrackId(f"t{i:03d}")


def liked(*places: int) -> list[Signal]:
    return [Signal(track(place), 1.0, at) for at, place in enumerate(places)]


def flat(sessions: Sequence[Sequence[int]], weights: Sequence[Sequence[float]] | None = None) -> Sessions:
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sessions])]).astype(np.int64)
    items = np.array([item for s in sessions for item in s], dtype=np.int32)
    given = [w for s in weights for w in s] if weights is not None else [1.0] * len(items)
    return Sessions(offsets, items, np.array(given, dtype=np.float32))


def two_sounds(n: int, d: int = 8, noise: float = 0.3, seed: int = 1) -> np.ndarray:
    """(n, d) unit vectors: even tracks around one direction, odd ones around another."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(scale=noise, size=(n, d)) / np.sqrt(d)
    vectors[np.arange(n), np.arange(n) % 2] += 1.0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def library(
    n: int,
    sessions: Sequence[Sequence[int]] = (),
    *,
    weights: Sequence[Sequence[float]] | None = None,
    holdout: Sequence[Sequence[int]] = (),
    d: int = 8,
    parts: int = 3,
) -> TrainingData:
    """`n` tracks of ten artists with two sounds (none for d of 0) and the given sessions."""
    sound = two_sounds(n, d) if d else np.zeros((n, 0), dtype=np.float32)
    rng = np.random.default_rng(2)
    segments = np.repeat(sound, parts, axis=0) + rng.normal(scale=0.05, size=(n * parts, d))
    train = flat(sessions, weights)
    return TrainingData(
        track_ids=[track(i) for i in range(n)],
        artists=[f"artist {i % ARTISTS}" for i in range(n)],
        albums=[""] * n,
        sound=sound,
        segments=Segments(np.arange(n + 1, dtype=np.int64) * parts, segments.astype(np.float32)),
        train=train,
        holdout=flat(holdout),
        counts=np.bincount(train.wanted().items, minlength=n),
    )


def checkerboard(n: int = 24, sessions: int = 60, *, played: int | None = None, d: int = 8) -> TrainingData:
    """Sessions of six even or six odd tracks, of the first `played` ones."""
    rng = np.random.default_rng(3)
    among = np.arange(played or n)
    drawn = [rng.choice(among[among % 2 == s % 2], 6, replace=False).tolist() for s in range(sessions)]
    return library(n, drawn, d=d)
