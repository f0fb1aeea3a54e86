"""The same recording under two names is found, another recording of the same name is not."""

from __future__ import annotations

from itertools import count

import pytest

from etl.history.heard import Recording
from etl.history.match import Match, Matcher
from etl.history.names import artist_keys, title_of
from infra.store import Named
from tests.data.records import track_id

ids = count()


def track(
    artist: str, title: str, album: str = "", *, length_ms: int = 200_000, missing: bool = False, by: str = ""
) -> Named:
    return Named(track_id(f"{next(ids):05}"), title, artist, album, by, length_ms, missing)


def found(library: list[Named], artist: str, title: str, album: str = "", *, length_ms: int = 0) -> Match | None:
    """What an import with the usual threshold would take."""
    match = Matcher(library, 90).find(Recording(artist, title, album), length_ms)
    return match if match and match.score >= 90 else None


@pytest.mark.parametrize(
    ("library", "export"),
    [
        (("Beyoncé", "Déjà Vu"), ("BEYONCE", "Deja vu")),
        (("Sigur Rós", "Sæglópur"), ("Sigur Ros", "Saeglopur")),
        (("Motörhead", "Ace Of Spades"), ("Motorhead", "Ace of Spades - Remastered 2015")),
        (("Queen", "Don't Stop Me Now"), ("Queen", "Don’t Stop Me Now - 2011 Remaster")),
        (("Queen", "Bohemian Rhapsody"), ("Queen", "Bohemian Rhapsody (Remastered 2011)")),
        (("David Bowie", "Heroes [2017 Remastered Version]"), ("David Bowie", "Heroes")),
        (("JAY-Z", "Empire State of Mind"), ("Jay Z", "Empire State Of Mind (feat. Alicia Keys)")),
        (("Jay-Z feat. Alicia Keys", "Empire State of Mind"), ("JAY-Z", "Empire State Of Mind")),
        (("Gorillaz", "Feel Good Inc. ft. De La Soul"), ("Gorillaz", "Feel Good Inc")),
        (("Simon and Garfunkel", "The Boxer"), ("Simon & Garfunkel", "The Boxer")),
        (("Beatles, The", "Help!"), ("The Beatles", "Help! - Remastered 2009")),
        (("Davis, Miles", "So What"), ("Miles Davis", "So What")),
        (("R.E.M.", "Losing My Religion"), ("REM", "Losing My Religion")),
        (("AC/DC", "T.N.T."), ("AC DC", "TNT")),
        (("P!nk", "So What"), ("Pink", "So what")),
        (("Pink Floyd", "Another Brick in the Wall, Part II"), ("Pink Floyd", "Another Brick in the Wall, Pt. 2")),
        (("Guns N' Roses", "Paradise City"), ("Guns and Roses", "Paradise City")),
        (("Artist", "Song (Single Version)"), ("Artist", "Song - Radio Edit")),
        (("Artist", "Song (Original Mix)"), ("Artist", "Song")),
        (("", "Artist - Song"), ("Artist", "Song")),
        (("椎名林檎", "丸の内サディスティック"), ("椎名林檎", "丸の内サディスティック")),
        (("Кино", "Группа крови"), ("КИНО", "группа крови")),
        (("فيروز", "نسم علينا الهوى"), ("فيروز", "نسم علينا الهوى")),
        (("Artist", "ライブ\uff08Remastered\uff09"), ("Artist", "ライブ")),
        (("!!!", "+"), ("!!!", "+")),
        (("Radiohead", "Everything in Its Right Place"), ("Radiohead", "Everything In It's Right Place")),
        (("Radiohead", "Paranoid Android"), ("Radiohead", "Paranoid Andriod")),
        (("The Beatles", "Black Bird"), ("The Beatles", "Blackbird")),
        (("Artist", "The Colour of Everything"), ("Artist", "The Color of Everything")),
        (("Red Hot Chili Peppers", "Otherside"), ("Red Hot Chilli Peppers", "Otherside")),
    ],
)
def test_one_recording_under_two_names(library: tuple[str, str], export: tuple[str, str]):
    wanted = track(*library)
    match = found([track("Somebody", "Else"), wanted], *export)
    assert match is not None
    assert match.track == wanted


