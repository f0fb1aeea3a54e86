"""The border that every bundle passes before it may answer: whole, able to answer its own example, made for this library.

In: a bundle's folder, and the normalisers of the library. Out: the recommender; `BundleError` for any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import BundleError
from infra.store import NormaliserStore
from training.recommend.recommender import SessionRecommender
from training.registry import versions as registry

__all__ = ["NORMALISER", "accept", "promote"]

NORMALISER = "normaliser"
"""Name of the value in a bundle that holds the scaler and PCA its vectors were made with."""
AGAIN = "`segue train` makes one that fits"


def accept(folder: Path, normalisers: NormaliserStore) -> SessionRecommender:
    """The recommender in `folder`; raises `BundleError` when it may not answer, `StoreError` when MongoDB is away."""
    newest = normalisers.latest()
    recommender = SessionRecommender.load(folder)
    version = recommender.normaliser_version
    held = normalisers.load(version) if version is not None else None
    made_with = _made_with(folder)
    if newest is not None and made_with.get("features_version") != newest[1].get("features_version"):
        raise BundleError(
            f"{folder}: made for features of version {made_with.get('features_version')}, the library has version "
            f"{newest[1].get('features_version')}; {AGAIN}"
        )
    if held is None:
        raise BundleError(f"{folder}: made for normaliser {version}, which the library does not have; {AGAIN}")
    if dict(held) != made_with:
        raise BundleError(f"{folder}: made for another library: its normaliser {version} is not this one's; {AGAIN}")
    return recommender


def promote(uri: str, version: str, models: Path, normalisers: NormaliserStore) -> None:
    """Let `version` serve from now on, if it can; raises `BundleError`, `NotFound`, `ServiceError`."""
    accept(registry.fetch(uri, version, models), normalisers)
    registry.promote(uri, version)


def _made_with(folder: Path) -> Mapping[str, Any]:
    try:
        state: dict[str, Any] = json.loads((folder / f"{NORMALISER}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder}: its normaliser is not in it; {AGAIN}") from error
    return state
