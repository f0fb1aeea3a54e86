"""What training makes small: the next track ranked below others, stretches of a track apart, skips near the query.

In: modules, a batch, negatives. Out: scalar losses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as nnf

from training.data.cooccurrence import ragged
from training.data.dataset import TrainingData
from training.data.vectors import Floats, unit
from training.learn.batches import Batch, Negatives
from training.learn.model import ItemTable, ModelConfig, SessionEncoder

__all__ = ["in_parts", "session_loss", "sound_loss"]

SOUND_BATCH = 256
SOUND_TEMPERATURE = 0.1
RELATED = 0.3
"""What finding tracks of one's album or artist is worth, beside 1 for finding the other stretch of the track."""
SAME_ALBUM, SAME_ARTIST = 1.0, 0.5
SKIP_MARGIN, SKIP_TEMPERATURE = 0.2, 0.1
NEVER = -1e9


def session_loss(
    config: ModelConfig, items: ItemTable, encoder: SessionEncoder, batch: Batch, negatives: Negatives
) -> Tensor:
    """Sampled softmax over what came next, weighted by how much it was wanted, and a push from what was skipped."""
    b, t = batch.items.shape[0], batch.items.shape[1] - 1
    asked = torch.cat([batch.items.flatten(), negatives.items, batch.skipped[:, 2]])
    distinct, place = torch.unique(asked, return_inverse=True)
    vectors = items(distinct)
    sequence = vectors[place[: b * (t + 1)]].view(b, t + 1, -1)
    others = vectors[place[b * (t + 1) :][: len(negatives.items)]]
    queries = encoder(sequence[:, :-1], batch.weights[:, :-1].clamp(min=1e-3))
    target = _targets(config, encoder, batch, queries, sequence, negatives)
    within = _within(config, encoder, batch, queries, sequence)
    beside = _beside(config, batch, queries, others, negatives)
    everything = torch.logsumexp(torch.stack([target, torch.logsumexp(within, dim=-1), beside]), dim=0)
    counted = batch.weights[:, 1:] * (batch.weights[:, :-1] > 0)
    loss = ((everything - target) * counted).sum() / counted.sum().clamp(min=1)
    if len(batch.skipped):
        row, step, _ = batch.skipped.T
        cosines = (queries[row, step.clamp(max=t - 1)] * vectors[place[b * (t + 1) + len(negatives.items) :]]).sum(-1)
        push = nnf.softplus((cosines - SKIP_MARGIN) / SKIP_TEMPERATURE).mean()
        loss = loss + config.skip_weight * push
    return loss


def _earlier(items: Tensor) -> Tensor:
    """(b, t, i): whether item `i` is among the first `t + 1` of the row."""
    t = items.shape[1] - 1
    return torch.ones(t, t, dtype=torch.bool, device=items.device).tril().expand(items.shape[0], t, t)


def _targets(
    config: ModelConfig, encoder: SessionEncoder, batch: Batch, queries: Tensor, sequence: Tensor, negatives: Negatives
) -> Tensor:
    """Logits (b, t) of what really came next."""
    following = batch.items[:, 1:]
    same = (batch.items[:, None, :-1] == following[:, :, None]) & _earlier(batch.items)
    repeats, last = same.any(-1), following == batch.items[:, :-1]
    logits = (queries * sequence[:, 1:]).sum(-1) / config.temperature
    logits = logits - encoder.repeat[0] * repeats - encoder.repeat[1] * last
    return logits - torch.where(repeats, 0.0, negatives.log_chance[following])


def _within(config: ModelConfig, encoder: SessionEncoder, batch: Batch, queries: Tensor, sequence: Tensor) -> Tensor:
    """Logits (b, t, t) of the items already in the session, each once, the next one left out."""
    before, following = batch.items[:, :-1], batch.items[:, 1:]
    alike = before[:, :, None] == before[:, None, :]
    again = alike.tril(-1).any(-1)
    valid = _earlier(batch.items) & ~again[:, None, :] & (before[:, None, :] != following[:, :, None])
    logits = queries @ sequence[:, :-1].transpose(1, 2) / config.temperature
    logits = logits - encoder.repeat[0] - encoder.repeat[1] * alike
    return logits.masked_fill(~valid, NEVER)


