"""Vectors of the library: made by one fitted normaliser, and fitted anew when the library has doubled.

In: the features in MongoDB. Out: a vector and its normaliser's version on every track; older normalisers are kept.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import islice

from etl.features import FEATURE_VERSION
from etl.library import patiently
from etl.normalise import Normaliser
from infra.models import TrackId, TrackRecord
from infra.store import Store

__all__ = ["bring_up_to_date"]

SAMPLE = 100_000
"""Most tracks to fit on."""
CHUNK = 500


def bring_up_to_date(store: Store, seed: int) -> int:
    """Give every track a vector of the newest normaliser; returns that normaliser's version, 0 for an empty library."""
    measured = [h for h in store.tracks.holdings() if h.features_version == FEATURE_VERSION]
    if not measured:
        return 0
    latest = store.normalisers.latest()
    version, normaliser = (latest[0], Normaliser.from_state(latest[1])) if latest else (0, None)
    if normaliser and normaliser.features_version == FEATURE_VERSION and len(measured) < 2 * normaliser.fitted_on:
        stale = [h.id for h in measured if h.vector_version != version]
        records: Iterator[TrackRecord] = filter(None, map(store.tracks.get, stale))
    else:
        version += 1
        normaliser = _fit(store, [h.id for h in measured], seed)
        patiently(store.normalisers.save)(version, normaliser.to_state())
        records = _measured(store)
    for chunk in _chunks(records):
        vectors = normaliser.transform([r.features.values for r in chunk])
        by_id = {r.track.id: v for r, v in zip(chunk, vectors.tolist(), strict=True)}
        patiently(store.tracks.set_vectors)(version, by_id)
    return version


def _fit(store: Store, tracks: list[TrackId], seed: int) -> Normaliser:
    chosen = set(random.Random(seed).sample(sorted(tracks), min(SAMPLE, len(tracks))))  # noqa: S311 - a sample, no secret
    return Normaliser.fit([r.features.values for r in _measured(store) if r.track.id in chosen])


def _measured(store: Store) -> Iterator[TrackRecord]:
    return (r for r in store.tracks.scan() if r.features.version == FEATURE_VERSION)


def _chunks(records: Iterable[TrackRecord]) -> Iterator[list[TrackRecord]]:
    rest = iter(records)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
