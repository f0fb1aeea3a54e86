"""Mixes: what they are made of, for whom there are which, and that they stay the same all day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from infra.clock import to_ms
from infra.events import DAY_MS
from infra.models import TrackId
from infra.store import StoredPlay
from serving.champion import Champion, Model
from serving.listening.diary import Diary, Heard
from serving.listening.mixing import Mixing, chance_of, known_by
from serving.music.catalogue import Catalogue, Entry
from tests.data.records import START, record
from tests.unit.checkerboard import two_sounds
from training.data.signals import Listenings

N = 60
NOW_MS = to_ms(START) + 200 * DAY_MS


def names() -> list[str]:
    return [f"{number}" for number in range(N)]


@pytest.fixture(scope="module")
def library() -> tuple[Model, dict[TrackId, Entry]]:
    """Sixty tracks by twelve artists, two sounds; the last ten came a hundred days after the others."""
    records = []
    for number, vector in enumerate(two_sounds(N).tolist()):
        made = record(f"{number}", artist=f"artist {number % 12}", vectors={1: tuple(vector)})
        added = START + timedelta(days=100 if number >= 50 else 0)
        records.append(made.model_copy(update={"track": made.track.model_copy(update={"added_at": added})}))
    catalogue = Catalogue(lambda _since: [(1, one) for one in records], vectors=True)
    catalogue.refresh()
    champion = Champion(catalogue, lambda: None, lambda _version: pytest.fail("no model is registered"), 1.0)
    return champion.model, dict(catalogue.entries)


def listened(*plays: tuple[int, str, float], private: bool = False) -> list[Heard]:
    """Of plays (number, kind, days ago)."""
    known = Listenings(Heard)
    for place, (number, kind, ago) in enumerate(sorted(plays, key=lambda one: -one[2])):
        track, at_ms = record(f"{number}").track.id, NOW_MS - int(ago * DAY_MS) + place
        known.take(StoredPlay(f"{place:032x}", "me", track, kind, 100_000, 180_000, at_ms, private))
    return list(Diary(known.all).listenings)


def mixes(
    library: tuple[Model, dict[TrackId, Entry]],
    heard: Sequence[Heard] = (),
    *,
    barred: Collection[TrackId] = (),
    day: str = "2026-07-20",
    n: int = 12,
) -> dict[str, list[int]]:
    model, entries = library
    made = Mixing(model, entries, heard, barred, chance_of(day, "me"), NOW_MS)
    return {mix.id: [int(entries[track].track.title) for track in mix.tracks] for mix in made.all(n)}


BOTH = listened(*((number, "finished", 5 + number) for number in range(20)), (21, "skipped", 1), (40, "finished", 90))


def test_who_has_played_nothing_has_what_was_never_played_and_what_is_new(library: tuple[Model, dict[TrackId, Entry]]):
    found = mixes(library)
    assert set(found) == {"never-played", "new-here"}
    assert set(found["new-here"]) <= set(range(50, 60))
    assert len(found["never-played"]) == 12


def test_daily_mixes_are_each_of_one_kind_and_hold_what_is_known_and_what_is_not(
    library: tuple[Model, dict[TrackId, Entry]],
):
    found = mixes(library, BOTH)
    daily = [tracks for name, tracks in found.items() if name.startswith("daily")]
    assert len(daily) >= 2
    for tracks in daily:
        evens = sum(track % 2 == 0 for track in tracks) / len(tracks)
        assert max(evens, 1 - evens) >= 0.8
        assert any(track < 20 for track in tracks)
        assert any(track >= 20 for track in tracks)
        assert len(set(tracks)) == len(tracks) <= 12
        assert all(a % 12 != b % 12 for a, b in pairwise(tracks))
    assert {track % 2 for tracks in daily for track in tracks} == {0, 1}


def test_what_is_rediscovered_was_wanted_and_not_heard_for_long(library: tuple[Model, dict[TrackId, Entry]]):
    old = listened(*((number, "finished", 60 + number) for number in range(8)), (9, "skipped", 80), (30, "finished", 2))
    assert set(mixes(library, old)["rediscover"]) == set(range(8))
    young = listened(*((number, "finished", 10 - number) for number in range(8)))
    assert set(mixes(library, young)["rediscover"]) == set(range(4))


def test_what_was_never_played_was_not_played_in_private_either(library: tuple[Model, dict[TrackId, Entry]]):
    heard = listened(*((number, "finished", 3) for number in range(30)), private=True)
    found = mixes(library, heard, n=40)
    assert not set(found["never-played"]) & set(range(30))
    assert set(found) == {"never-played", "new-here"}


def test_nothing_disliked_is_in_any_mix(library: tuple[Model, dict[TrackId, Entry]]):
    barred = {record(f"{number}").track.id for number in range(0, N, 3)}
    for tracks in mixes(library, BOTH, barred=barred).values():
        assert not [track for track in tracks if track % 3 == 0]


def test_a_day_has_its_mixes_and_the_next_one_others(library: tuple[Model, dict[TrackId, Entry]]):
    assert mixes(library, BOTH) == mixes(library, BOTH)
    other = mixes(library, BOTH, day="2026-07-21")
    assert set(other) == set(mixes(library, BOTH))
    assert other != mixes(library, BOTH)


def test_what_is_heard_today_changes_nothing_until_tomorrow():
    midnight = NOW_MS - NOW_MS % DAY_MS
    today = (NOW_MS - midnight) / DAY_MS / 2
    before, after = listened((1, "finished", 2)), listened((1, "finished", 2), (2, "finished", today))
    assert [one.track for one in known_by(after, midnight)] == [one.track for one in known_by(before, midnight)]
    assert [one.track for one in known_by(after[1:], midnight)] == [after[1].track]
