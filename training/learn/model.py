"""The network: items from sound and behaviour in one space, and a session encoder that asks in the same space.

In: `ModelConfig` and the sizes of the data. Out: Torch modules, and their weights by name for `training/recommend/encoder.py`,
which repeats the arithmetic in numpy.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as nnf

from training.data.dataset import TrainingData
from training.data.vectors import Floats
from training.learn.content_start import ContentStart
from training.learn.neighbours import Neighbours
from training.recommend.encoder import Content, Encoder
from training.recommend.ranking import Ranking

__all__ = ["ContentTower", "ItemTable", "ModelConfig", "SessionEncoder"]

HEADS = 4
HIDDEN = 256
BORROWED = (0.0, 0.3)
"""At first: the logit of what a track without plays borrows, and what it loses with the logarithm of plays."""
RECENCY = 0.2
"""Logit that an item loses at first for each step back in the session."""


class ModelConfig(BaseModel):
    """What may be tuned. The defaults suit a household and a million plays: what must grow with the data does so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lr: float = Field(default=0.003, gt=0)
    batch_size: int = Field(default=512, ge=1)
    """Sessions a step, at most; small data takes smaller steps and more of them."""
    dim: int = Field(default=192, ge=8, multiple_of=HEADS)
    epochs: int = Field(default=6, ge=1)
    temperature: float = Field(default=0.06, ge=0.02)
    """Of the cosines; under 0.02 their exponentials leave single precision."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Of the encoder's input vectors."""
    content_dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of items whose behaviour part is left out of a step, so that sound alone must place them."""
    negatives: int = Field(default=3_000, ge=1)
    """Sampled a step; a smaller library is ranked whole."""
    sound_weight: float = Field(default=0.1, ge=0)
    """Of the contrast between parts of tracks, beside the loss over sessions."""
    skip_weight: float = Field(default=0.2, ge=0)
    """Of the loss that keeps skipped tracks from the query."""
    max_length: int = Field(default=50, ge=2)
    """Newest tracks of a session that the encoder looks at."""
    seed: int = 7
    ranking: Ranking = Ranking()


class ContentTower(nn.Module):
    """From a sound vector to the shared space: a beginning in closed form, and what is learned on top of it, slowly."""

    def __init__(self, start: ContentStart) -> None:
        super().__init__()
        weights = start.content.weights
        names = ("straight.weight", "up.weight", "up.bias", "down.weight")
        self.straight, self.up, self.bias, self.down = (_Slow(weights[name], start.pace) for name in names)

    def forward(self, sound: Tensor) -> Tensor:
        """(n, d) → (n, dim), not normalised."""
        hidden = torch.relu(nnf.linear(sound, self.up(), self.bias()))
        return nnf.linear(sound, self.straight()) + nnf.linear(hidden, self.down())

    def arrays(self) -> Content:
        """The weights, for numpy."""
        parts = {"straight.weight": self.straight, "up.weight": self.up, "up.bias": self.bias, "down.weight": self.down}
        return Content({name: part().detach().cpu().numpy() for name, part in parts.items()})


class _Slow(nn.Module):
    """A weight that leaves its beginning at `pace`: Adam's own steps are as long for one weight as for another."""

    start: Tensor

    def __init__(self, start: Floats, pace: float) -> None:
        super().__init__()
        self._pace = pace
        self.register_buffer("start", torch.from_numpy(start))
        self.learned = nn.Parameter(torch.zeros(start.shape))

    def forward(self) -> Tensor:
        return self.start + self._pace * self.learned


