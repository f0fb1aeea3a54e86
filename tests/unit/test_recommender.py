from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from infra.errors import BundleError, TrainingError
from infra.models import TrackId
from tests.unit.checkerboard import checkerboard, library, liked, track, two_sounds
from training.data.dataset import TrainingData
from training.data.signals import Signal
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.baselines import CoOccurrence, Popular, SessionNeighbours, SoundNeighbours
from training.recommend.ranking import Ranking
from training.recommend.recommender import Recommender, SessionRecommender
from training.recommend.rerank import Reranker
from training.recommend.traits import NAMES

TRACKS, PLAYED = 48, 40
CONFIG = ModelConfig(dim=16, epochs=4)
KINDS = ["segue", "popular", "cooccurrence", "session_knn", "sound"]
KNOWING = ["segue", "cooccurrence", "session_knn", "sound"]


def trained(data: TrainingData, config: ModelConfig = CONFIG) -> SessionRecommender:
    return SessionRecommender.build(fit(config, data), data, config.ranking, seed=1, normaliser_version=3)


def by_sound(data: TrainingData) -> SoundNeighbours:
    ids = [TrackId(one) for one in data.track_ids]
    return SoundNeighbours(dict(zip(ids, data.sound.tolist(), strict=True)), dict(zip(ids, data.artists, strict=True)))


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return checkerboard(TRACKS, 80, played=PLAYED)


@pytest.fixture(scope="module")
def segue(data: TrainingData) -> SessionRecommender:
    return trained(data)


@pytest.fixture(scope="module")
def every(data: TrainingData, segue: SessionRecommender) -> dict[str, Recommender]:
    others: list[Recommender] = [Popular(data), CoOccurrence(data), SessionNeighbours(data), by_sound(data)]
    return {one.name: one for one in [segue, *others]}


@pytest.mark.parametrize("kind", KINDS)
class TestEvery:
    """What holds for every recommender, learned or not."""

    def test_answers_as_many_as_asked_each_once(self, every: dict[str, Recommender], kind: str):
        answer = every[kind].next_tracks(liked(0, 2, 4), 20)
        assert len({one.track for one in answer}) == 20

    def test_nothing_just_played_comes_back(self, every: dict[str, Recommender], kind: str):
        answer = every[kind].next_tracks(liked(*range(10)), TRACKS)
        assert not {one.track for one in answer} & {track(i) for i in range(10)}

    def test_gives_all_that_is_left_and_no_more(self, every: dict[str, Recommender], kind: str):
        excluded = [track(i) for i in range(30)]
        answer = every[kind].next_tracks(liked(30, 31), 500, exclude=excluded)
        assert sorted(one.track for one in answer) == [track(i) for i in range(32, TRACKS)]

    def test_everything_excluded_leaves_nothing(self, every: dict[str, Recommender], kind: str):
        assert every[kind].next_tracks(liked(0), 5, exclude=[track(i) for i in range(TRACKS)]) == []

    @pytest.mark.parametrize("n", [0, -1])
    def test_none_asked_none_given(self, every: dict[str, Recommender], kind: str, n: int):
        assert every[kind].next_tracks(liked(0), n) == []
        assert every[kind].similar(track(0), n) == []

    @pytest.mark.parametrize(
        "recent",
        [
            [],
            [Signal(TrackId("unknown"), 1.0, 0)],
            [Signal(track(1), -1.0, 0)],
            [Signal(track(1), 0.0, 0)],
            [Signal(track(1), 1.0, 0)] * 1_000,
            [Signal(track(1), 1.0, 2**50), Signal(track(1), -1.0, 0)],
            liked(*range(TRACKS)),
        ],
        ids=["nothing", "unknown", "skip", "neutral", "1,000 times", "both", "everything"],
    )
    def test_odd_histories_have_an_answer_without_nan(
        self, every: dict[str, Recommender], kind: str, recent: list[Signal]
    ):
        answer = every[kind].next_tracks(recent, 10)
        assert len(answer) == 10
        assert all(np.isfinite(one.score) for one in answer)

    def test_the_same_question_has_the_same_answer(self, every: dict[str, Recommender], kind: str):
        asked = [*liked(3, 5), Signal(track(2), -0.9, 9)]
        assert every[kind].next_tracks(asked, 20) == every[kind].next_tracks(asked, 20)

    def test_similar_tracks_leave_the_track_itself_out(self, every: dict[str, Recommender], kind: str):
        found = every[kind].similar(track(3), 10)
        assert len({one.track for one in found} - {track(3)}) == 10
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)

    def test_nothing_is_similar_to_an_unknown_track(self, every: dict[str, Recommender], kind: str):
        assert every[kind].similar(TrackId("unknown"), 5) == []


