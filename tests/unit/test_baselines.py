from __future__ import annotations

import numpy as np
import pytest

from infra.errors import TrainingError
from infra.models import TrackId
from tests.unit.checkerboard import flat, library, liked, track, two_sounds
from training.data.cooccurrence import Cooccurrence
from training.recommend.baselines import CoOccurrence, Popular, SessionNeighbours, SoundNeighbours
from training.recommend.evidence import WINDOW, evidence


def test_popular_counts_wanted_plays_only():
    data = library(4, [[0, 1, 2], [1, 2], [2, 2]], weights=[[1, 1, 1], [1, -1], [-1, -1]])
    assert [one.track for one in Popular(data).next_tracks([], 2)] == [track(1), track(0)]


def test_cooccurrence_prefers_what_stood_nearer_and_after():
    data = library(8, [[0, 1, 2, 3], [4, 0, 5]])
    found = [one.track for one in CoOccurrence(data).next_tracks(liked(0), 5)]
    assert found[0] in {track(1), track(5)}
    assert found.index(track(1)) < found.index(track(2)) < found.index(track(3))
    assert found.index(track(5)) < found.index(track(4))


def test_session_neighbours_follow_the_session_that_shares_most():
    data = library(8, [[0, 1, 2], [0, 5], [6, 7], [0, 3]])
    assert SessionNeighbours(data).next_tracks(liked(0, 1), 1)[0].track == track(2)


def test_evidence_says_what_each_seed_gave():
    sessions = flat([[0, 1, 2], [3, 2], [4, 5]])
    found = evidence(
        Cooccurrence.build(sessions.offsets, sessions.items, 6), np.array([0, 3, 99]), np.ones(3, dtype=np.float32)
    )
    assert found.candidates.tolist() == [1, 2]
    assert found.seeds.tolist() == [0, 3]
    np.testing.assert_allclose(found.by_seed.sum(axis=1), found.scores)
    assert (found.by_seed > 0).tolist() == [[True, False], [True, True]]


def test_a_track_a_thousand_times_in_a_row_stays_cheap():
    sessions = flat([[0] * 1_000 + [1]])
    found = evidence(Cooccurrence.build(sessions.offsets, sessions.items, 2), np.array([0]), np.ones(1, np.float32))
    assert found.candidates.tolist() == [0, 1]
    assert np.isfinite(found.scores).all()
    assert WINDOW < 1_000


def test_sound_names_the_track_that_is_no_number():
    with pytest.raises(TrainingError, match="bad"):
        SoundNeighbours({TrackId("bad"): [1.0, float("nan")]})


def test_sound_takes_new_tracks_as_they_are():
    vectors = two_sounds(20)
    sound = SoundNeighbours({track(i): row.tolist() for i, row in enumerate(vectors[:10])})
    wider = sound.with_tracks({track(i): vectors[i].tolist() for i in range(10, 20)})
    answer = wider.next_tracks(liked(1), 6)
    assert all(int(one.track[1:]) % 2 == 1 for one in answer)
    assert any(int(one.track[1:]) >= 10 for one in answer)
