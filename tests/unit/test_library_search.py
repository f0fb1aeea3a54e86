"""Search as somebody types: beginnings, errors, accents, and what comes first."""

from __future__ import annotations

import pytest

from serving.music.search import MOST_DEAD, Index
from serving.music.vocabulary import Vocabulary, words_of
from tests.data.library import Shelved, of
from tests.data.records import record

LIBRARY = Shelved(
    of("Help!", artist="The Beatles", album="Help!"),
    of("Yesterday", artist="The Beatles", album="Help!"),
    of("Help Me Make It Through the Night", artist="Kris Kristofferson", album="Kristofferson"),
    of("Beatles Forever", artist="Some Band", album="Tribute"),
    of("Thunderstruck", artist="AC/DC", album="The Razors Edge"),
    of("Enter Sandman", artist="Metallica", album="Metallica"),
    of("Jóga", artist="Björk", album="Homogenic"),
    of("Kamikaze", artist="MØ", album="No Mythologies to Follow"),
    of("東京", artist="椎名林檎", album="三文ゴシップ"),
    of("봄날", artist="방탄소년단", album="Wings"),
)


def tracks(typed: str) -> list[str]:
    return [track.title for track in LIBRARY.search.find(typed, 10).tracks]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("help", "Help!"),
        ("yest", "Yesterday"),
        ("beatles help", "Help!"),
        ("help beat", "Help!"),
        ("kristoff night", "Help Me Make It Through the Night"),
        ("beatles", "Beatles Forever"),
        ("acdc", "Thunderstruck"),
        ("AC/DC thunder", "Thunderstruck"),
        ("bjork", "Jóga"),
        ("BJÖRK JÓGA", "Jóga"),
        ("mo kamikaze", "Kamikaze"),
        ("東京", "東京"),
        ("林檎", "東京"),
        ("봄", "봄날"),
    ],
)
def test_what_was_meant_comes_first(typed: str, first: str):
    assert tracks(typed)[0] == first


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("metalica", "Enter Sandman"),
        ("metlalica", "Enter Sandman"),
        ("mettalica", "Enter Sandman"),
        ("metalic", "Enter Sandman"),
        ("yeserday", "Yesterday"),
        ("yetserday beetles", "Yesterday"),
        ("thunderstrcuk", "Thunderstruck"),
        ("kristofersen nigth", "Help Me Make It Through the Night"),
    ],
)
def test_typing_errors_are_forgiven(typed: str, first: str):
    assert tracks(typed)[0] == first


@pytest.mark.parametrize("typed", ["", "  ", "!?", "zzzzzz", "beatles zzzzzz", "\U0001f600"])
def test_nothing_is_found_for_what_is_not_there(typed: str):
    assert tracks(typed) == []


def test_albums_and_artists_are_found_with_their_tracks():
    found = LIBRARY.search.find("beatles", 10)
    assert [artist.name for artist in found.artists] == ["The Beatles"]
    assert [album.title for album in found.albums] == ["Help!"]
    assert [album.title for album in LIBRARY.search.find("beatles help", 10).albums] == ["Help!"]
    assert LIBRARY.search.find("wings", 10).albums[0].title == "Wings"


def test_no_more_come_than_asked_for():
    library = Shelved(*(of(f"song {n}", artist=f"artist {n}", album=f"song {n}") for n in range(30)))
    found = library.search.find("song", 7)
    assert (len(found.tracks), len(found.albums)) == (7, 7)
    assert [t.title for t in found.tracks] == sorted(t.title for t in found.tracks)


def test_a_search_follows_the_library():
    library = Shelved(of("First", artist="Somebody"))
    library.add(of("First", artist="Somebody", title="Renamed"), of("Second", artist="Another"))
    assert library.search.find("first", 5).tracks == ()
    assert [t.title for t in library.search.find("renam", 5).tracks] == ["Renamed"]
    library.add(record("First", missing=True))
    assert library.search.find("renamed", 5).tracks == ()
    assert library.search.find("somebody", 5).artists == ()


def test_what_has_gone_is_swept_out_and_the_rest_stays():
    library = Shelved(*(record(f"old {n}") for n in range(MOST_DEAD + 10)), record("stays"))
    library.add(*(record(f"old {n}", missing=True) for n in range(MOST_DEAD + 10)))
    library.add(record("comes"))
    assert [t.title for t in library.search.find("stays", 5).tracks] == ["stays"]
    assert [t.title for t in library.search.find("comes", 5).tracks] == ["comes"]
    assert library.search.find("old", 5).tracks == ()


def test_who_searches_while_there_is_sweeping_finds_what_was_there():
    found: list[list[str]] = []

    def fields(name: str) -> list[str]:
        found.append(index.find([{"stays": 1.0}], 5))
        return [name]

    index: Index[str] = Index(fields, (1.0,), str)
    index.change({"a": "stays", **{str(n): f"old {n}" for n in range(MOST_DEAD + 10)}})
    index.change({str(n): None for n in range(MOST_DEAD + 10)})
    found.clear()
    index.change({"b": "stays too"})
    assert found == [["stays"], ["stays"]]
    assert index.find([{"stays": 1.0}], 5) == ["stays", "stays too"]


def test_a_word_that_comes_again_is_known_once():
    vocabulary = Vocabulary()
    vocabulary.add(["one", "two", "two"])
    vocabulary.add(["two", "three"])
    assert len(vocabulary) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("R.E.M.", ["r", "e", "m", "rem"]),
        ("Don't Stop", ["don", "t", "dont", "stop"]),
        ("Ænima", ["aenima"]),
        ("Gomez™ №5", ["gomeztm", "no5"]),
        ("x" * 100, ["x" * 40]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]):
    assert words_of(text) == words


def test_a_shorter_rest_fits_better_and_short_words_are_taken_as_they_are():
    vocabulary = Vocabulary()
    vocabulary.add(["abba", "abbey", "abbot", "ab"])
    meant = vocabulary.meant("abb", begun=True)
    assert meant["abba"] > meant["abbey"]
    assert vocabulary.meant("abb", begun=False) == {"abb": 1.0}
    assert vocabulary.alike("ab") == {}