@pytest.mark.parametrize("kind", KNOWING)
@pytest.mark.parametrize("side", [0, 1])
def test_checkerboard_is_learned(every: dict[str, Recommender], kind: str, side: int):
    answer = every[kind].next_tracks(liked(side, side + 2, side + 4), 10)
    assert all(int(one.track[1:]) % 2 == side for one in answer)


def test_a_track_never_played_is_found_by_its_sound(segue: SessionRecommender):
    whole = segue.next_tracks(liked(0, 2), TRACKS)
    places = [place for place, one in enumerate(whole) if int(one.track[1:]) >= PLAYED and int(one.track[1:]) % 2 == 0]
    assert len(places) == 4
    assert max(places) < TRACKS // 2


@pytest.mark.parametrize("kind", ["segue", "sound"])
def test_a_skip_moves_the_next_answers_away(every: dict[str, Recommender], kind: str):
    before = every[kind].next_tracks(liked(0, 1), 20)
    skips = [Signal(track(i), -1.0, 9) for i in (3, 5, 7)]
    after = every[kind].next_tracks([*liked(0, 1), *skips], 20)
    odd_before, odd_after = (sum(int(one.track[1:]) % 2 for one in answer[:8]) for answer in (before, after))
    assert odd_after < odd_before
    assert len(after) == 20


@pytest.mark.parametrize("kind", ["segue", "sound"])
def test_three_skips_leave_a_full_answer_and_one_at_once_counts_more_than_a_late_one(
    every: dict[str, Recommender], kind: str
):
    def odd(*weights: float) -> int:
        skips = [Signal(track(place), weight, 9) for place, weight in zip((3, 5, 7), weights, strict=False)]
        answer = every[kind].next_tracks([*liked(0, 1), *skips], 20)
        assert len(answer) == 20
        return sum((20 - rank) * (int(one.track[1:]) % 2) for rank, one in enumerate(answer))

    assert odd(-1, -1, -1) < odd(-1) < odd()
    assert odd(-1, -1, -1) < odd(-0.2, -0.2, -0.2)


def test_a_session_is_answered_as_itself_and_not_as_those_before_it(segue: SessionRecommender):
    long_ago, now = liked(1, 3, 5, 7, 9), [Signal(track(place), 1.0, 10**9 + place) for place in (0, 2)]
    answer = segue.next_tracks([*long_ago, *now], 8)
    assert all(int(one.track[1:]) % 2 == 0 for one in answer)


def test_skips_alone_move_the_start_away(every: dict[str, Recommender]):
    answer = every["sound"].next_tracks([Signal(track(i), -1.0, 0) for i in (1, 3)], 10)
    assert sum(int(one.track[1:]) % 2 for one in answer[:6]) <= 1


def test_the_last_word_on_a_track_decides(segue: SessionRecommender):
    forgiven = [Signal(track(1), -1.0, 0), Signal(track(1), 1.0, 1)]
    assert segue.next_tracks(forgiven, 5) == segue.next_tracks(liked(1), 5)


def test_albums_are_spread():
    vectors = {track(i): row.tolist() for i, row in enumerate(two_sounds(60)[::2])}
    albums = {one: f"album {int(one[1:]) // 6}" for one in vectors}
    answer = SoundNeighbours(vectors, dict.fromkeys(vectors, "x"), albums).next_tracks(liked(0), 10)
    given = [albums[one.track] for one in answer]
    assert all(given.count(album) == 2 for album in set(albums.values()))


def test_two_tastes_are_both_heard(segue: SessionRecommender):
    answer = segue.next_tracks(liked(0, 1, 2, 3), 10)
    assert {int(one.track[1:]) % 2 for one in answer} == {0, 1}