@pytest.mark.parametrize(
    ("library", "export"),
    [
        (("Artist", "Song"), ("Artist", "Song (Live)")),
        (("Artist", "Song - Live at the Hall"), ("Artist", "Song")),
        (("Artist", "Song (Acoustic)"), ("Artist", "Song")),
        (("Artist", "Song (En Vivo)"), ("Artist", "Song - Remastered 2011")),
        (("Artist", "Song (Instrumental)"), ("Artist", "Song")),
        (("Artist", "Song (Some DJ Remix)"), ("Artist", "Song (Another Producer Remix)")),
        (("Artist", "Another Song, Part 1"), ("Artist", "Another Song, Part 2")),
        (("Beethoven", "Symphony No. 5: I. Allegro"), ("Beethoven", "Symphony No. 9: I. Allegro")),
        (("Taylor", "Love Story"), ("Taylor", "Love Story (Taylor’s Version)")),
        (("Adele", "Hello"), ("Lionel Richie", "Hello")),
        (("Artist", "Caves; Crossroads; Desert; Graveyard"), ("Artist", "Caves; Crossroads; Desert; Graveyard; Hell")),
        (("Artist", "The Very Best Thing About Me"), ("Artist", "The Very Best Thing About You")),
        (("Artist", "Intro"), ("Artist", "Outro")),
        (("Artist", "Go"), ("Artist", "No")),
        (("U2", "One"), ("U2", "On")),
        (("A", "Song"), ("B", "Song")),
        (("椎名林檎", "罪と罰"), ("椎名林檎", "罪と罪")),
        (("Artist", "かき"), ("Artist", "がぎ")),
    ],
)
def test_two_recordings_of_like_names(library: tuple[str, str], export: tuple[str, str]):
    assert found([track(*library)], *export) is None


def test_live_finds_live_and_studio_finds_studio():
    studio, live = track("Artist", "Song", "Songs"), track("Artist", "Song (Live at the Hall)", "Live")
    for title, wanted in (("Song", studio), ("Song - Live", live), ("Song - Remastered", studio)):
        match = found([live, studio], "Artist", title)
        assert match is not None
        assert match.track == wanted


def test_an_album_may_tell_that_it_was_live():
    on_stage = track("The Who", "Substitute", "Live at Leeds")
    for album, is_found in (("Live at Leeds (Deluxe)", True), ("", True), ("Meaty Beaty Big and Bouncy", False)):
        assert (found([on_stage], "The Who", "Substitute", album) is not None) is is_found


def test_the_same_title_goes_to_its_own_artist():
    library = [track(artist, "Hallelujah") for artist in ("Leonard Cohen", "Jeff Buckley", "Rufus Wainwright")]
    for wanted in library:
        match = found(library, wanted.artist, "Hallelujah")
        assert match is not None
        assert match.track == wanted


def test_of_equals_the_album_decides_then_the_length_and_what_is_gone_comes_last():
    single, album = track("Artist", "Song", "Song (Single)", length_ms=200_000), track("Artist", "Song", "The Album")
    longer, gone = (
        track("Artist", "Song", "The Album", length_ms=400_000),
        track("Artist", "Song", "Gone", missing=True),
    )
    library = [gone, longer, single, album]

    def chosen(album: str, length_ms: int = 0) -> Named:
        match = found(library, "Artist", "Song", album, length_ms=length_ms)
        assert match is not None
        return match.track

    assert chosen("Song (Single)") == single
    assert chosen("The Album (Deluxe Edition)", 398_000) == longer
    assert chosen("The Album", 201_000) == album
    assert chosen("Gone") != gone
    assert found([gone], "Artist", "Song") is not None


def test_a_name_that_is_nearly_right_is_refused_when_the_length_is_not():
    library = [track("Artist", "A Rather Long Title", length_ms=200_000)]
    assert found(library, "Artist", "A Rather Long Titel", length_ms=205_000) is not None
    assert found(library, "Artist", "A Rather Long Titel", length_ms=300_000) is None
    assert found(library, "Artist", "A Rather Long Title", length_ms=300_000) is not None


def test_a_compilation_is_found_by_its_album():
    library = [track("Artist", "Song", "Hits of the Year"), track("Other", "Song", "Elsewhere")]
    match = found(library, "Various Artists", "Song", "Hits Of The Year")
    assert match is not None
    assert match.track == library[0]
    assert found(library, "Various Artists", "Song") is None


def test_the_album_artist_and_each_of_several_artists_find_it():
    library = [track("One; Two", "Duet", by="The Project")]
    for artist in ("One", "Two", "One & Two", "The Project", "One feat. Two"):
        assert found(library, artist, "Duet") is not None
    assert found(library, "Three", "Duet") is None


def test_what_is_below_the_threshold_is_given_as_the_nearest_with_its_score():
    library = [track("Artist", "Wonderful Words")]
    near = Matcher(library, 100).find(Recording("Artist", "Wonderful World", ""))
    assert near is not None
    assert 75 < near.score < 100
    assert Matcher(library, 90).find(Recording("Artist", "Something Else", "")) is None


def test_the_score_is_of_the_name_that_fits_worse():
    library = [track("Red Hot Chili Peppers", "Otherside")]
    match = Matcher(library, 90).find(Recording("Red Hot Chilli Peppers", "Otherside", ""))
    assert match is not None
    assert 90 < match.score < 100


def test_nothing_is_found_in_nothing():
    assert Matcher([], 90).find(Recording("Artist", "Song", "Album")) is None
    assert found([track("", "Untitled")], "Artist", "Untitled") is None


@pytest.mark.parametrize(
    "name", ["", " ", "()", "...", "(feat. X)", "- Live", "🎵", "\u200b", "The", "&", "a" * 10_000]
)
def test_odd_names_have_a_form(name: str):
    assert isinstance(title_of(name).text, str)
    assert all(artist_keys(name))
