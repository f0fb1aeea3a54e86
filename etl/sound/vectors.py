"""Vectors of the library: made by one fitted normaliser, and fitted anew when the library has doubled.

In: the features in MongoDB. Out: a vector of the newest normaliser on every track, and one of the normaliser before it,
which the model that serves may have been trained with. Older normalisers are kept.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from etl.patience import patiently
from etl.sound.features import FEATURE_VERSION
from etl.sound.normalise import Normaliser
from infra.errors import StoreError
from infra.models import TrackId, TrackRecord
from infra.store import Holding, Store

__all__ = ["bring_up_to_date"]

SAMPLE = 20_000
"""Most tracks to fit on."""
CHUNK = 500


class _Versioned(NamedTuple):
    version: int
    normaliser: Normaliser


def bring_up_to_date(store: Store, holdings: Collection[Holding], seed: int) -> int:
    """Give every track its vectors; returns the newest normaliser's version, 0 for an empty library.

    `holdings` are the tracks as they are in the store now. Raises `StoreError` when MongoDB stays away.
    """
    measured = [h for h in holdings if h.features_version == FEATURE_VERSION]
    if not measured:
        return 0
    newest = _usable(store, *(patiently(store.normalisers.latest)() or (0, None)))
    if newest is None or len(measured) >= 2 * newest.normaliser.fitted_on:
        newest = _refitted(store, measured, seed)
    former = _usable(store, newest.version - 1)
    stale = {h.id for h in measured if h.vector_version != newest.version}
    for chunk in _chunks(_records(store, stale, of=len(holdings))):
        if former:
            _set_vectors(store, former, [r for r in chunk if former.version not in r.vectors])
        _set_vectors(store, newest, chunk)
    return newest.version


def _usable(store: Store, version: int, state: object = None) -> _Versioned | None:
    """A normaliser that can transform what is measured today."""
    state = state or (patiently(store.normalisers.load)(version) if version > 0 else None)
    normaliser = Normaliser.from_state(state) if state else None  # type: ignore[arg-type]
    return _Versioned(version, normaliser) if normaliser and normaliser.features_version == FEATURE_VERSION else None


def _refitted(store: Store, measured: Collection[Holding], seed: int) -> _Versioned:
    latest = patiently(store.normalisers.latest)()
    ids = sorted(h.id for h in measured)
    chosen = random.Random(seed).sample(ids, min(SAMPLE, len(ids)))  # noqa: S311 - a sample, no secret
    values = np.array([np.array(r.features.values) for r in _records(store, set(chosen), of=len(measured))])
    # The library is what has to double before the next time, whatever the sample.
    normaliser = Normaliser.fit(values).model_copy(update={"fitted_on": len(ids)})
    version = (latest[0] if latest else 0) + 1
    patiently(store.normalisers.save)(version, normaliser.to_state())
    return _Versioned(version, normaliser)


def _set_vectors(store: Store, made_by: _Versioned, records: list[TrackRecord]) -> None:
    if records:
        vectors = made_by.normaliser.transform([r.features.values for r in records]).tolist()
        by_id = {r.track.id: v for r, v in zip(records, vectors, strict=True)}
        patiently(store.tracks.set_vectors)(made_by.version, by_id)


def _records(store: Store, wanted: set[TrackId], *, of: int) -> Iterator[TrackRecord]:
    """The records of these tracks: one by one for a few, by one pass over all `of` them for many."""
    if 2 * len(wanted) < of:
        yield from filter(None, map(patiently(store.tracks.get), sorted(wanted)))
        return
    left = set(wanted)
    while left:
        try:
            for record in store.tracks.scan():
                if record.track.id in left:
                    left.discard(record.track.id)
                    yield record
            return
        except StoreError:
            patiently(store.ping)()


def _chunks(records: Iterable[TrackRecord]) -> Iterator[list[TrackRecord]]:
    rest = iter(records)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
