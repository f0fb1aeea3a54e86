"""Lists of tracks, albums and artists: their orders, their filters, and pages that hold while the library changes."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from infra.errors import NotFound
from infra.letters import fold
from serving.http.problems import ProblemError
from serving.music.listing import MOST_PLACED, AlbumOrder, TrackOrder
from tests.data.library import Shelved, of
from tests.data.records import START, record, track_id

LIBRARY = [
    of("Été", artist="Björk", album="Vespertine", track_number=2, year=2001, genre="Pop", duration_ms=300_000),
    of("Anchor Song", artist="Björk", album="Debut", track_number=11, year=1993, genre="pop", duration_ms=200_000),
    of("Human Behaviour", artist="Björk", album="Debut", track_number=1, year=1993, genre="Dance", duration_ms=250_000),
    of("Song 2", artist="Blur", album="Blur", genre="Rock", added_at=START + timedelta(days=1), duration_ms=100_000),
]
ORDERS: tuple[TrackOrder, ...] = ("artist", "title", "album", "newest", "year", "duration")


def titles(library: Shelved, words: str = "", order: TrackOrder = "artist", **filters: str) -> list[str]:
    return [t.title for t in library.listing.tracks(words, order=order, limit=100, **filters)[0]]


def test_tracks_stand_by_artist_album_and_number():
    assert titles(Shelved(*LIBRARY)) == ["Human Behaviour", "Anchor Song", "Été", "Song 2"]


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("title", "Anchor Song"),
        ("album", "Song 2"),
        ("newest", "Song 2"),
        ("year", "Été"),
        ("duration", "Song 2"),
    ],
)
def test_orders(order: TrackOrder, first: str):
    assert titles(Shelved(*LIBRARY), order=order)[0] == first


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ete", ["Été"]),
        ("BJORK song", ["Anchor Song"]),
        ("song", ["Anchor Song", "Song 2"]),
        ("debut blur", []),
        ("  ", ["Human Behaviour", "Anchor Song", "Été", "Song 2"]),
    ],
)
def test_all_words_must_be_there_whatever_case_and_accents(words: str, found: list[str]):
    assert titles(Shelved(*LIBRARY), words) == found


def test_artist_album_and_genre_are_whole_names():
    library = Shelved(*LIBRARY)
    assert titles(library, artist="bjork", album="DEBUT") == ["Human Behaviour", "Anchor Song"]
    assert titles(library, genre="POP") == ["Anchor Song", "Été"]
    assert titles(library, artist="Björk", genre="dance") == ["Human Behaviour"]
    assert titles(library, artist="bjo") == titles(library, genre="po") == []


def test_chosen_tracks_come_as_they_were_asked_for():
    ids = [track_id(name) for name in ("Song 2", "nobody", "Été")]
    assert [t.title for t in Shelved(*LIBRARY).listing.chosen(ids)] == ["Song 2", "Été"]


@pytest.mark.parametrize("order", ORDERS)
def test_pages_hold_every_track_once_also_while_tracks_come_and_go(order: TrackOrder):
    library = Shelved(*(record(f"track {n:03}") for n in range(0, 50, 2)))
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = library.listing.tracks(order=order, limit=7, cursor=cursor)
        seen += [track.title for track in page]
        if cursor is None:
            break
        # What has just been seen goes, and another comes right after it.
        library.add(record(seen[-1], missing=True), record(f"track {len(seen) * 2 + 1:03}"))
    assert len(seen) == len(set(seen))
    assert {f"track {n:03}" for n in range(0, 50, 2)} <= set(seen)
    assert seen == sorted(seen)


@pytest.mark.parametrize("many", [3, MOST_PLACED + 1])
def test_every_order_is_kept_up(many: int):
    library = Shelved(*LIBRARY)
    assert titles(library, order="title")[0] == "Anchor Song"
    library.add(
        *(record(f"Aa {n:05}") for n in range(many)), of("Song 2", title="Aaa"), record("Anchor Song", missing=True)
    )
    first = library.listing.tracks(order="title", limit=1000)[0]
    assert [t.title for t in first] == sorted((t.title for t in first), key=fold)
    assert "Anchor Song" not in titles(library, order="title")
    assert titles(library, "aaa", order="title") == ["Aaa"]
    assert titles(library, "song 2") == []


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "bm9uZQ==", "WzFd", "é", "W10=", encoded('["artist","","",Infinity,0,"",""]'), encoded("[" * 9_000)),
        encoded('["artist","","",true,0,"",""]'),
        encoded('["title","","","",0,0,"",""]'),
    ],
)
def test_a_cursor_of_somebody_else_is_refused_by_name(cursor: str):
    for order in ("artist", "newest"):
        with pytest.raises(ProblemError) as refused:
            Shelved(*LIBRARY).listing.tracks(order=order, limit=5, cursor=cursor)
        assert (refused.value.status, refused.value.field) == (422, "cursor")


def albums(library: Shelved, words: str = "", order: AlbumOrder = "artist", **filters: str) -> list[str]:
    return [a.title for a in library.listing.albums(words, order=order, limit=100, **filters)[0]]


def test_albums_in_orders_and_pages():
    library = Shelved(*LIBRARY, of("Loose", album=""))
    assert albums(library) == ["Debut", "Vespertine", "Blur"]
    assert albums(library, order="title") == ["Blur", "Debut", "Vespertine"]
    assert albums(library, order="newest")[0] == "Blur"
    assert albums(library, order="year") == ["Vespertine", "Debut", "Blur"]
    assert albums(library, "bjork de") == albums(library, genre="dance") == ["Debut"]
    assert albums(library, artist="BLUR") == ["Blur"]
    first, cursor = library.listing.albums(order="title", limit=2)
    rest, end = library.listing.albums(order="title", limit=2, cursor=cursor)
    assert ([a.title for a in [*first, *rest]], end) == (["Blur", "Debut", "Vespertine"], None)


def test_artists_and_genres_are_listed():
    library = Shelved(*LIBRARY)
    assert [a.name for a in library.listing.artists(limit=10)[0]] == ["Björk", "Blur"]
    assert [a.name for a in library.listing.artists("ork", limit=10)[0]] == ["Björk"]
    assert [(g.name, g.n_tracks) for g in library.listing.genres()] == [("Pop", 2), ("Dance", 1), ("Rock", 1)]


def test_what_is_not_there_is_told_as_such():
    library = Shelved(*LIBRARY)
    for lost in (library.listing.album, library.listing.artist):
        with pytest.raises(NotFound):
            lost("../../etc/passwd")


def test_a_track_changes_its_album_and_both_are_as_they_should():
    library = Shelved(*LIBRARY)
    library.add(of("Song 2", artist="Björk", album="Debut"))
    assert albums(library) == ["Debut", "Vespertine"]
    assert [a.name for a in library.listing.artists(limit=10)[0]] == ["Björk"]