def _beside(config: ModelConfig, batch: Batch, queries: Tensor, others: Tensor, negatives: Negatives) -> Tensor:
    """Log of the summed exponentials (b, t) of the negatives' logits, those of the session itself left out."""
    column = torch.full((len(negatives.log_chance),), -1, device=others.device)
    column[negatives.items] = torch.arange(len(negatives.items), device=others.device)
    columns = column[batch.items]
    row, place = torch.nonzero((columns >= 0) & (batch.weights > 0), as_tuple=True)
    # The correction rides along as one more dimension, and the temperature with the queries: two passes less.
    scaled = torch.cat([queries / config.temperature, torch.ones_like(queries[..., :1])], dim=-1)
    corrected = torch.cat([others, -negatives.log_chance[negatives.items][:, None]], dim=-1)
    total = _SumOfExponentials.apply(scaled, corrected, row, columns[row, place])
    return torch.log(total + 1e-20)


class _SumOfExponentials(torch.autograd.Function):
    """Sum over `k` of exp(queries @ others.T), without the entries `(row, :, column)`.

    By hand, because these (b, t, k) numbers are nearly all the work and the memory: bfloat16 all the way to the sums, and
    few passes. Cosines bound the logits, so no maximum has to be taken off first.
    """

    @staticmethod
    def forward(ctx: Any, queries: Tensor, others: Tensor, row: Tensor, column: Tensor) -> Tensor:
        half, table = queries.bfloat16(), others.bfloat16()
        raised = (half @ table.T).exp_()
        raised[row, :, column] = 0.0
        ctx.save_for_backward(half, table, raised)
        return raised.sum(-1, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        half, table, raised = ctx.saved_tensors
        flow = raised.mul_(grads[0][..., None].bfloat16()).flatten(0, 1)
        return (
            (flow @ table).float().view(half.shape),
            (flow.T @ half.flatten(0, 1)).float(),
            None,
            None,
        )


def sound_loss(items: ItemTable, data: TrainingData, rng: np.random.Generator, device: torch.device) -> Tensor:
    """The two stretches of a track belong together, and somewhat the tracks of one album or artist; 0 for no stretches.

    A track seeks its other stretch among those of other artists and albums: its own are not held against it.
    """
    tracks = in_parts(data)
    if items.content is None or len(tracks) < 2:
        return torch.zeros((), device=device)
    tracks = rng.permutation(tracks)[:SOUND_BATCH]
    views = [items.content(torch.from_numpy(view).to(device)) for view in _stretches(data, tracks, rng)]
    one, other = (nnf.normalize(view, dim=-1) for view in views)
    logits = one @ other.T / SOUND_TEMPERATURE
    alike = torch.from_numpy(_alike(data, tracks)).to(device)
    itself = torch.eye(len(tracks), dtype=torch.bool, device=device)
    own, apart = torch.arange(len(tracks), device=device), logits.masked_fill(alike > 0, NEVER)
    found = (nnf.cross_entropy(apart, own) + nnf.cross_entropy(apart.T, own)) / 2
    near = torch.log_softmax(logits.masked_fill(itself, NEVER), dim=-1)
    return found - RELATED * (alike * near).sum() / (alike > 0).any(dim=1).sum().clamp(min=1)


def _stretches(data: TrainingData, tracks: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Unit vectors (k, d) of each track before and after a random cut between two of its parts."""
    begins, parts = data.segments.offsets[tracks], np.diff(data.segments.offsets)[tracks]
    places, _ = ragged(begins, parts)
    edges = np.cumsum(parts) - parts
    cuts = edges + rng.integers(1, parts)
    sums = np.add.reduceat(data.segments.vectors[places], np.stack([edges, cuts], axis=1).ravel(), axis=0)
    return unit(sums[::2]), unit(sums[1::2])


def in_parts(data: TrainingData) -> NDArray[np.int64]:
    """Tracks whose sound is known in several parts."""
    return np.flatnonzero(np.diff(data.segments.offsets) > 1) if data.sound.shape[1] else np.empty(0, dtype=np.int64)


def _alike(data: TrainingData, tracks: NDArray[np.int64]) -> Floats:
    """(k, k): how much each other track of the artist or album belongs to one; rows sum to 1, or to 0 where none does."""
    artists = np.array([data.artists[i] for i in tracks])
    albums = np.array([data.albums[i] for i in tracks])
    same_artist = (artists[:, None] == artists[None, :]) & (artists != "")[:, None]
    same_album = same_artist & (albums[:, None] == albums[None, :]) & (albums != "")[:, None]
    worth = np.where(same_album, SAME_ALBUM, np.where(same_artist, SAME_ARTIST, 0.0))
    np.fill_diagonal(worth, 0.0)
    return np.asarray(worth / np.maximum(worth.sum(axis=1, keepdims=True), SAME_ARTIST), dtype=np.float32)
