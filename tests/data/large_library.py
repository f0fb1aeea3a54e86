"""A large library that was never recorded: names, albums and artists as a collection has them, without any sound; seeded.

In: how many tracks, a seed. Out: `TrackRecord`s for the store. Each track has a vector near its genre's and its artist's,
so that lists, searches, mixes and journeys have something to go by; it cannot be played.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.models import Features, TrackRecord
from tests.data.records import START, record
from training.data.vectors import unit

__all__ = ["LargeLibrary"]

GENRES = (
    *(
        "Ambient",
        "Blues",
        "Bluegrass",
        "Bossa Nova",
        "Chamber",
        "Classical",
        "Country",
        "Dub",
        "Electronic",
        "Flamenco",
    ),
    *("Folk", "Funk", "Gospel", "Hip-Hop", "House", "Indie", "Jazz", "Metal", "Opera", "Pop", "Punk", "Reggae", "Rock"),
    *("Samba", "Ska", "Soul", "Techno", "Trip-Hop"),
)
FIRST = (
    *(
        "Amber",
        "Blue",
        "Broken",
        "Copper",
        "Crooked",
        "Distant",
        "Early",
        "Electric",
        "Empty",
        "Faded",
        "Golden",
        "Half",
    ),
    *(
        "Hidden",
        "Hollow",
        "Little",
        "Lonely",
        "Long",
        "Lost",
        "Midnight",
        "Northern",
        "Open",
        "Painted",
        "Paper",
        "Quiet",
    ),
    *("Restless", "Rising", "Salt", "Second", "Silver", "Slow", "Southern", "Still", "Velvet", "Wandering", "Wild"),
)
LAST = (
    *("Avenue", "Birds", "Bridge", "Canyon", "Carousel", "Coast", "Daughters", "Engine", "Evening", "Fields", "Garden"),
    *("Ghosts", "Harbour", "Highway", "Horses", "Island", "Lantern", "Letters", "Lighthouse", "Machine", "Meadow"),
    *(
        "Mirror",
        "Mountain",
        "Ocean",
        "Orchard",
        "Parade",
        "Railway",
        "River",
        "Satellite",
        "Season",
        "Shadow",
        "Signal",
    ),
    *("Station", "Stories", "Summer", "Thunder", "Tigers", "Town", "Valley", "Weather", "Window", "Winter"),
)
OF_AN_ALBUM, OF_AN_ARTIST = 10, 2
"""Tracks, and albums."""
DIM = 24
OF_GENRE, OF_ARTIST, OF_ITS_OWN = 1.0, 0.6, 0.5
"""Lengths of the parts of a track's vector."""

Floats = NDArray[np.float32]


class LargeLibrary(NamedTuple):
    """How many tracks; ten stand on an album, and an artist has two of those."""

    tracks: int = 100_000
    seed: int = 3

    def records(self) -> Iterator[TrackRecord]:
        """All of them, albums whole and one after the other; the newest came last."""
        vectors = self._vectors()
        for place in range(self.tracks):
            yield self._record(place, vectors[place])

    def album(self, place: int) -> str:
        """Name of the album that the track at `place` stands on."""
        return _name(place // OF_AN_ALBUM, 7919)

    def artist(self, place: int) -> str:
        """Name of the artist of the track at `place`."""
        return f"The {_name(place // OF_AN_ALBUM // OF_AN_ARTIST, 104_729)}"

    def title(self, place: int) -> str:
        """Title of the track at `place`."""
        return f"{_name(place, 15_485_863)} {place % 97 + 1}"

    def _record(self, place: int, vector: Floats) -> TrackRecord:
        made = record(f"{self.seed}/{place}")
        named = {
            "title": self.title(place),
            "artist": self.artist(place),
            "album": self.album(place),
            "album_artist": self.artist(place),
            "track_number": place % OF_AN_ALBUM + 1,
            "disc_number": 1,
            "year": 1960 + place // OF_AN_ALBUM % 66,
            "genre": GENRES[place // OF_AN_ALBUM // OF_AN_ARTIST % len(GENRES)],
            "duration_ms": 120_000 + place * 7_919 % 240_000,
            "added_at": START + timedelta(minutes=place // OF_AN_ALBUM),
        }
        track = made.track.model_copy(update=named)
        sound = tuple(vector.tolist())
        return made.model_copy(
            update={"track": track, "vectors": {1: sound}, "features": Features(version=1, values=sound)}
        )

    def _vectors(self) -> Floats:
        rng = np.random.default_rng(self.seed)
        artists = np.arange(self.tracks) // OF_AN_ALBUM // OF_AN_ARTIST
        parts = (
            OF_GENRE * _directions(rng, len(GENRES))[artists % len(GENRES)],
            OF_ARTIST * _directions(rng, int(artists[-1]) + 1)[artists],
            OF_ITS_OWN * _directions(rng, self.tracks),
        )
        return unit(np.sum(parts, axis=0, dtype=np.float32))


def _name(number: int, stride: int) -> str:
    """Two words; neighbours share none, and a third makes names of later rounds their own."""
    turn, place = divmod(number * stride, len(FIRST) * len(LAST))
    words = [FIRST[place % len(FIRST)], LAST[place // len(FIRST)]]
    again = number // (len(FIRST) * len(LAST))
    return " ".join([*words, *([LAST[(turn + again) % len(LAST)]] if again else [])])


def _directions(rng: np.random.Generator, n: int) -> Floats:
    """(n, DIM) of unit length."""
    return unit(rng.standard_normal((n, DIM), dtype=np.float32))
