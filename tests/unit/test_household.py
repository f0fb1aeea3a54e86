"""The simulated household is what it says it is, and a small one is served better for its skips."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.data.household import GAP, Household, Mood, Sizes, household, learned_from
from training.data.signals import disliked, signals
from training.learn.model import ModelConfig
from training.learn.train import fit
from training.recommend.recommender import SessionRecommender

SMALL = Sizes(kinds=4, tracks_a_kind=30, listeners=2, days=60)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def home() -> Household:
    return household(5, SMALL)


def test_the_same_seed_makes_the_same_household(home: Household):
    again = household(5, SMALL)
    assert again.evenings == home.evenings
    assert (again.sound == home.sound).all()
    assert household(6, SMALL).evenings != home.evenings


def test_sessions_of_a_listener_are_apart_and_events_in_order(home: Household):
    for listener in home.listeners:
        own = [evening.events for evening in home.evenings if evening.listener == listener]
        assert all(later[0].at - earlier[-1].at > GAP for earlier, later in itertools.pairwise(own))
        assert all(a.at <= b.at for events in own for a, b in itertools.pairwise(events))


def test_what_is_wrong_is_skipped_early_and_what_is_all_right_late(home: Household):
    listener, rng = home.listeners[0], np.random.default_rng(1)
    mood = listener.moods[0]
    chances = [home.chance(listener, mood, place) for place in range(len(home.track_ids))]
    for place, finished, share in ((int(np.argmax(chances)), 0.85, 0.75), (int(np.argmin(chances)), 0.05, 0.1)):
        posted = [home.reaction(listener, mood, home.track_ids[place], NOON, rng) for _ in range(600)]
        ends = [events[1] for events in posted]
        assert np.mean([end.kind == "finished" for end in ends]) == pytest.approx(finished, abs=0.1)
        skips = [end.position_ms / end.duration_ms for end in ends if end.kind == "skipped"]
        assert np.mean(skips) == pytest.approx(share, abs=0.1)


def test_somebody_wants_at_night_what_they_skip_by_day(home: Household):
    day, night = home.listeners[0].moods
    kind = min(night.kinds - day.kinds)
    listener = home.listeners[0]
    of_kind = [p for p in np.flatnonzero(home.kinds == kind) if home.artists[p] not in listener.unloved]
    assert home.chance(listener, night, of_kind[0]) > 0.9
    assert home.chance(listener, day, of_kind[0]) < 0.2
    assert home.skip_rate(listener, Mood(frozenset([kind]), 0), [home.track_ids[p] for p in of_kind]) < 0.1


def test_what_is_learned_holds_every_listening_or_only_what_was_wanted(home: Household):
    data, wanted = learned_from(home, home.evenings), learned_from(home, home.evenings, skips=False)
    assert len(data.train.items) == sum(
        event.kind == "started" for evening in home.evenings for event in evening.events
    )
    assert (data.train.weights < 0).mean() > 0.1
    assert (wanted.train.weights > 0).all()
    assert (wanted.counts == data.counts).all()


def test_a_recommender_that_hears_of_skips_is_skipped_less(home: Household):
    cut = int(len(home.evenings) * 0.8)
    config = ModelConfig(dim=16, epochs=2)
    data = learned_from(home, home.evenings[:cut])
    recommender = SessionRecommender.build(fit(config, data), data, config.ranking, seed=1)
    told, untold = [], []
    for evening in home.evenings[cut:]:
        before = [e for other in home.evenings if other.listener == evening.listener for e in other.events]
        events = [e for e in before if e.at < evening.events[0].at] + list(evening.events[: len(evening.events) // 2])
        recent, barred = signals(events)[-200:], disliked(events)
        wanted = [signal for signal in recent if signal.weight > 0]
        newest = dict.fromkeys(signal.track for signal in reversed(recent))
        for heard, rates in ((recent, told), (wanted, untold)):
            answer = recommender.next_tracks(heard, 10, barred.union(list(newest)[:30]))
            rates.append(home.skip_rate(evening.listener, evening.mood, [one.track for one in answer]))
    assert np.mean(told) < 0.95 * np.mean(untold)
