"""The Spark stage: the store read in partitions, and plays to sessions on plays small enough to know the answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.sound.features import FEATURE_NAMES
from etl.sound.normalise import Normaliser
from infra.settings import Settings
from infra.store import Store
from tests.data.records import play, record, track_id
from training.data.dataset import TrainingData, load
from training.pipeline import _normaliser
from training.spark import sessions
from training.spark.prepare import Prepared, prepare_frames
from training.spark.session import session
from training.spark.source import read

MINUTE = 60_000
LENGTH = 200_000
NOW = 1_800_000_000_000

TRACKS = ("a", "b", "c", "d")
PLAYS = "event_id string, user string, track string, kind string, position_ms long, duration_ms long, at_ms long, private boolean"


@pytest.fixture(scope="module")
def spark(installation: Settings) -> Iterator[SparkSession]:
    with session(installation, rows=0) as started:
        yield started


@pytest.fixture(scope="module")
def tracks(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([(track,) for track in TRACKS], "id string")


class Listener:
    """Writes down what somebody does, minute by minute."""

    ids = count()

    def __init__(self, name: str, at_ms: int = NOW - 1000 * MINUTE) -> None:
        self.name, self.at_ms, self.rows = name, at_ms, []

    def does(self, kind: str, track: str, position_ms: int = 0, *, private: bool = False) -> Listener:
        self.at_ms += position_ms
        event = f"{next(self.ids):08x}"
        self.rows.append((event, self.name, track, kind, position_ms, LENGTH, self.at_ms, private))
        return self

    def hears(self, *tracks: str) -> Listener:
        for track in tracks:
            self.does("started", track).does("finished", track, LENGTH)
        return self

    def waits(self, minutes: float) -> Listener:
        self.at_ms += int(minutes * MINUTE)
        return self


def found(spark: SparkSession, tracks: DataFrame, *listeners: Listener) -> list[tuple[str, list[str], list[float]]]:
    """User, tracks and weights of every session, by user and time."""
    plays = spark.createDataFrame([row for one in listeners for row in one.rows], PLAYS)
    learnable = sessions.learnable(plays, tracks, NOW)
    made = sessions.sessions(sessions.listenings(learnable, 30)).orderBy("user", "ended_at_ms").collect()
    return [(row["user"], row["tracks"], [round(w, 2) for w in row["weights"]]) for row in made]


@pytest.mark.parametrize("partitions", [1, 5])
def test_the_store_is_read_whole_in_partitions(spark: SparkSession, store: Store, partitions: int) -> None:
    names = [f"track {i}" for i in range(40)]
    store.tracks.upsert([record(name, vectors={3: (0.6, 0.8)}) for name in names[:-1]] + [record(names[-1])])
    store.plays.append([play(name, minute=i, private=i % 2 == 0) for i, name in enumerate(names)])
    tracks = read(spark, store.uri, store.database, "tracks", partitions)
    plays = read(spark, store.uri, store.database, "plays", partitions)
    assert tracks.rdd.getNumPartitions() == plays.rdd.getNumPartitions() == partitions
    found = {row["id"]: (row["artist"], row["album"], row["vector"], row["vector_version"]) for row in tracks.collect()}
    assert found == {
        kept.track.id: (
            kept.track.artist,
            kept.track.album,
            rounded(kept.vectors.get(3)),
            max(kept.vectors, default=None),
        )
        for kept in store.tracks.scan()
    }
    assert {tuple(row) for row in plays.collect()} == {tuple(kept) for kept in store.plays.scan()}


def test_what_became_private_after_a_training_is_not_in_the_next_one(spark: SparkSession, store: Store) -> None:
    names = [f"track {i}" for i in range(6)]
    store.tracks.upsert([record(name, vectors={1: (0.6, 0.8)}) for name in names])
    events = [play(name, minute=4 * i) for i, name in enumerate(names)]
    store.plays.append(events)
    unlearned = events[2:4]
    store.plays.append([event.model_copy(update={"private": True}) for event in unlearned])
    tracks = read(spark, store.uri, store.database, "tracks", 1)
    plays = read(spark, store.uri, store.database, "plays", 1)
    learned = sessions.learnable(plays, sessions.playable(tracks, 1), NOW).select("track").collect()
    assert {row[0] for row in learned} == {event.track for event in events} - {event.track for event in unlearned}


def test_while_tracks_get_new_vectors_those_that_all_have_are_read(spark: SparkSession, store: Store) -> None:
    state = Normaliser.fit(np.random.default_rng(1).normal(size=(9, len(FEATURE_NAMES)))).to_state()
    names = [f"track {i}" for i in range(6)]
    store.normalisers.save(1, state)
    store.tracks.upsert([record(name, vectors={1: (0.1, 0.2)}) for name in names])
    store.normalisers.save(2, state)
    store.tracks.set_vectors(2, {track_id(name): (0.3, 0.4) for name in names[:2]})
    assert _normaliser(store)[0] == 1
    found = read(spark, store.uri, store.database, "tracks", 2, 1).select("vector_version", "vector").collect()
    assert [(row[0], np.round(row[1], 3).tolist()) for row in found] == [(1, [0.1, 0.2])] * 6
    store.tracks.set_vectors(2, {track_id(name): (0.3, 0.4) for name in names})
    assert _normaliser(store)[0] == 2
    newest = read(spark, store.uri, store.database, "tracks", 2).select("vector_version").collect()
    assert [row[0] for row in newest] == [2] * 6


def test_an_empty_store_is_read_as_no_rows(spark: SparkSession, store: Store) -> None:
    assert read(spark, store.uri, store.database, "plays", 2).count() == 0


def rounded(vector: tuple[float, ...] | None) -> list[float] | None:
    return None if vector is None else [float(np.float32(value)) for value in vector]


def test_what_is_heard_in_a_row_is_a_session(spark: SparkSession, tracks: DataFrame) -> None:
    assert found(spark, tracks, Listener("me").hears("a", "b", "c")) == [("me", ["a", "b", "c"], [1, 1, 1])]


def test_a_pause_longer_than_the_gap_begins_another_session(spark: SparkSession, tracks: DataFrame) -> None:
    me = Listener("me").hears("a", "b").waits(29).hears("c").waits(31).hears("d", "a")
    assert [s[1] for s in found(spark, tracks, me)] == [["a", "b", "c"], ["d", "a"]]


def test_a_long_recording_is_no_pause(spark: SparkSession, tracks: DataFrame) -> None:
    me = Listener("me").hears("a").does("started", "b").does("finished", "b", 90 * MINUTE).hears("c")
    assert [s[1] for s in found(spark, tracks, me)] == [["a", "b", "c"]]


def test_listeners_are_kept_apart(spark: SparkSession, tracks: DataFrame) -> None:
    made = found(spark, tracks, Listener("me").hears("a", "b"), Listener("you").hears("c", "a"))
    assert [(user, heard) for user, heard, _ in made] == [("me", ["a", "b"]), ("you", ["c", "a"])]


def test_private_unknown_and_future_plays_are_not_learned_from(spark: SparkSession, tracks: DataFrame) -> None:
    me = Listener("me").hears("a").does("finished", "b", LENGTH, private=True).hears("gone", "c")
    clock_ahead = Listener("me", NOW + 25 * 60 * MINUTE).hears("d")
    assert [s[1] for s in found(spark, tracks, me, clock_ahead)] == [["a", "c"]]


def test_a_listening_is_its_last_state(spark: SparkSession, tracks: DataFrame) -> None:
    me = Listener("me").hears("a").does("started", "b").does("progress", "b", 30_000).does("skipped", "b", 5_000)
    [(_, heard, weights)] = found(spark, tracks, me.hears("c"))
    assert heard == ["a", "b", "c"]
    assert weights[0] == weights[2] == 1
    assert weights[1] < -0.9


def test_a_thousand_times_the_same_track_is_one_listening(spark: SparkSession, tracks: DataFrame) -> None:
    me = Listener("me")
    for _ in range(1000):
        me.does("started", "a").does("skipped", "a", 1000)
    assert [s[1] for s in found(spark, tracks, me.hears("b", "a"))] == [["a", "b", "a"]]


@pytest.mark.parametrize(("opinion", "worth"), [("liked", 1), ("disliked", -1)])
def test_an_opinion_replaces_what_the_listening_said(
    spark: SparkSession, tracks: DataFrame, opinion: str, worth: float
) -> None:
    me = Listener("me").does("started", "a").does("skipped", "a", 100_000).does("started", "b").does(opinion, "a")
    me.does("finished", "b", LENGTH)
    assert found(spark, tracks, me) == [("me", ["a", "b"], [worth, 1])]


def test_an_opinion_on_what_was_not_played_stands_for_itself(spark: SparkSession, tracks: DataFrame) -> None:
    me = Listener("me").hears("a").does("liked", "d").hears("a")
    assert found(spark, tracks, me) == [("me", ["a", "d"], [1, 1])]


def test_the_newest_tenth_is_held_out_when_there_are_enough(spark: SparkSession, tracks: DataFrame) -> None:
    del tracks
    for amount, held in ((19, []), (20, [18, 19]), (100, list(range(90, 100)))):
        rows = [(f"s{i}", ["a", "b"], i) for i in range(amount)] + [("alone", ["a"], 10_000)]
        made = sessions.split(spark.createDataFrame(rows, "session_id string, tracks array<string>, ended_at_ms long"))
        predictable = made.where("session_id != 'alone' and split = 'holdout'").collect()
        assert sorted(row["ended_at_ms"] for row in predictable) == held


def test_tracks_are_usable_with_a_vector_of_the_newest_normaliser(spark: SparkSession) -> None:
    rows = [
        ("good", [0.6, 0.8], 2),
        ("old", [0.6, 0.8], 1),
        ("none", None, None),
        ("not a number", [float("nan"), 0.1], 2),
        ("infinite", [float("-inf"), 0.1], 2),
    ]
    frame = spark.createDataFrame(rows, "id string, vector array<float>, vector_version int")
    assert [row["id"] for row in sessions.playable(frame, 2).collect()] == ["good"]


def test_tracks_are_joined_to_how_often_they_were_wanted(spark: SparkSession, tracks: DataFrame) -> None:
    rows = [
        (["a", "b", "a"], [1.0, -0.5, 0.5], "train"),
        (["a", "c"], [1.0, 0.0], "train"),
        (["d"], [1.0], "holdout"),
        ([], [], "train"),
    ]
    made = spark.createDataFrame(rows, "tracks array<string>, weights array<float>, split string")
    counted = sessions.with_plays(tracks, made).orderBy("id").collect()
    assert [(row["id"], row["plays"]) for row in counted] == [("a", 3), ("b", 0), ("c", 0), ("d", 0)]


def frames(spark: SparkSession, *listeners: Listener) -> tuple[DataFrame, DataFrame]:
    """Four tracks with a sound, one without, one whose sound is not a number; and what the listeners did."""
    vectors = {name: [0.6, 0.8] for name in TRACKS} | {"silent": None, "broken": [float("nan"), 1.0]}
    rows = [(name, "", "", vector, vector and 1, None) for name, vector in vectors.items()]
    columns = "id string, artist string, album string, vector array<float>, vector_version int, segments binary"
    events = [row for one in listeners for row in one.rows]
    return spark.createDataFrame(rows, columns), spark.createDataFrame(events, PLAYS)


def prepared(spark: SparkSession, folder: Path, *listeners: Listener) -> tuple[Prepared, TrainingData]:
    made = prepare_frames(*frames(spark, *listeners), folder, normaliser_version=1, gap_minutes=30, now_ms=NOW)
    return made, load(made.tracks, made.sessions, None)


def test_a_library_without_plays_is_prepared(spark: SparkSession, tmp_path: Path) -> None:
    made, data = prepared(spark, tmp_path)
    assert (made.n_tracks, made.left_out, made.n_plays, made.n_sessions, made.newest_play_ms) == (4, 2, 0, 0, 0)
    assert data.track_ids == list(TRACKS)
    assert data.train.number == data.holdout.number == 0


def test_unusable_plays_leave_a_sensible_rest(spark: SparkSession, tmp_path: Path) -> None:
    again = Listener("again", NOW - 5000 * MINUTE).hears(*["a"] * 1000)
    once = Listener("once").hears("b")
    stranger = Listener("stranger").hears("gone", "silent", "broken")
    ahead = Listener("ahead", NOW + 48 * 60 * MINUTE).hears("c", "d")
    skipping = Listener("skipping").hears("c").does("started", "d").does("skipped", "d", 1_000)
    made, data = prepared(spark, tmp_path, again, once, stranger, ahead, skipping)
    assert (made.n_plays, made.n_sessions) == (2000 + 2 + 4, 3)
    assert data.counts.tolist() == [1, 1, 1, 0]
    assert sorted(np.diff(data.train.offsets).tolist()) == [1, 1, 2]


def test_counts_of_the_stage_are_those_of_its_sessions(spark: SparkSession, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    listeners = [Listener(f"l{i}", NOW - 1000 * MINUTE + i).hears(*rng.choice(TRACKS, 5).tolist()) for i in range(40)]
    made, data = prepared(spark, tmp_path, *listeners)
    assert made.n_holdout > 0
    np.testing.assert_array_equal(data.counts, np.bincount(data.train.wanted().items, minlength=4))