@pytest.mark.parametrize("kind", ["segue", "sound"])
def test_artists_are_spread_and_not_side_by_side(every: dict[str, Recommender], kind: str):
    for recent in ([], liked(0, 2)):
        artists = [f"artist {int(one.track[1:]) % 10}" for one in every[kind].next_tracks(recent, 10)]
        assert max(artists.count(one) for one in artists) <= 3
        assert all(a != b for a, b in itertools.pairwise(artists))


def test_one_artist_alone_still_fills_the_answer():
    alone = SoundNeighbours(
        {track(i): row.tolist() for i, row in enumerate(two_sounds(12))}, {track(i): "x" for i in range(12)}
    )
    assert len(alone.next_tracks(liked(0), 11)) == 11


class TestReasons:
    def test_played_with_names_wanted_tracks_that_stood_in_a_session_with_it(
        self, data: TrainingData, segue: SessionRecommender
    ):
        recent = [*liked(0, 2, 4), Signal(track(6), -1.0, 9)]
        named = [one for one in segue.next_tracks(recent, 20) if one.because.kind == "played_with"]
        assert named
        bounds = itertools.pairwise(data.train.offsets.tolist())
        sessions = [{track(i) for i in data.train.items[a:b].tolist()} for a, b in bounds]
        for one in named:
            assert 1 <= len(one.because.tracks) <= 2
            for seed in one.because.tracks:
                assert seed in {track(0), track(2), track(4)}
                assert any({seed, one.track} <= session for session in sessions)

    def test_sounds_like_names_tracks_near_in_sound(self, every: dict[str, Recommender]):
        answer = every["sound"].next_tracks(liked(0, 1), 10)
        named = [one for one in answer if one.because.kind == "sounds_like"]
        assert named
        for one in named:
            assert all(int(seed[1:]) % 2 == int(one.track[1:]) % 2 for seed in one.because.tracks)

    def test_without_a_history_no_track_is_the_reason(self, segue: SessionRecommender):
        for one in segue.next_tracks([], 10):
            assert one.because.kind in {"popular", "new", "explore"}
            assert one.because.tracks == ()

    def test_what_was_asked_for_unheard_was_not_played(self, segue: SessionRecommender):
        seed = Signal(track(0), 1.0, 0, heard=False)
        kinds = {one.because.kind for one in segue.next_tracks([seed], 20)}
        assert "goes_with" in kinds
        assert "played_with" not in kinds
        heard_too = {one.because.kind for one in segue.next_tracks([*liked(0), seed], 20)}
        assert "goes_with" not in heard_too

    def test_what_nobody_has_played_is_told_by_its_sound(self, segue: SessionRecommender):
        answer = segue.next_tracks(liked(0, 2), TRACKS)
        flagged = {one.track for one in answer if one.because.never_played}
        assert flagged == {track(i) for i in range(PLAYED, TRACKS)}
        assert {one.because.kind for one in answer if one.track in flagged} <= {"sounds_like", "explore"}
        assert any(one.because.kind == "sounds_like" for one in answer if one.track in flagged)

    def test_what_this_listener_has_played_since_is_not_called_unplayed(self, segue: SessionRecommender):
        answer = segue.next_tracks(liked(PLAYED, *range(30)), TRACKS)
        assert [one.because.never_played for one in answer if one.track == track(PLAYED)] == [False]

    def test_a_track_that_was_only_skipped_has_been_played(self):
        data = library(6, [[0, 1, 2, 3]], weights=[[1.0, 1.0, 1.0, -1.0]])
        answer = trained(data).next_tracks(liked(0), 6)
        assert {one.track: one.because.never_played for one in answer} == {
            **dict.fromkeys(map(track, (1, 2, 3)), False),
            **dict.fromkeys(map(track, (4, 5)), True),
        }

    def test_popular_is_what_is_played_most(self, data: TrainingData, segue: SessionRecommender):
        most = np.percentile(data.counts[data.counts > 0], 90)
        kinds = {int(one.track[1:]): one.because.kind for one in segue.next_tracks([], TRACKS)}
        assert "popular" in kinds.values()
        assert all((kind == "popular") == (data.counts[place] >= most) for place, kind in kinds.items())

    def test_a_track_is_never_its_own_reason(self):
        alone = trained(library(1, [[0, 0]]))
        assert alone.next_tracks(liked(0), 1)[0].because.tracks == ()


