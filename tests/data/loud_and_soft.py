"""A library whose right answers are known: six loud tracks and six soft ones, and evenings on which only loud ones are heard."""

from __future__ import annotations

import numpy as np

from etl.sound.features import FEATURE_NAMES, FEATURE_VERSION
from etl.sound.normalise import Normaliser
from infra.events import PlayEvent
from infra.models import Features, TrackRecord
from infra.store import Store
from tests.data.records import play, record

WIDTH = len(FEATURE_NAMES)
TRACKS = [f"{kind} {i}" for kind in ("loud", "soft") for i in range(6)]


def bring_in(store: Store) -> None:
    """The twelve tracks with vectors of normaliser 1."""
    rng = np.random.default_rng(3)
    centres = {"loud": rng.normal(size=WIDTH) * 3, "soft": rng.normal(size=WIDTH) * 3}
    segments = {name: centres[name[:4]] + rng.normal(size=(4, WIDTH)) for name in TRACKS}
    normaliser = Normaliser.fit(np.array([parts.mean(axis=0) for parts in segments.values()]))
    store.normalisers.save(1, normaliser.to_state())
    store.tracks.upsert([_record(name, parts, normaliser) for name, parts in segments.items()])


def evenings(number: int, *, user: str = "me", seed: int = 5, first: int = 0) -> list[PlayEvent]:
    """Four loud tracks on each of so many evenings, heard to their ends."""
    rng = np.random.default_rng(seed)
    loud = [name for name in TRACKS if name.startswith("loud")]
    return [
        play(name, user=user, minute=(first + evening) * 1440 + i * 4)
        for evening in range(number)
        for i, name in enumerate(rng.permutation(loud)[:4])
    ]


def _record(name: str, segments: np.ndarray, normaliser: Normaliser) -> TrackRecord:
    mean = segments.mean(axis=0)
    return record(
        name,
        artist=f"Artist {name[-1]}",
        features=Features(
            version=FEATURE_VERSION,
            values=tuple(mean.tolist()),
            segments=tuple(tuple(part) for part in segments.tolist()),
        ),
        vectors={1: tuple(normaliser.transform([mean])[0].tolist())},
    )
