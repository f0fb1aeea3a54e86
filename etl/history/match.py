"""Finding the library's track for what an export calls by name.

In: the names of the library, then recordings. Out: the best track for each with a score from 0 to 100, the lesser of how alike
artist and title are; 100 is the same name. The album, and the length where it is known, decide between equals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rapidfuzz import fuzz, process

from etl.history.heard import Recording
from etl.history.names import VARIOUS, Title, album_key, artist_keys, is_live_album, title_of
from infra.store import Named

__all__ = ["Match", "Matcher"]

NEAREST = 75.0
"""Least score of a track that is told as the nearest one."""
MOST_ARTISTS = 5
SPELLING = 70.0
"""How alike the words are at least in which two titles differ."""
SAME_LENGTH_MS, SAME_LENGTH_SHARE = 10_000, 0.1
"""Two lengths this near may be of one recording."""


class Match(NamedTuple):
    """A track of the library for a recording."""

    track: Named
    score: float


class _Entry(NamedTuple):
    """A name taken apart, of the library or of an export."""

    title: Title
    album: str
    live: bool | None
    """Recorded on a stage; None where there is no album to tell."""


class _Listed(NamedTuple):
    track: Named
    entry: _Entry


class Matcher:
    """The library by artist."""

    def __init__(self, tracks: Iterable[Named], threshold: float) -> None:
        """`threshold` is the score that will be asked for; lower ones are given down to `NEAREST`."""
        self._floor = min(threshold, NEAREST)
        self._by_artist: defaultdict[str, list[_Listed]] = defaultdict(list)
        self._by_album: defaultdict[str, list[_Listed]] = defaultdict(list)
        for track in tracks:
            self._add(track)
        self._artists = list(self._by_artist)
        self._alike: dict[str, list[tuple[str, float]]] = {}

    def __len__(self) -> int:
        return len({listed.track.id for block in self._by_artist.values() for listed in block})

    def find(self, recording: Recording, length_ms: int = 0) -> Match | None:
        """The track most alike; `length_ms` 0 where it is not known. None when nothing is near."""
        entry = _entry(recording.title, recording.album)
        best: Match | None = None
        for score, block in self._blocks(recording.artist, entry.album):
            found = _best(entry, length_ms, block, self._floor, score)
            if found and (best is None or found.score > best.score):
                best = found
            if best and best.score >= score:
                break
        return best

    def _add(self, track: Named) -> None:
        artist, title = track.artist, track.title
        if not artist and " - " in title:
            # A file without tags is called by its name: "Artist - Title".
            artist, title = title.split(" - ", 1)
        listed = _Listed(track, _entry(title, track.album))
        for key in {*artist_keys(artist), *artist_keys(track.album_artist)[:1]} - {VARIOUS}:
            self._by_artist[key].append(listed)
        if track.album:
            self._by_album[listed.entry.album].append(listed)

    def _blocks(self, artist: str, album: str) -> Iterator[tuple[float, list[_Listed]]]:
        """Tracks by artists like this one, with how alike: the same name first."""
        keys = artist_keys(artist)
        if VARIOUS in keys:
            # An album by many is no artist: its own title takes the artist's part.
            yield 100.0, self._by_album.get(album, []) if album else []
            return
        for key in keys[:2]:
            yield 100.0, self._by_artist.get(key, [])
        for key, score in self._artists_like(keys[0]) if keys else ():
            yield score, self._by_artist[key]

    def _artists_like(self, key: str) -> list[tuple[str, float]]:
        if key not in self._alike:
            found = process.extract(
                key, self._artists, scorer=fuzz.ratio, score_cutoff=self._floor, limit=MOST_ARTISTS + 1
            )
            self._alike[key] = [(name, score) for name, score, _ in found if name != key]
        return self._alike[key]


def _entry(title: str, album: str) -> _Entry:
    parts = title_of(title)
    live = "live" in parts.kinds or (is_live_album(album) if album else None)
    return _Entry(parts, album_key(album), live)


def _best(wanted: _Entry, length_ms: int, block: list[_Listed], floor: float, artist_score: float) -> Match | None:
    fit = [listed for listed in block if _same_kind(wanted, listed.entry)]
    same = [(100.0, listed) for listed in fit if listed.entry.title.text == wanted.title.text]
    alike = same or _alike(wanted, length_ms, fit, floor)
    if not alike:
        return None
    # By id last: the same library gives the same answer.
    score, chosen = min(alike, key=lambda a: (-a[0], *_apart(wanted, length_ms, a[1]), a[1].track.id))
    return Match(chosen.track, min(score, artist_score))


def _alike(wanted: _Entry, length_ms: int, fit: list[_Listed], floor: float) -> list[tuple[float, _Listed]]:
    may_be = [listed for listed in fit if not _of_another_length(length_ms, listed.track.duration_ms)]
    titles = [listed.entry.title.text for listed in may_be]
    found = process.extract(wanted.title.text, titles, scorer=fuzz.ratio, score_cutoff=floor, limit=None)
    return [(score, may_be[place]) for title, score, place in found if _differ_in_letters(wanted.title.text, title)]


def _differ_in_letters(one: str, other: str) -> bool:
    """Whether what differs is spelling, "colour" for "color" or "black bird" for "blackbird", and not a word more."""
    words, others = one.split(), other.split()
    only_one, only_other = ("".join(w for w in a if w not in b) for a, b in ((words, others), (others, words)))
    return fuzz.ratio(only_one, only_other) >= SPELLING


def _same_kind(wanted: _Entry, other: _Entry) -> bool:
    if wanted.title.numbers != other.title.numbers:
        return False
    if wanted.title.kinds - {"live"} != other.title.kinds - {"live"}:
        return False
    if wanted.live is None or other.live is None:
        return ("live" in wanted.title.kinds) == ("live" in other.title.kinds)
    return wanted.live == other.live


def _apart(wanted: _Entry, length_ms: int, listed: _Listed) -> tuple[bool, float, int]:
    """What decides between equals: still in the folder, the album, the length."""
    length_apart = abs(length_ms - listed.track.duration_ms) if length_ms else 0
    return listed.track.missing, -fuzz.ratio(wanted.album, listed.entry.album), length_apart


def _of_another_length(one_ms: int, other_ms: int) -> bool:
    if not one_ms or not other_ms:
        return False
    return abs(one_ms - other_ms) > max(SAME_LENGTH_MS, SAME_LENGTH_SHARE * other_ms)