STUMP = {
    "roots": [0],
    "trait": [NAMES.index("to_last"), 0, 0],
    "threshold": [0.5, 0, 0],
    "left": [1, 1, 2],
    "right": [2, 1, 2],
    "value": [0.0, -1.0, 1.0],
    "depth": 1,
}
"""One tree: what is near the last track comes first."""


class TestReranked:
    @pytest.fixture
    def reranked(self, data: TrainingData) -> SessionRecommender:
        trees = Reranker({name: np.array(value) for name, value in STUMP.items()})
        return SessionRecommender.build(fit(CONFIG, data), data, CONFIG.ranking, seed=1, reranker=trees)

    def test_the_trees_have_the_last_word(self, reranked: SessionRecommender):
        tracks, known = reranked.considered(liked(2, 4))
        near = {one for one, row in zip(tracks, known, strict=True) if row[NAMES.index("to_last")] > 0.5}
        plain = Ranking.model_fields["reranked"].default
        assert 0 < len(near) < len(tracks) <= plain
        first = [one.track for one in reranked.next_tracks(liked(2, 4), 5)]
        assert set(first) <= near

    @pytest.mark.parametrize("session", [["fresh"], ["fresh", "newer"], ["t001", "fresh"], ["fresh", "t001"]])
    def test_a_session_of_tracks_that_came_after_the_training(self, reranked: SessionRecommender, session: list[str]):
        vectors = two_sounds(2)
        wider = reranked.with_tracks({TrackId("fresh"): vectors[0].tolist(), TrackId("newer"): vectors[1].tolist()})
        answer = wider.next_tracks([Signal(TrackId(one), 1.0, at) for at, one in enumerate(session)], 10)
        assert len({one.track for one in answer} - set(session)) == 10
        assert all(np.isfinite(one.score) for one in answer)

    def test_trees_are_saved_and_loaded(self, tmp_path: Path, reranked: SessionRecommender):
        reranked.save(tmp_path)
        assert SessionRecommender.load(tmp_path).next_tracks(liked(1, 3), 20) == reranked.next_tracks(liked(1, 3), 20)


