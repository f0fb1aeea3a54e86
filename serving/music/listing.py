"""Lists of the library, a page at a time: tracks, albums and artists, filtered and in an order.

In: the catalogue, the shelves, and what is asked. Out: pages in a stable order. To be called in a thread: to look through
a large library takes a moment.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Literal, TypeVar

from infra.clock import to_ms
from infra.errors import NotFound
from infra.letters import fold
from infra.models import Track, TrackId
from serving.http.paging import Key, Order, page
from serving.music.catalogue import Catalogue, Change, Entry
from serving.music.library_answers import Album, AlbumWithTracks, Artist, ArtistWithTracks, Genre
from serving.music.shelves import ShelvedAlbum, ShelvedArtist, Shelves, id_of

__all__ = ["AlbumOrder", "Listing", "TrackOrder"]

T = TypeVar("T")
TrackOrder = Literal["artist", "title", "album", "newest", "year", "duration"]
AlbumOrder = Literal["artist", "title", "newest", "year"]

MOST_PLACED = 300
"""Tracks that are looked up and put in their places one by one."""
PLACE = (str, str, int, int, str, str)
"""Kinds of the parts of `Entry.order`."""


def _tracks_by(name: TrackOrder, first: Callable[[Entry], Key], *kinds: type) -> Order[Entry]:
    return Order(name, lambda entry: (*first(entry), *entry.order), (*kinds, *PLACE))


def _albums_by(name: AlbumOrder, first: Callable[[Album, str], Key], *kinds: type) -> Order[ShelvedAlbum]:
    return Order(name, lambda one: (*first(one.album, one.key[1]), *one.key), (*kinds, str, str))


TRACKS = {
    "artist": _tracks_by("artist", lambda _: ()),
    "title": _tracks_by("title", lambda entry: (entry.order[4],), str),
    "album": _tracks_by("album", lambda entry: (entry.order[1],), str),
    "newest": _tracks_by("newest", lambda entry: (-to_ms(entry.track.added_at),), int),
    "year": _tracks_by("year", lambda entry: (-(entry.track.year or 0),), int),
    "duration": _tracks_by("duration", lambda entry: (entry.track.duration_ms,), int),
}
ALBUMS = {
    "artist": _albums_by("artist", lambda *_: ()),
    "title": _albums_by("title", lambda _, title: (title,), str),
    "newest": _albums_by("newest", lambda album, _: (-to_ms(album.added_at),), int),
    "year": _albums_by("year", lambda album, _: (-(album.year or 0),), int),
}
ARTISTS: Order[ShelvedArtist] = Order("artist", lambda one: (one.key,), (str,))


class _Sorted(Generic[T]):
    """Items in an order, sorted anew when they are others."""

    def __init__(self, order: Order[T]) -> None:
        self._order = order
        self._known: tuple[object, Sequence[T]] = None, ()

    def __call__(self, shelved: Mapping[str, T]) -> Sequence[T]:
        """All of them; `shelved` is another mapping when they are others."""
        of, items = self._known
        if of is not shelved:
            items = sorted(shelved.values(), key=self._order.key)
            self._known = shelved, items
        return items


class _KeptSorted:
    """All tracks in an order, kept up: to sort them when somebody asks would take a third of a second.

    One thread changes; any may read: the list is replaced, never changed.
    """

    def __init__(self, order: Order[Entry]) -> None:
        self._key = order.key
        self.items: Sequence[Entry] = []

    def change(self, changes: Sequence[Change]) -> None:
        """Take in tracks that came, changed or went."""
        gone = [before for before, _ in changes if before is not None]
        come = [after for _, after in changes if after is not None]
        if len(changes) > MOST_PLACED:
            ids = {entry.track.id for entry in gone}
            stayed = [entry for entry in self.items if entry.track.id not in ids]
            # Those that stayed stand in order already, and a sort makes use of it.
            self.items = sorted([*stayed, *come], key=self._key)
            return
        items = list(self.items)
        for entry in gone:
            del items[self._place(items, entry)]
        for entry in come:
            items.insert(self._place(items, entry), entry)
        self.items = items

    def _place(self, items: Sequence[Entry], entry: Entry) -> int:
        return bisect.bisect_left(items, self._key(entry), key=self._key)


class Listing:
    """What is on the shelves, in pages."""

    def __init__(self, catalogue: Catalogue, shelves: Shelves) -> None:
        self._catalogue, self._shelves = catalogue, shelves
        self._tracks = {name: _KeptSorted(order) for name, order in TRACKS.items() if name != "artist"}
        self._albums = {name: _Sorted(order) for name, order in ALBUMS.items()}
        self._artists = _Sorted(ARTISTS)

    def change(self, changes: Sequence[Change]) -> None:
        """Take in tracks that came, changed or went; by one thread."""
        for tracks in self._tracks.values():
            tracks.change(changes)

    def tracks(
        self,
        words: str = "",
        *,
        artist: str = "",
        album: str = "",
        genre: str = "",
        order: TrackOrder = "artist",
        limit: int,
        cursor: str | None = None,
    ) -> tuple[list[Track], str | None]:
        """Up to `limit` tracks holding all of `words`, and the cursor of the next page (None at the end).

        `artist`, `album` and `genre` must be the same but for case and accents. Raises `ProblemError` for a cursor that
        is none of this order.
        """
        texts = fold(words).split()
        title, kind = fold(album), fold(genre)

        def wanted(entry: Entry) -> bool:
            return (
                all(text in entry.text for text in texts)
                and (not title or title == entry.order[1])
                and (not kind or kind == fold(entry.track.genre))
            )

        items = self._some(artist, genre, order)
        found, following = page(items, TRACKS[order], wanted, limit=limit, cursor=cursor)
        return [entry.track for entry in found], following

    def _some(self, artist: str, genre: str, order: TrackOrder) -> Sequence[Entry]:
        """Of the whole library, or of a shelf that holds all that is wanted."""
        if artist:
            by = self._shelves.artists.get(id_of(fold(artist)))
            return sorted(by.entries, key=TRACKS[order].key) if by else ()
        if genre:
            of = self._shelves.genres.get(fold(genre))
            return sorted(of.entries, key=TRACKS[order].key) if of else ()
        if order == "artist":
            return self._catalogue.shelf
        return self._tracks[order].items

    def chosen(self, ids: Iterable[str]) -> list[Track]:
        """These tracks in their order; unknown ones are left out."""
        entries = self._catalogue.entries
        return [entries[TrackId(one)].track for one in ids if one in entries]

    def albums(
        self,
        words: str = "",
        *,
        artist: str = "",
        genre: str = "",
        order: AlbumOrder = "artist",
        limit: int,
        cursor: str | None = None,
    ) -> tuple[list[Album], str | None]:
        """As `tracks`; `words` are looked for in titles and artists, `artist` may be one of several on the album."""
        texts, kind = fold(words).split(), fold(genre)
        shelved = self._shelves.albums
        by = self._shelves.artists.get(id_of(fold(artist))) if artist else None
        theirs = set(by.albums) if by else set()

        def wanted(one: ShelvedAlbum) -> bool:
            return (
                all(any(text in part for part in one.key) for text in texts)
                and (not artist or one.album.id in theirs)
                and (not kind or kind == fold(one.album.genre))
            )

        items = self._albums[order](shelved)
        found, following = page(items, ALBUMS[order], wanted, limit=limit, cursor=cursor)
        return [one.album for one in found], following

    def album(self, album: str) -> AlbumWithTracks:
        """One album; raises `NotFound`."""
        found = self._shelves.albums.get(album)
        if found is None:
            raise NotFound("no such album")
        return AlbumWithTracks(**dict(found.album), items=tuple(entry.track for entry in found.entries))

    def artists(self, words: str = "", *, limit: int, cursor: str | None = None) -> tuple[list[Artist], str | None]:
        """Artists by name whose names hold all of `words`, and the cursor of the next page."""
        texts = fold(words).split()
        shelved = self._shelves.artists
        found, following = page(
            self._artists(shelved),
            ARTISTS,
            lambda one: all(text in one.key for text in texts),
            limit=limit,
            cursor=cursor,
        )
        return [one.artist for one in found], following

    def artist(self, artist: str) -> ArtistWithTracks:
        """One artist; raises `NotFound`."""
        found = self._shelves.artists.get(artist)
        if found is None:
            raise NotFound("no such artist")
        shelved = self._shelves.albums
        albums = tuple(shelved[one].album for one in found.albums if one in shelved)
        return ArtistWithTracks(**dict(found.artist), albums=albums, items=tuple(e.track for e in found.entries))

    def genres(self) -> list[Genre]:
        """All genres, most tracks first."""
        genres = [one.genre for one in self._shelves.genres.values()]
        return sorted(genres, key=lambda genre: (-genre.n_tracks, genre.name))
