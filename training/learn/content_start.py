"""Where the content part begins: sound with what varies within a track evened out, and behaviour foretold from it.

In: sound vectors of tracks and of their parts, the behaviour table. Out: a `Content` in closed form, that training goes
on from: few tracks are enough for it, where gradients alone would learn them by heart.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.cooccurrence import ragged
from training.data.dataset import TrainingData
from training.data.vectors import Floats
from training.recommend.encoder import Content

__all__ = ["ContentStart", "content_start", "evened"]

Matrix = NDArray[np.float64]

HIDDEN = 256
MOST_TRACKS = 20_000
"""Looked at, evenly over the library."""
PRIOR_TRACKS = 60
"""With this many tracks, what they teach counts as much as the plain sound vectors; with fewer, less."""
PACE = 0.03
"""How fast many tracks change the beginning, beside the rest of the network: it is good already."""
SOUND_LENGTH = 0.3
"""Of the sound itself beside a behaviour of length 1; without any plays it is 1."""
RANK = 32
"""Leading dimensions of the behaviour table that are foretold: the others are particular to single tracks."""
USUAL_PLAYS = 5.0
"""A track with this many plays counts half of one that is always played."""
PENALTIES = np.geomspace(0.1, 1_000, 24)


class ContentStart(NamedTuple):
    """Where training begins."""

    content: Content
    pace: float
    """What a step of learning changes, beside one of the rest of the network."""


def content_start(data: TrainingData, behaviour: Floats, seed: int) -> ContentStart | None:
    """A content part over the vectors of `data.sound`, into the space of `behaviour` (n, dim); None without sound."""
    d, dim = data.sound.shape[1], behaviour.shape[1]
    if not d:
        return None
    rng = np.random.default_rng(seed)
    even = evened(data)
    up = rng.normal(scale=math.sqrt(2 / HIDDEN), size=(HIDDEN, d)) @ even
    played = np.flatnonzero((data.counts > 0) & data.sound.any(axis=1))
    straight, down = _turn(d, dim, rng) @ even, np.zeros((dim, HIDDEN))
    if len(played) > 1:
        played = played[:: math.ceil(len(played) / MOST_TRACKS)]
        seen = np.hstack([data.sound[played] @ even, np.maximum(data.sound[played] @ up.T, 0)])
        known = data.counts[played] / (data.counts[played] + USUAL_PLAYS)
        foretold = _ridge(seen, behaviour[played, :RANK].astype(np.float64), known)
        straight *= SOUND_LENGTH
        straight[:RANK] += foretold[:d].T @ even
        down[:RANK] = foretold[d:].T
    weights = {"straight.weight": straight, "up.weight": up, "up.bias": np.zeros(HIDDEN), "down.weight": down}
    content = Content({name: np.ascontiguousarray(value, dtype=np.float32) for name, value in weights.items()})
    return ContentStart(content, PACE * _trust(int(data.sound.any(axis=1).sum())))


def evened(data: TrainingData) -> Matrix:
    """(d, d), symmetric: shortens directions in which parts of one track differ, and keeps the mean length of sounds.

    The identity when no track is known in parts.
    """
    d = data.sound.shape[1]
    within, sounds = _within(data), data.sound[data.sound.any(axis=1)]
    if np.trace(within) <= 0 or not len(sounds):
        return np.eye(d)
    within *= d / np.trace(within)
    trust = _trust(len(_in_parts(data)))
    variances, axes = np.linalg.eigh(trust * within + (1 - trust) * np.eye(d))
    matrix: Matrix = (axes / np.sqrt(variances)) @ axes.T
    return np.asarray(matrix / np.linalg.norm(sounds @ matrix, axis=1).mean())


def _trust(tracks: int) -> float:
    """In [0, 1): how far what so many tracks teach is believed."""
    return tracks / (tracks + PRIOR_TRACKS)


def _in_parts(data: TrainingData) -> NDArray[np.int64]:
    return np.flatnonzero(np.diff(data.segments.offsets) > 1)


def _within(data: TrainingData) -> Matrix:
    """The scatter (d, d) of parts of tracks around the mean of their track."""
    parts, tracks = np.diff(data.segments.offsets), _in_parts(data)
    tracks = tracks[:: math.ceil(len(tracks) / MOST_TRACKS) or 1]
    places, owner = ragged(data.segments.offsets[tracks], parts[tracks])
    vectors = data.segments.vectors[places].astype(np.float64)
    means = np.zeros((len(tracks), data.sound.shape[1]))
    np.add.at(means, owner, vectors)
    apart = vectors - (means / parts[tracks][:, None])[owner]
    scatter: Matrix = apart.T @ apart
    return scatter


def _turn(d: int, dim: int, rng: np.random.Generator) -> Matrix:
    """(dim, d), rows or columns orthonormal: keeps distances where there is room for them."""
    axes, _ = np.linalg.qr(rng.normal(size=(max(d, dim), min(d, dim))))
    turn: Matrix = axes if dim >= d else axes.T
    return turn


def _ridge(seen: Matrix, wanted: Matrix, known: Matrix) -> Matrix:
    """(features, k) coefficients from `seen` (n, features) to `wanted` (n, k), rows weighted by `known` (n,).

    The penalty is the one that foretells each row best from the others.
    """
    share = np.sqrt(known)[:, None]
    rows, targets = seen * share, wanted * share
    strengths, axes = np.linalg.eigh(rows.T @ rows)
    strengths, rows = np.maximum(strengths, 0.0), rows @ axes
    toward = rows.T @ targets

    def missed(penalty: float) -> float:
        left = targets - rows @ (toward / (strengths + penalty)[:, None])
        leverage = (rows**2 / (strengths + penalty)).sum(axis=1)
        return float(((left / (1 - leverage)[:, None]) ** 2).sum())

    best = min(PENALTIES, key=missed)
    coefficients: Matrix = axes @ (toward / (strengths + best)[:, None])
    return coefficients
