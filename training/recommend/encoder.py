"""The trained network as plain arrays: the same arithmetic as the Torch modules, without Torch.

In: weights by name, as `training/learn/model.py` exports them. Out: session queries and projected sound vectors,
unit vectors in the space that the items share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.data.vectors import Floats, unit

__all__ = ["Content", "Encoder", "FittedModel"]

Weights = Mapping[str, Floats]

NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class Content:
    """The content tower: from a sound vector of `d` values to the shared space."""

    weights: Weights

    @property
    def inputs(self) -> int:
        """How many values a sound vector has."""
        return int(self.weights["straight.weight"].shape[1])

    def __call__(self, sound: Floats) -> Floats:
        """(n, d) → (n, dim), not normalised: the behaviour part is added before that."""
        w = self.weights
        hidden = np.maximum(sound @ w["up.weight"].T + w["up.bias"], 0)
        return np.asarray(sound @ w["straight.weight"].T + hidden @ w["down.weight"].T, dtype=np.float32)


@dataclass(frozen=True)
class Encoder:
    """The session encoder: from the item vectors of a session, oldest first, to one query."""

    weights: Weights

    @property
    def max_length(self) -> int:
        """How many of the newest items it looks at."""
        return int(self.weights["recency"].shape[0])

    @property
    def repeat_biases(self) -> tuple[float, float]:
        """What an item's cosine over temperature loses for being in the session, and for being its last one."""
        in_session, last = self.weights["repeat"]
        return float(in_session), float(last)

    def __call__(self, vectors: Floats, strengths: Floats) -> Floats:
        """(t, dim) unit vectors and (t,) weights in (0, 1] → (dim,), of length 1."""
        x, strengths = vectors[-self.max_length :], strengths[-self.max_length :]
        h = x + self._attend(self._norm("norm_attention", x))
        h = h + self._linear("down", np.maximum(self._linear("up", self._norm("norm_hidden", h)), 0))
        last = self._norm("norm_last", h[-1])
        w = self.weights
        distances = np.arange(len(x))[::-1]
        logits = (h @ w["pool_key.weight"].T) @ (w["pool_query.weight"] @ h[-1]) / np.sqrt(np.float32(x.shape[1]))
        logits = logits + w["recency"][distances] + w["emphasis"] * np.log(strengths)
        query = _softmax(logits) @ x + w["residual.weight"] @ last
        return unit(np.asarray(query, dtype=np.float32))

    def _attend(self, x: Floats) -> Floats:
        w = self.weights
        heads, (t, dim) = w["distance"].shape[0], x.shape
        q, k, v = self._linear("qkv", x).reshape(t, 3, heads, dim // heads).transpose(1, 2, 0, 3)
        gap = np.arange(t)[:, None] - np.arange(t)[None, :]
        logits = q @ k.transpose(0, 2, 1) / np.sqrt(np.float32(dim // heads)) + w["distance"][:, np.maximum(gap, 0)]
        mixed = _softmax(np.where(gap >= 0, logits, -np.inf)) @ v
        return self._linear("out", mixed.transpose(1, 0, 2).reshape(t, dim))

    def _linear(self, name: str, x: Floats) -> Floats:
        return np.asarray(x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"], dtype=np.float32)

    def _norm(self, name: str, x: Floats) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(NORM_EPSILON))
        normed = centred / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return np.asarray(normed, dtype=np.float32)


@dataclass(frozen=True)
class FittedModel:
    """What training leaves behind."""

    items: Floats
    """(n_tracks, dim) unit vectors; a row of zeros where neither sound nor plays are known."""
    content: Content | None
    """None when no track had a sound vector."""
    encoder: Encoder | None
    """None when there were no sessions to learn from."""
    temperature: float


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float32)
