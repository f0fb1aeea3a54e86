"""Albums and artists as the tags of their tracks make them."""

from __future__ import annotations

from datetime import timedelta

from serving.music.library_answers import Album, Artist
from tests.data.library import Shelved, of
from tests.data.records import START, record, track_id


def albums(library: Shelved) -> dict[tuple[str, str], Album]:
    return {(one.album.artist, one.album.title): one.album for one in library.shelves.albums.values()}


def artists(library: Shelved) -> dict[str, Artist]:
    return {one.artist.name: one.artist for one in library.shelves.artists.values()}


def test_an_album_is_what_its_tracks_say():
    library = Shelved(
        of("b", track_number=2, year=1999, genre="Rock", duration_ms=1_000, cover=True),
        of("a", track_number=1, year=1999, genre="Rock", duration_ms=2_000, added_at=START + timedelta(days=1)),
        of("c", disc_number=2, year=2005, genre="Live", duration_ms=3_000),
    )
    album = albums(library)["Artist", "Album"]
    assert (album.year, album.genre, album.n_tracks, album.duration_ms) == (1999, "Rock", 3, 6_000)
    assert (album.cover_track, album.added_at) == (track_id("b"), START + timedelta(days=1))
    assert [t.title for t in library.listing.album(album.id).items] == ["a", "b", "c"]


def test_the_same_title_by_two_artists_is_two_albums_and_case_makes_no_difference():
    library = Shelved(
        of("a", artist="Queen", album="Greatest Hits"),
        of("b", artist="QUEEN", album="greatest hits"),
        of("c", artist="ABBA", album="Greatest Hits"),
    )
    assert {key: album.n_tracks for key, album in albums(library).items()} == {
        ("Queen", "Greatest Hits"): 2,
        ("ABBA", "Greatest Hits"): 1,
    }


def test_of_a_compilation_the_album_artist_decides_and_each_artist_is_there():
    library = Shelved(
        of("a", artist="Nina", album="Summer", album_artist="Various Artists", track_number=1),
        of("b", artist="Bob", album="Summer", album_artist="Various Artists", track_number=2),
        of("c", artist="Bob", album="Alone"),
    )
    assert set(albums(library)) == {("Various Artists", "Summer"), ("Bob", "Alone")}
    found = artists(library)
    assert {name: (a.n_albums, a.n_tracks) for name, a in found.items()} == {
        "Various Artists": (1, 2),
        "Nina": (1, 1),
        "Bob": (2, 2),
    }
    # What is under his own name comes first.
    assert [a.title for a in library.listing.artist(found["Bob"].id).albums] == ["Alone", "Summer"]
    assert [t.title for t in library.listing.artist(found["Bob"].id).items] == ["c", "b"]


def test_what_has_no_album_is_on_none_and_what_has_no_artist_is_by_nobody():
    library = Shelved(of("a", album=""), of("b", artist="", album="Found sounds"), of("c", artist="", album=""))
    assert set(albums(library)) == {("", "Found sounds")}
    assert set(artists(library)) == {"Artist"}


def test_ids_stay_whatever_comes_and_tell_nothing():
    library = Shelved(of("a", album="One"))
    (album,) = library.shelves.albums.values()
    (artist,) = library.shelves.artists.values()
    library.add(of("b", album="ONE"), of("c", album="Two"))
    assert album.album.id in library.shelves.albums
    assert artist.artist.id in library.shelves.artists
    assert not {"one", "artist"} & {album.album.id, artist.artist.id}


def test_the_last_track_takes_its_album_with_it():
    library = Shelved(of("a", album="One", genre="Rock"))
    library.add(record("a", missing=True))
    assert not library.shelves.albums
    assert not library.shelves.artists
    assert not library.shelves.genres
    assert library.search.find("one", 10).albums == ()
