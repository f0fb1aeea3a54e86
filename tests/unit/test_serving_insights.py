"""Taste and statistics of histories whose sums are known."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from infra.clock import to_ms
from infra.models import Track, TrackId
from infra.store import StoredPlay
from serving.listening.diary import Diary, Heard
from serving.listening.past import Unlearning
from serving.listening.portrait import portrait
from serving.listening.yearly import statistics
from tests.data.records import record, track_id
from training.data.signals import Listenings

TODAY = date(2026, 11, 30)
MINUTE_MS = 60_000


def tracks() -> dict[TrackId, Track]:
    """Three artists with two tracks each; the third has no album, and the last track is of another genre."""
    found = {}
    for number in range(6):
        artist = f"artist {number // 2}"
        made = record(f"{number}", artist=artist, album=f"album {number // 2}" if number < 4 else "").track
        made = made.model_copy(update={"genre": "Jazz" if number < 5 else "Rock", "cover": number % 2 == 1})
        found[made.id] = made
    return found


def told(*plays: tuple[str, str, datetime, int] | tuple[str, str, datetime, int, bool]) -> Sequence[Heard]:
    """Listenings of (title, kind, when it ended, minutes heard[, private])."""
    known = Listenings(Heard)
    for name, kind, at, minutes, *private in sorted(plays, key=lambda one: one[2]):
        event = (str(uuid.uuid4()), "me", track_id(name), kind, minutes * MINUTE_MS, 4 * MINUTE_MS, to_ms(at))
        known.take(StoredPlay(*event, bool(private and private[0])))
    return Diary(known.all).listenings


def at(month: int, day: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_a_taste_has_what_was_wanted_and_what_was_not():
    found = portrait(
        told(
            *(("0", "finished", at(1, day), 3) for day in range(1, 7)),
            *(("2", "skipped", at(2, day), 0) for day in range(1, 5)),
            ("4", "liked", at(3, 1), 0),
            ("5", "finished", at(3, 2), 4, True),
        ),
        tracks(),
        UTC,
    )
    assert (found.plays, found.finished, found.skipped, found.liked, found.disliked) == (10, 6, 4, 1, 0)
    assert found.ms == 18 * MINUTE_MS
    assert found.since == at(1, 1) - timedelta(minutes=3)
    assert [(one.name, one.plays, one.skips, one.likes, round(one.weight, 2)) for one in found.artists] == [
        ("artist 0", 6, 0, 0, 0.75),
        ("artist 1", 4, 4, 0, -0.67),
        ("artist 2", 0, 0, 1, 0.33),
    ]
    assert [one.track.title for one in found.tracks] == ["0", "2", "4"]
    assert [one.name for one in found.albums] == ["album 0", "album 1"]
    assert [one.name for one in found.genres] == ["Jazz"]
    assert [hour for hour, ms in enumerate(found.hours) if ms] == [11]
    facts = {fact.kind: (fact.name, round(fact.value, 2)) for fact in found.facts}
    assert facts == {
        "most_artist": ("artist 0", 1.0),
        "most_genre": ("Jazz", 1.0),
        "skips_artist": ("artist 1", 1.0),
        "time_of_day": ("morning", 1.0),
        "finishes": ("", 0.6),
        "discovers": ("", 0.2),
        "returns_to": ("0", 6),
    }


def test_albums_of_one_title_are_told_apart_by_whose_they_are():
    named = {one: track.model_copy(update={"album": "Live"}) for one, track in tracks().items()}
    found = portrait(told(("0", "finished", at(1, 1), 3), ("2", "skipped", at(1, 2), 0)), named, UTC)
    assert [(one.name, one.artist, one.plays) for one in found.albums] == [
        ("Live", "artist 0", 1),
        ("Live", "artist 1", 1),
    ]
    assert [Unlearning(album="LIVE", album_artist="Artist 1").means(track) for track in named.values()] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert all(Unlearning(album="live").means(track) for track in named.values())
    nobodys = named[track_id("0")].model_copy(update={"artist": "", "album_artist": ""})
    assert Unlearning(album="Live", album_artist="").means(nobodys)
    assert not any(Unlearning(album="Live", album_artist="").means(track) for track in named.values())


def test_who_has_heard_nothing_has_no_taste_and_no_year():
    found = portrait([], tracks(), UTC)
    assert (found.plays, found.since, found.facts, found.artists) == (0, None, (), ())
    year = statistics([], tracks(), UTC, None, TODAY)
    assert (year.years, year.year, year.longest_day, year.days_in_a_row, year.months) == ((), 2026, None, 0, ())


def test_a_track_that_the_library_has_no_more_is_counted_and_not_named():
    found = portrait(told(("gone", "finished", at(1, 1), 3)), tracks(), UTC)
    assert (found.plays, found.tracks, found.artists) == (1, (), ())
    year = statistics(told(("gone", "finished", at(1, 1), 3)), tracks(), UTC, None, TODAY)
    assert (year.plays, year.n_tracks, year.n_artists, year.top_tracks) == (1, 1, 0, ())


YEAR = told(
    ("0", "finished", at(12, 31, 20, year=2025), 4),
    ("0", "finished", at(1, 1), 4),
    ("1", "finished", at(1, 2), 4),
    ("1", "skipped", at(1, 3), 1),
    ("5", "finished", at(3, 9, 8), 2),
    ("5", "finished", at(3, 9, 9), 3, True),
)


def test_a_year_in_numbers():
    found = statistics(YEAR, tracks(), UTC, None, TODAY)
    assert (found.years, found.year) == ((2025, 2026), 2026)
    assert (found.ms, found.plays, found.finished, found.skipped) == (14 * MINUTE_MS, 5, 4, 1)
    assert (found.n_tracks, found.n_artists, found.n_new, found.days_in_a_row) == (3, 2, 2, 3)
    assert found.longest_day is not None
    assert (found.longest_day.day, found.longest_day.ms) == ("2026-03-09", 5 * MINUTE_MS)
    assert (len(found.clock), {len(hours) for hours in found.clock}) == (7, {24})
    assert found.clock[0][7] + found.clock[0][8] == 5 * MINUTE_MS
    assert sum(map(sum, found.clock)) == found.ms
    assert [(one.month, one.plays, [g.name for g in one.genres]) for one in found.months] == [
        ("2026-01", 3, ["Jazz"]),
        ("2026-03", 2, ["Rock"]),
    ]
    assert [(one.track.title, one.plays) for one in found.top_tracks] == [("1", 2), ("5", 2), ("0", 1)]
    assert [(one.name, one.ms, one.cover_track) for one in found.top_artists] == [
        ("artist 0", 9 * MINUTE_MS, track_id("1")),
        ("artist 2", 5 * MINUTE_MS, track_id("5")),
    ]
    assert [(one.name, one.artist, one.cover_track) for one in found.top_albums] == [
        ("album 0", "artist 0", track_id("1"))
    ]


def test_a_day_is_one_where_the_listener_is():
    zone = ZoneInfo("Pacific/Auckland")
    found = statistics(YEAR, tracks(), zone, None, TODAY)
    assert (found.years, found.plays, found.n_new) == ((2026,), 6, 3)
    assert found.days_in_a_row == 4
    assert statistics(YEAR, tracks(), UTC, 2025, TODAY).plays == 1
    assert statistics(YEAR, tracks(), UTC, 2024, TODAY).plays == 0


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "America/St_Johns", "Asia/Kathmandu"])
def test_every_play_is_in_one_year_and_one_hour_wherever(zone: str):
    years = statistics(YEAR, tracks(), ZoneInfo(zone), None, TODAY).years
    found = [statistics(YEAR, tracks(), ZoneInfo(zone), year, TODAY) for year in years]
    assert sum(one.plays for one in found) == 6
    assert sum(map(sum, (hours for one in found for hours in one.clock))) == 18 * MINUTE_MS