class ItemTable(nn.Module):
    """Unit vectors of items: content, behaviour and what neighbours lend to it, normalised."""

    sound: Tensor
    played: Tensor
    near: Tensor
    shares: Tensor
    plays: Tensor

    def __init__(
        self,
        data: TrainingData,
        behaviour: Floats,
        around: Neighbours,
        content: ContentStart | None,
        content_dropout: float,
    ) -> None:
        super().__init__()
        self.behaviour = nn.Parameter(torch.from_numpy(behaviour))
        self.content = ContentTower(content) if content is not None else None
        self.content_dropout = content_dropout
        self.borrowed = nn.Parameter(torch.tensor(BORROWED))
        fixed = {
            "sound": data.sound,
            "near": around.places,
            "shares": around.shares,
            "plays": np.log1p(data.counts, dtype=np.float32)[:, None],
        }
        for name, values in fixed.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        # A track without plays has no behaviour part, and never gets one from being sampled as a negative.
        played = torch.from_numpy(np.abs(behaviour).sum(axis=1, keepdims=True) > 0).float()
        self.register_buffer("played", played, persistent=False)

    def forward(self, items: Tensor) -> Tensor:
        """(k,) positions → (k, dim)."""
        vectors = nnf.embedding(items, self.behaviour) * self.played[items] + self._lent(items)
        if self.content is not None:
            if self.training and self.content_dropout:
                vectors = vectors * (torch.rand(len(items), 1, device=items.device) >= self.content_dropout)
            vectors = vectors + self.content(self.sound[items])
        return nnf.normalize(vectors, dim=-1)

    def _lent(self, items: Tensor) -> Tensor:
        """What neighbours lend to the behaviour of `items`, (k, dim): the more plays a track has, the less."""
        shares = self.shares[items]
        if self.training:
            # A session is among what made the next track a neighbour; later ones will not be.
            shares = nnf.dropout(shares)
        lent = nnf.embedding_bag(self.near[items], self.behaviour, per_sample_weights=shares, mode="sum")
        return torch.sigmoid(self.borrowed[0] - self.borrowed[1] * self.plays[items]) * lent


class SessionEncoder(nn.Module):
    """Attention pooling over the items themselves, its logits from one causal transformer layer and learned recency.

    The query is a mixture of item vectors plus a residual that starts at zero: sessions and items share one space.
    """

    def __init__(self, dim: int, max_length: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.norm_attention, self.norm_hidden, self.norm_last = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, HIDDEN), nn.Linear(HIDDEN, dim)
        self.distance = nn.Parameter(torch.zeros(HEADS, max_length))
        self.pool_query, self.pool_key = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.recency = nn.Parameter(-RECENCY * torch.arange(max_length, dtype=torch.float32))
        self.emphasis = nn.Parameter(torch.ones(()))
        self.residual = nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.residual.weight)
        self.repeat = nn.Parameter(torch.zeros(2))

    def forward(self, vectors: Tensor, strengths: Tensor) -> Tensor:
        """(b, t, dim) unit vectors and (b, t) weights in (0, 1] → the query after each item, (b, t, dim)."""
        t, dim = vectors.shape[1:]
        x = nnf.dropout(vectors, self.dropout, self.training)
        gap = torch.arange(t, device=x.device)[:, None] - torch.arange(t, device=x.device)[None, :]
        future, gap = gap < 0, gap.clamp(min=0)
        h = x + self._attend(self.norm_attention(x), gap, future)
        h = h + self.down(torch.relu(self.up(self.norm_hidden(h))))
        logits = self.pool_query(h) @ self.pool_key(h).transpose(1, 2) / math.sqrt(dim)
        logits = logits + self.recency[gap] + self.emphasis * torch.log(strengths)[:, None, :]
        weights = torch.softmax(logits.masked_fill(future, -math.inf), dim=-1)
        return nnf.normalize(weights @ x + self.residual(self.norm_last(h)), dim=-1)

    def _attend(self, x: Tensor, gap: Tensor, future: Tensor) -> Tensor:
        b, t, dim = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, HEADS, dim // HEADS).permute(2, 0, 3, 1, 4)
        logits = q @ k.transpose(2, 3) / math.sqrt(dim // HEADS) + self.distance[:, gap]
        mixed = torch.softmax(logits.masked_fill(future, -math.inf), dim=-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(b, t, dim))  # type: ignore[no-any-return]

    def arrays(self) -> Encoder:
        """The weights, for numpy."""
        return Encoder(_arrays(self))


def _arrays(module: nn.Module) -> dict[str, Floats]:
    return {name: value.detach().cpu().numpy().astype(np.float32) for name, value in module.state_dict().items()}