@pytest.mark.parametrize("kind", ["segue", "sound"])
def test_what_is_excluded_does_not_use_up_what_is_left(every: dict[str, Recommender], kind: str):
    excluded = [track(i) for i in range(TRACKS // 2)]
    played = liked(*range(TRACKS // 2, TRACKS))
    assert len(every[kind].next_tracks(played, 5, exclude=excluded)) == 5


class TestFresh:
    def test_a_new_track_is_recommended_beside_its_like(self, segue: SessionRecommender):
        vector = two_sounds(TRACKS)[1].tolist()
        wider = segue.with_tracks({TrackId("fresh"): vector}, {TrackId("fresh"): "newcomer"})
        assert "fresh" in wider.tracks
        assert "fresh" not in segue.tracks
        assert "fresh" in {one.track for one in wider.next_tracks(liked(1, 3), TRACKS // 2)}
        assert "fresh" not in {one.track for one in wider.next_tracks(liked(0, 2), TRACKS // 2)}
        assert "fresh" in {one.track for one in wider.similar(track(1), TRACKS // 2)}

    def test_known_tracks_stay_as_they_are(self, segue: SessionRecommender):
        assert segue.with_tracks({track(0): [0.0] * 8}) is segue

    def test_a_vector_of_another_length_is_refused(self, segue: SessionRecommender):
        with pytest.raises(BundleError, match="fresh"):
            segue.with_tracks({TrackId("fresh"): [1.0, 2.0]})

    def test_a_vector_that_is_no_number_is_refused(self, segue: SessionRecommender):
        with pytest.raises(TrainingError, match="fresh"):
            segue.with_tracks({TrackId("fresh"): [float("nan")] * 8})

    def test_a_model_without_sound_takes_new_tracks_as_unknown_ones(self):
        wider = trained(library(4, [[0, 1, 2]], d=0)).with_tracks({TrackId("fresh"): [1.0, 0.0]})
        answer = wider.next_tracks(liked(0), 10)
        assert [(one.because.kind, one.because.never_played) for one in answer if one.track == "fresh"] == [
            ("new", True)
        ]

    def test_new_tracks_are_saved_too(self, tmp_path: Path, segue: SessionRecommender):
        wider = segue.with_tracks({TrackId("fresh"): two_sounds(2)[1].tolist()})
        wider.save(tmp_path)
        assert SessionRecommender.load(tmp_path).next_tracks(liked(1, 3), 20) == wider.next_tracks(liked(1, 3), 20)


class TestBundle:
    def test_what_is_loaded_answers_as_what_was_saved(self, tmp_path: Path, segue: SessionRecommender):
        segue.save(tmp_path)
        loaded = SessionRecommender.load(tmp_path)
        assert loaded.normaliser_version == 3
        assert loaded.ranking == segue.ranking
        assert set(loaded.tracks) == set(segue.tracks)
        for recent in ([], liked(0), [*liked(4, 9), Signal(track(2), -0.5, 9)]):
            assert loaded.next_tracks(recent, 20) == segue.next_tracks(recent, 20)
        assert loaded.similar(track(5), 20) == segue.similar(track(5), 20)

    def test_a_library_with_trees_is_loaded_as_saved(self, tmp_path: Path):
        large = trained(library(2_500, [[0, 2, 4], [1, 3, 5]]), CONFIG.model_copy(update={"epochs": 1}))
        before = large.next_tracks(liked(0, 2), 20)
        large.save(tmp_path)
        assert (tmp_path / "items.annoy").exists()
        assert SessionRecommender.load(tmp_path).next_tracks(liked(0, 2), 20) == before

    def test_sound_alone_is_saved_too(self, tmp_path: Path, every: dict[str, Recommender]):
        sound = every["sound"]
        assert isinstance(sound, SoundNeighbours)
        sound.save(tmp_path)
        assert SessionRecommender.load(tmp_path).next_tracks(liked(0), 20) == sound.next_tracks(liked(0), 20)

    def test_any_file_cut_short_is_refused(self, tmp_path: Path, segue: SessionRecommender):
        segue.save(tmp_path)
        for path in sorted(tmp_path.iterdir()):
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) // 2])
            with pytest.raises(BundleError):
                SessionRecommender.load(tmp_path)
            path.unlink()
            with pytest.raises(BundleError):
                SessionRecommender.load(tmp_path)
            path.write_bytes(whole)
        SessionRecommender.load(tmp_path)

    def test_another_format_is_refused(self, tmp_path: Path, segue: SessionRecommender):
        segue.save(tmp_path)
        manifest = json.loads((tmp_path / "manifest.json").read_text())
        (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
        with pytest.raises(BundleError, match="format 99"):
            SessionRecommender.load(tmp_path)

    def test_an_empty_folder_is_no_bundle(self, tmp_path: Path):
        with pytest.raises(BundleError):
            SessionRecommender.load(tmp_path)


@pytest.mark.parametrize("n", [1, 2, 3, 19])
@pytest.mark.parametrize("kind", ["segue", "sound"])
def test_small_libraries_never_fall_silent(n: int, kind: str):
    data = library(n)
    small = trained(data) if kind == "segue" else by_sound(data)
    for recent in ([], liked(0), liked(*range(n))):
        assert small.next_tracks(recent, 5)
    assert len(small.next_tracks([], 50)) == n


def test_no_library_has_no_answer():
    assert SoundNeighbours({}).next_tracks(liked(0), 5) == []


def test_repeats_come_back_where_they_are_allowed(data: TrainingData):
    repeating = CONFIG.model_copy(update={"ranking": Ranking(allow_repeats=True)})
    answer = trained(data, repeating).next_tracks(liked(0, 2), TRACKS)
    assert {track(0), track(2)} <= {one.track for one in answer}
    assert not any(one.track in one.because.tracks for one in answer)


def test_serving_needs_no_torch():
    modules = ("recommend.recommender", "recommend.baselines", "registry.acceptance", "data.dataset", "judge.evaluate")
    code = "import sys\n" + "\n".join(f"import training.{m}" for m in modules) + "\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
