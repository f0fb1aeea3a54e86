"""Pictures of a training: curves by epoch, and a map of the items.

In: what epochs measured; item vectors with their artists. Out: figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA

__all__ = ["curves", "item_map"]

MOST_ON_MAP = 2_000
COLOURED = 12
"""Artists with a colour of their own, those with most tracks; the others are grey."""


def curves(measured: Mapping[str, Sequence[tuple[int, float]]]) -> Figure:
    """One panel a name, its `(epoch, value)` joined by a line."""
    figure = Figure(figsize=(4 * len(measured), 3), layout="constrained")
    for axes, (name, points) in zip(figure.subplots(1, len(measured), squeeze=False)[0], measured.items(), strict=True):
        axes.plot(*zip(*points, strict=True), marker=".")
        axes.set(title=name, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def item_map(items: NDArray[np.float32], artists: Sequence[str], plays: NDArray[np.int64]) -> Figure:
    """Items (n, dim) on their two main axes, n of 2 or more: the most played ones, coloured by artist, bigger with more plays."""
    shown = np.sort(np.argsort(-plays, kind="stable")[:MOST_ON_MAP])
    places = PCA(n_components=2, svd_solver="full").fit_transform(np.asarray(items[shown], dtype=np.float64))
    named = np.array([artists[i] or "no artist" for i in shown])
    frequent = [artist for artist, _ in Counter(named[named != "no artist"]).most_common(COLOURED)]
    sizes = 12 + 40 * np.sqrt(plays[shown] / max(plays.max(), 1))
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots()
    rest = ~np.isin(named, frequent)
    axes.scatter(places[rest, 0], places[rest, 1], sizes[rest], color="#bbbbbb", alpha=0.6, linewidths=0)
    for number, artist in enumerate(frequent):
        own, colour = named == artist, colormaps["tab20"](number)
        axes.scatter(places[own, 0], places[own, 1], sizes[own], color=colour, linewidths=0, label=artist[:30])
    axes.set(title=f"{len(shown)} tracks where the model places them", xticks=[], yticks=[])
    if frequent:
        for text in figure.legend(loc="outside right upper", fontsize=8, frameon=False).get_texts():
            text.set_parse_math(False)
    return figure
