"""What a listener's signals come to: this session apart from earlier ones, and what is remembered of those."""

from __future__ import annotations

import numpy as np

from infra.models import TrackId
from training.data.signals import Signal
from training.recommend.heard import Heard, hear
from training.recommend.ranking import Ranking

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
NOON = 12 * HOUR_MS
TRACKS = [TrackId(f"t{i}") for i in range(12)]
PLACE = {track: place for place, track in enumerate(TRACKS)}
VECTORS = np.eye(12, dtype=np.float32)
"""Every track unlike all others."""


def said(place: int, at_ms: int, weight: float = 1.0) -> Signal:
    return Signal(TRACKS[place], weight, at_ms)


def heard(*recent: Signal, vectors: np.ndarray = VECTORS, **ranking: float) -> Heard:
    return hear(recent, PLACE, Ranking(**ranking), 50, vectors.__getitem__)  # type: ignore[arg-type]


def test_a_pause_begins_a_session_and_what_was_before_is_only_remembered():
    found = heard(said(0, NOON), said(1, NOON + 31 * MINUTE_MS), said(2, NOON + 60 * MINUTE_MS))
    assert found.session.tolist() == [1, 2]
    assert found.seeds.tolist() == [0, 1, 2]
    assert found.seed_strengths[0] < found.seed_strengths[1]
    assert found.played.tolist() == [0, 1, 2]


def test_a_long_track_is_no_pause():
    long = Signal(TRACKS[1], 1.0, NOON + 120 * MINUTE_MS, began_ms=NOON + MINUTE_MS)
    assert heard(said(0, NOON), long).session.tolist() == [0, 1]


def test_the_gap_can_be_set():
    assert heard(said(0, NOON), said(1, NOON + HOUR_MS), session_gap_minutes=90).session.tolist() == [0, 1]


def test_while_nothing_is_wanted_in_this_session_the_one_before_counts():
    found = heard(said(0, 0), said(1, NOON), said(2, NOON + HOUR_MS, -1.0))
    assert found.session.tolist() == [1]
    assert found.skipped.tolist() == [2]


def test_skips_of_earlier_sessions_are_remembered_and_are_not_of_this_one():
    found = heard(said(0, 0, -1.0), said(1, NOON))
    assert found.skipped.tolist() == []
    assert dict(zip(found.judged.tolist(), found.judgements.tolist(), strict=True)) == {0: 1.0, 1: -1.0}


def test_without_any_skip_nothing_is_judged():
    assert heard(said(0, 0), said(1, NOON)).judged.tolist() == []


def test_the_last_word_on_a_track_decides():
    found = heard(said(0, NOON), said(1, NOON), said(0, NOON + 1, -0.5))
    assert found.session.tolist() == found.seeds.tolist() == [1]
    assert found.skip_strengths[found.skipped == 0] == 0.5


def test_what_is_remembered_belongs_to_this_time_of_the_day_when_that_counts():
    day, night = [said(i, NOON + i * MINUTE_MS) for i in range(4)], [said(4 + i, NOON * 2 + i) for i in range(4)]
    now = said(9, NOON + 72 * HOUR_MS)
    assert set(heard(*night, *day, now, long_term_seeds=4).seeds[:4].tolist()) == {0, 1, 2, 3}
    strengths = heard(*night, *day, now, long_term_seeds=8, time_of_day=0.0).seed_strengths[:8]
    assert np.ptp(strengths) == 0


def test_what_is_remembered_is_spread_over_tastes():
    two = np.zeros((12, 2), dtype=np.float32)
    two[:6, 0] = two[6:, 1] = 1
    earlier = [said(i, i) for i in (0, 0, 1, 1, 2, 2, 6)]
    remembered = heard(*earlier, said(9, 24 * HOUR_MS), vectors=two, long_term_seeds=2).seeds[:2]
    assert {int(place) // 6 for place in remembered} == {0, 1}


def test_long_term_seeds_can_be_switched_off():
    assert heard(said(0, 0), said(1, NOON), long_term_seeds=0).seeds.tolist() == [1]


def test_what_was_wanted_unheard_is_known_as_that_and_was_not_played():
    found = heard(Signal(TRACKS[3], 1.0, NOON, heard=False), said(1, NOON + 1))
    assert found.unheard.tolist() == [3]
    assert found.played.tolist() == [1]


def test_unknown_tracks_and_no_tracks_come_to_nothing():
    for found in (heard(), heard(Signal(TrackId("unknown"), 1.0, 0))):
        assert all(len(column) == 0 for column in found)
