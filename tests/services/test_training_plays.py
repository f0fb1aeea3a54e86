"""From stored plays to a model: odd ones harm nothing, private ones and those taken back are in none, nobody gets another's."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.dataset as pads
import pytest
from pyspark.sql import SparkSession

from infra.bus import Bus, PlayProducer, TailReader
from infra.events import PlayEvent
from infra.models import Recommendation, TrackRecord, UserId
from infra.services import Services
from infra.settings import Settings
from infra.store import Store
from serving.recent.live import Live
from tests.data.records import START, play, record, track_id
from tests.services.test_etl_plays import publish, reading, soon
from training.data.dataset import TrainingData, load
from training.data.signals import Signal, disliked, signals
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.recommender import SessionRecommender
from training.spark.prepare import prepare
from training.spark.session import session

KINDS = ("loud", "soft")
TRACKS = {kind: [f"{kind} {i}" for i in range(10)] for kind in KINDS}
CONFIG = ModelConfig(dim=8, epochs=2)
DAY = 24 * 60
ME, YOU = UserId("me"), UserId("you")


class Learned(NamedTuple):
    """What the Spark stage made of some plays."""

    sessions: list[dict[str, object]]
    data: TrainingData


Learn = Callable[[Store], Learned]
Holding = Callable[[Sequence[PlayEvent]], Store]


@pytest.fixture(scope="module")
def spark(installation: Settings) -> Iterator[SparkSession]:
    with session(installation, rows=0) as started:
        yield started


@pytest.fixture(scope="module")
def learn(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Learn:
    """The Spark stage on a store's plays, its files read back."""

    def learned(of: Store) -> Learned:
        found = prepare(
            spark,
            of,
            tmp_path_factory.mktemp("prepared"),
            normaliser_version=1,
            gap_minutes=30,
            now_ms=int((START + timedelta(days=365)).timestamp() * 1000),
        )
        rows = pads.dataset(found.sessions, format="parquet").to_table().sort_by("session_id").to_pylist()
        return Learned(rows, load(found.tracks, found.sessions, None))

    return learned


@pytest.fixture(scope="module")
def holding(services: Services) -> Iterator[Holding]:
    """Makes a store with the library and some plays."""
    with ExitStack() as opened:

        def filled(plays: Sequence[PlayEvent]) -> Store:
            store = opened.enter_context(Store(services.ensure("mongo").mongo, f"test_{uuid.uuid4().hex[:12]}"))
            store.prepare().tracks.upsert(library())
            store.plays.append(plays)
            return store

        yield filled


@pytest.fixture(scope="module")
def both(learn: Learn, holding: Holding) -> Learned:
    """What is learned from two listeners who keep nothing to themselves."""
    return learn(holding([*MINE, *YOURS]))


def library() -> list[TrackRecord]:
    rng = np.random.default_rng(1)
    centres = {"loud": (1.0, 0.0), "soft": (0.0, 1.0)}
    return [
        record(
            name,
            artist=f"Artist {name[-1]}",
            vectors={1: tuple((rng.normal(scale=0.2, size=2) + centres[kind]).tolist())},
        )
        for kind in KINDS
        for name in TRACKS[kind]
    ]


def evenings(user: str, kind: str, *, seed: int, private: bool = False, minute: float = 0) -> list[PlayEvent]:
    """Twelve evenings of five tracks of a kind, `minute` minutes after the others'."""
    rng = np.random.default_rng(seed)
    heard = [rng.permutation(TRACKS[kind])[:5] for _ in range(12)]
    return [
        play(
            name,
            user=user,
            minute=day * DAY + minute + 4 * i,
            private=private,
            event_id=uuid.UUID(int=int(rng.integers(2**62))),
        )
        for day, names in enumerate(heard)
        for i, name in enumerate(names)
    ]


MINE, YOURS = evenings(ME, "soft", seed=1), evenings(YOU, "loud", seed=2, minute=1)
SECRET = [
    # In the middle of the sessions that are learned from, before and after them, and of another taste.
    *evenings(ME, "loud", seed=3, private=True, minute=2),
    *evenings(ME, "loud", seed=4, private=True, minute=10 * 60),
    play("soft 0", user=ME, kind="disliked", minute=3, private=True),
]


def recommender(data: TrainingData) -> SessionRecommender:
    return SessionRecommender.build(fit(CONFIG, data), data, CONFIG.ranking, seed=1)


def test_private_plays_change_nothing_in_what_is_learned(learn: Learn, holding: Holding, both: Learned) -> None:
    assert {row["user"] for row in both.sessions} == {ME, YOU}
    assert len(both.sessions) == 24
    assert learn(holding([*MINE, *YOURS, *SECRET])).sessions == both.sessions


