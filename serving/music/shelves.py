"""Albums, artists and genres of the library, in memory.

In: tracks as they come, change and go. Out: albums, artists and genres with their tracks; only those that a change touches
are put together anew. One thread changes; any may read: what they read is replaced, never changed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from infra.letters import fold
from infra.models import Track, TrackId
from serving.music.catalogue import Change, Entry
from serving.music.library_answers import Album, Artist, Genre

__all__ = ["Moved", "ShelvedAlbum", "ShelvedArtist", "ShelvedGenre", "Shelves", "id_of"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
N = TypeVar("N", str, int)
AlbumKey = tuple[str, str]
"""Album artist and title, folded."""
ID_BYTES = 12


class ShelvedAlbum(NamedTuple):
    """An album and its tracks by disc and number."""

    key: AlbumKey
    album: Album
    entries: tuple[Entry, ...]


class ShelvedArtist(NamedTuple):
    """An artist and the tracks under this name; those on albums of others come last."""

    key: str
    artist: Artist
    albums: tuple[str, ...]
    """Ids of albums with such a track, in the order of the tracks."""
    entries: tuple[Entry, ...]


class ShelvedGenre(NamedTuple):
    """A genre and its tracks, in no order."""

    genre: Genre
    entries: tuple[Entry, ...]


class Moved(NamedTuple):
    """What a change did to the shelves: by id, what stands there now or None."""

    albums: Mapping[str, ShelvedAlbum | None]
    artists: Mapping[str, ShelvedArtist | None]


class Shelves:
    """The library by album, artist and genre."""

    def __init__(self) -> None:
        self._albums = _Shelf(_album_of, lambda key: id_of(*key), _album)
        self._artists = _Shelf(_artists_of, id_of, _artist)
        self._genres = _Shelf(_genre_of, str, _genre)

    @property
    def albums(self) -> Mapping[str, ShelvedAlbum]:
        """By id; the mapping does not change afterwards."""
        return self._albums.shown

    @property
    def artists(self) -> Mapping[str, ShelvedArtist]:
        """By id."""
        return self._artists.shown

    @property
    def genres(self) -> Mapping[str, ShelvedGenre]:
        """By folded name."""
        return self._genres.shown

    def change(self, changes: Sequence[Change]) -> Moved:
        """Take in tracks that came, changed or went."""
        self._genres.change(changes)
        return Moved(self._albums.change(changes), self._artists.change(changes))


class _Shelf(Generic[K, V]):
    """Tracks gathered by a key, and what is shown of each gathering."""

    def __init__(
        self, keys: Callable[[Entry], Collection[K]], name: Callable[[K], str], show: Callable[[K, list[Entry]], V]
    ) -> None:
        self._keys, self._name, self._show = keys, name, show
        self._members: dict[K, dict[TrackId, Entry]] = {}
        self.shown: Mapping[str, V] = {}

    def change(self, changes: Sequence[Change]) -> dict[str, V | None]:
        touched: dict[K, None] = {}
        for before, after in changes:
            if before is not None:
                for key in self._keys(before):
                    del self._members[key][before.track.id]
                    touched[key] = None
            if after is not None:
                for key in self._keys(after):
                    self._members.setdefault(key, {})[after.track.id] = after
                    touched[key] = None
        moved = {self._name(key): self._anew(key) for key in touched}
        self.shown = {name: value for name, value in {**self.shown, **moved}.items() if value is not None}
        return moved

    def _anew(self, key: K) -> V | None:
        members = self._members[key]
        if not members:
            del self._members[key]
            return None
        return self._show(key, list(members.values()))


def id_of(*folded: str) -> str:
    """The id of what has these names: stable, and telling nothing."""
    return hashlib.blake2b("\0".join(folded).encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).hexdigest()


def _album_of(entry: Entry) -> Collection[AlbumKey]:
    """The key of its album; a track without an album's title is on none."""
    return [entry.order[:2]] if entry.order[1] else []


def _artists_of(entry: Entry) -> Collection[str]:
    """Who plays it, and under whose name the album stands."""
    return {name for name in (fold(entry.track.artist), entry.order[0]) if name}


def _genre_of(entry: Entry) -> Collection[str]:
    return [genre] if (genre := fold(entry.track.genre)) else []


def _album(key: AlbumKey, members: list[Entry]) -> ShelvedAlbum:
    entries = tuple(sorted(members, key=lambda entry: entry.order))
    tracks = [entry.track for entry in entries]
    first = tracks[0]
    album = Album(
        id=id_of(*key),
        title=first.album,
        artist=first.album_by,
        year=_most(track.year for track in tracks if track.year),
        genre=_most(track.genre for track in tracks if track.genre) or "",
        n_tracks=len(tracks),
        duration_ms=sum(track.duration_ms for track in tracks),
        cover_track=_covered(tracks),
        added_at=max(track.added_at for track in tracks),
    )
    return ShelvedAlbum(key, album, entries)


def _artist(key: str, members: list[Entry]) -> ShelvedArtist:
    entries = tuple(sorted(members, key=lambda entry: (entry.order[0] != key, entry.order)))
    albums = tuple(dict.fromkeys(id_of(*album) for entry in entries for album in _album_of(entry)))
    names = (name for e in entries for name in (e.track.album_artist, e.track.artist) if fold(name) == key)
    artist = Artist(
        id=id_of(key),
        name=_most(names) or key,
        n_albums=len(albums),
        n_tracks=len(entries),
        cover_track=_covered(entry.track for entry in entries),
    )
    return ShelvedArtist(key, artist, albums, entries)


def _genre(_: str, members: list[Entry]) -> ShelvedGenre:
    name = _most(entry.track.genre for entry in members)
    return ShelvedGenre(Genre(name=name or "", n_tracks=len(members)), tuple(members))


def _most(values: Iterable[N]) -> N | None:
    """The value that comes most often, of equals the least."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value), default=None)


def _covered(tracks: Iterable[Track]) -> TrackId | None:
    return next((track.id for track in tracks if track.cover), None)
