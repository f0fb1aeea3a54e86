"""Training and the public test have the same baselines: sound alone wherever there is sound."""

from __future__ import annotations

from tests.unit.checkerboard import checkerboard, liked, track
from training.judge.rivals import rivals
from training.recommend.ranking import Ranking

FROM_SESSIONS = ["popular", "cooccurrence", "session_knn"]


def test_sound_alone_is_among_them_where_there_is_sound():
    assert [one.name for one in rivals(checkerboard(), Ranking())] == [*FROM_SESSIONS, "sound"]
    assert [one.name for one in rivals(checkerboard(d=0), Ranking())] == FROM_SESSIONS


def test_they_repeat_what_was_just_played_where_the_model_does():
    data = checkerboard()
    heard = liked(*range(0, 24, 2))
    for ranking, repeating in ((Ranking(), False), (Ranking().by_merit_alone(), True)):
        answers = [[one.track for one in of.next_tracks(heard, 24)] for of in rivals(data, ranking)]
        assert [track(22) in answer for answer in answers] == [repeating] * 4


def test_all_of_them_answer_somebody_who_has_heard_nothing():
    for one in rivals(checkerboard(), Ranking().by_merit_alone()):
        assert len(one.next_tracks([], 20)) == 20, one.name