def test_who_is_forgotten_is_in_the_next_model_as_if_never_there(
    learn: Learn, holding: Holding, both: Learned, bus: Bus, tmp_path: Path
) -> None:
    store = holding([])
    producer = PlayProducer(bus, timeout_s=20)
    with reading(store, bus):
        publish(producer, [*MINE, *YOURS, *SECRET])
        for user, plays in ((YOU, YOURS), (ME, [*MINE, *SECRET])):
            soon(lambda user=user, plays=plays: len(store.plays.history(user, 1000)[0]) == len(plays))
        asyncio.run(producer.forget(ME))
        soon(lambda: not store.plays.history(ME, 1)[0])
    producer.close()

    after, never = learn(store), learn(holding(YOURS))
    assert after.sessions == never.sessions
    assert {row["user"] for row in after.sessions} == {YOU}
    for name, learned in (("both", both), ("after", after), ("never", never)):
        recommender(learned.data).save(tmp_path / name)
    of_both, of_after, of_never = (
        (tmp_path / name / "manifest.json").read_bytes() for name in ("both", "after", "never")
    )
    assert of_after == of_never, "every file of the two models is the same"
    assert of_after != of_both


def test_what_one_listener_plays_changes_nobody_else_s_answer(store: Store, bus: Bus, both: Learned) -> None:
    model = recommender(both.data)
    producer = PlayProducer(bus, timeout_s=20)
    live = Live(lambda: TailReader(bus), store.plays)
    live.start()
    soon(lambda: live.reading)

    def tell(events: Sequence[PlayEvent]) -> None:
        read = live.events_in + len(events)
        publish(producer, events)
        soon(lambda: live.events_in == read)

    def answer(user: UserId) -> list[Recommendation]:
        events = asyncio.run(live.recent(user)).events()
        return model.next_tracks(signals(events), 8, disliked(events))

    try:
        tell([*MINE[:5], *YOURS[:5]])
        mine, yours = answer(ME), answer(YOU)
        assert mine != yours
        tell([e.model_copy(update={"user": ME, "event_id": uuid.uuid4(), "kind": "skipped"}) for e in YOURS])
        tell([play("loud 0", user=ME, kind="disliked", minute=DAY), *SECRET])
        assert answer(YOU) == yours
        assert answer(ME) != mine
    finally:
        live.close()
        producer.close()


def test_before_the_first_play_there_is_a_model_by_sound(learn: Learn, holding: Holding) -> None:
    found = learn(holding([]))
    assert found.sessions == []
    assert found.data.counts.tolist() == [0] * len(found.data.track_ids)
    answer = recommender(found.data).next_tracks([Signal(track_id("loud 1"), 1.0, 0)], 5)
    assert all(one.track in {track_id(name) for name in TRACKS["loud"]} for one in answer)


def test_odd_plays_harm_nothing(learn: Learn, holding: Holding) -> None:
    clock = {"minute": 0.0}

    def odd(name: str, **changes: Any) -> PlayEvent:
        clock["minute"] += 0.01
        return play(name, **({"user": "odd", "minute": clock["minute"]} | changes))

    ahead, behind = datetime(2100, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)
    events = [
        *(odd("loud 0", kind=kind, position_ms=0) for kind in ("started", "skipped") * 500),
        *(odd(f"never ingested {i}") for i in range(50)),
        *(
            odd(name, at=at + timedelta(seconds=s))
            for s, name in enumerate(("loud 1", "loud 2"))
            for at in (ahead, behind)
        ),
        *(odd("loud 3", position_ms=position, duration_ms=length) for position, length in ((0, 0), (10**6, 1))),
        *(odd("loud 4", kind=kind) for kind in ("liked", "disliked", "liked")),
        odd("no sound"),
        odd("soft 5", user="once"),
    ]
    store = holding([*events, *events])
    store.plays.append(events)
    store.tracks.upsert([record("no sound")])
    found = learn(store)
    assert store.plays.count() == len(events)
    names = {track_id(name): name for kind in KINDS for name in TRACKS[kind]}
    heard = sorted((row["user"], [names[track] for track in row["tracks"]]) for row in found.sessions)
    assert heard == [("odd", ["loud 0", "loud 3", "loud 4"]), ("odd", ["loud 1", "loud 2"]), ("once", ["soft 5"])]
    assert sorted(found.data.track_ids) == sorted(names)
    answer = recommender(found.data).next_tracks([Signal(track_id("loud 3"), 1.0, 0)], 30)
    assert len({one.track for one in answer}) == len(answer) == len(names) - 1
    assert all(math.isfinite(one.score) for one in answer)
