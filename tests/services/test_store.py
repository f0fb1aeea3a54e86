"""The store against the embedded MongoDB: what goes in comes out the same, once."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from functools import partial
from typing import Any

import pymongo
import pytest
from argon2 import PasswordHasher

from infra.clock import now_ms
from infra.errors import NotFound, SegueError, SettingsError, StoreError
from infra.models import UserId
from infra.store import Account, Failure, Store
from infra.store.tokens import digest
from tests.data.cut_off import cut_off
from tests.data.installed import wait_for
from tests.data.records import START, play, record, track_id


def test_a_track_comes_back_as_it_went_in(store: Store):
    one = record("One", cover_uri="file:///media/%F0%9F%8E%B5.jpg", vectors={3: (0.6, 0.8)})
    store.tracks.upsert([one])
    assert store.tracks.get(one.track.id) == one
    assert [(h.id, h.contents, h.sources) for h in store.tracks.holdings()] == [
        (one.track.id, one.contents, one.sources)
    ]
    assert store.tracks.get(track_id("Other")) is None


def test_writing_a_track_again_replaces_it(store: Store):
    store.tracks.upsert([record("One"), record("Two")])
    changed = record("One", artist="Renamed")
    store.tracks.upsert([changed])
    assert store.tracks.get(changed.track.id) == changed
    assert store.tracks.count() == 2


def test_changes_are_seen_from_a_revision_on(store: Store):
    store.tracks.upsert([record("One"), record("Two")])
    last = max(revision for revision, _ in store.tracks.changed_since(0))
    store.tracks.set_missing([track_id("One")], missing=True)
    changed = {r.track.title: r.missing for _, r in store.tracks.changed_since(last)}
    assert changed["One"] is True
    assert [r for r, _ in store.tracks.changed_since(0)] == sorted(r for r, _ in store.tracks.changed_since(0))


def test_vectors_of_the_two_newest_normalisers_live_side_by_side(store: Store):
    store.tracks.upsert([record("One"), record("Two", vectors={1: (0.6, 0.8)})])
    for version in (1, 3, 2):
        store.tracks.set_vectors(version, {track_id("One"): [1.0, float(version)]})
    found = store.tracks.get(track_id("One"))
    assert found is not None
    assert found.vectors == {2: (1.0, 2.0), 3: (1.0, 3.0)}
    assert {h.id: h.vector_version for h in store.tracks.holdings()} == {track_id("One"): 3, track_id("Two"): 1}


def test_ranges_of_ids_are_a_partition_of_all(store: Store):
    store.tracks.upsert([record(f"Track {n}") for n in range(40)])
    bounds = ["", *"48c", "g"]
    parts = [list(store.tracks.scan(a, b)) for a, b in itertools.pairwise(bounds)]
    assert sum(len(p) for p in parts) == 40
    assert len({r.track.id for p in parts for r in p}) == 40


def test_the_newest_normaliser_is_found(store: Store):
    assert store.normalisers.latest() is None
    for version in (1, 2, 10):
        store.normalisers.save(version, {"mean": [0.5, float(version)], "kind": "pca"})
    assert store.normalisers.latest() == (10, {"mean": [0.5, 10.0], "kind": "pca"})
    assert store.normalisers.load(2) == {"mean": [0.5, 2.0], "kind": "pca"}
    assert store.normalisers.load(3) is None


def test_failures_are_kept_until_cleared(store: Store):
    first = Failure("file:///a.mp3", "decode", "no audio", size=3, mtime_ns=5, reader="1", at=START)
    other = Failure("file:///b.mp3", "read", "it is empty", size=0, mtime_ns=7, reader="1", at=START)
    later = first._replace(reason="cut short", size=4, mtime_ns=6, at=START + timedelta(minutes=1))
    store.failures.record([first])
    store.failures.record([later, other])
    assert list(store.failures.all()) == [other, later]
    store.failures.clear(["file:///a.mp3"])
    assert list(store.failures.all()) == [other]
    store.failures.clear(["file:///b.mp3"])
    assert list(store.failures.all()) == []


def test_an_event_counts_once(store: Store):
    events = [play("One", minute=n) for n in range(3)]
    assert store.plays.append(events) == 3
    assert store.plays.append([*events, play("Two")]) == 1
    assert store.plays.count() == 4


@pytest.mark.parametrize("private_first", [True, False])
def test_the_same_event_again_makes_it_private_for_good_in_any_order(store: Store, private_first: bool):
    event, other = play("One"), play("Two")
    private = event.model_copy(update={"private": True})
    order = [private, event] if private_first else [event, private]
    store.plays.append([other])
    for _ in range(2):
        store.plays.append(order)
        for one in order:
            store.plays.append([one])
    assert {p.event_id: p.private for p in store.plays.scan()} == {
        str(event.event_id): True,
        str(other.event_id): False,
    }
    assert {type(p.private) for p in store.plays.scan()} == {bool}
    assert event.model_copy(update={"private": True}) in store.plays.history(UserId("me"), 5)[0]


def test_nobody_makes_another_listener_s_event_private(store: Store):
    event = play("One")
    store.plays.append([event])
    store.plays.append([event.model_copy(update={"user": UserId("other"), "private": True})])
    store.plays.make_private(UserId("other"), [event.event_id])
    assert [p.private for p in store.plays.scan()] == [False]


def test_an_opinion_that_is_taken_back_is_gone_and_nothing_else(store: Store):
    kept = [play("One"), play("Two", kind="liked"), play("One", user="other", kind="liked")]
    store.plays.append([*kept, play("One", kind="liked"), play("One", kind="disliked", minute=2)])
    store.plays.withdraw(UserId("me"), track_id("One"))
    store.plays.withdraw(UserId("me"), track_id("Three"))
    assert {p.event_id for p in store.plays.scan()} == {str(e.event_id) for e in kept}


def test_changes_of_stored_events_can_be_noticed(store: Store):
    me, began = UserId("me"), now_ms()
    event = play("One")
    store.plays.append([event, play("Two", private=True)])
    assert store.plays.amendments(me) == 0
    assert not store.plays.amended_since(began)
    store.plays.append([event.model_copy(update={"private": True})])
    first = store.plays.amendments(me)
    store.plays.withdraw(me, event.track)
    assert 0 < first < store.plays.amendments(me)
    assert store.plays.amended_since(began)
    assert not store.plays.amended_since(now_ms() + 1)
    assert store.plays.amendments(UserId("other")) == 0


def test_what_was_written_since_a_moment_comes_with_when(store: Store):
    store.plays.append([play("One", minute=5), play("One", user="other")])
    ((stored_ms, first),) = store.plays.written_since(UserId("me"), 0)
    time.sleep(0.01)
    later = play("Two", minute=1)
    store.plays.append([later])
    assert [p.event_id for _, p in store.plays.written_since(UserId("me"), stored_ms + 1)] == [str(later.event_id)]
    assert {p.event_id for _, p in store.plays.written_since(UserId("me"), 0)} == {
        first.event_id,
        str(later.event_id),
    }
    assert store.plays.has(later.event_id)
    assert store.plays.chosen(UserId("me"), [later.event_id]) == [later]
    assert store.plays.chosen(UserId("other"), [later.event_id]) == []


def test_history_is_newest_first_in_pages_without_gap_or_overlap(store: Store):
    # Several at one moment: the cursor has to tell them apart.
    events = [play("One", minute=n // 3) for n in range(20)]
    store.plays.append([*events, play("One", user="other")])
    seen, cursor = [], None
    while True:
        page, cursor = store.plays.history(UserId("me"), 7, cursor)
        seen += page
        if cursor is None:
            break
    assert len(seen) == 20
    assert {e.event_id for e in seen} == {e.event_id for e in events}
    assert [e.at for e in seen] == sorted((e.at for e in events), reverse=True)


@pytest.mark.parametrize("cursor", ["nonsense", "5.", ".5", "².5", "99999999999999999999.5", "-1.5"])
def test_a_cursor_of_someone_elses_making_is_refused(store: Store, cursor: str):
    with pytest.raises(SegueError, match="cursor"):
        store.plays.history(UserId("me"), 5, cursor)


def test_opinions_of_a_listener_are_found_however_long_ago(store: Store):
    kinds = ["disliked", "finished", "liked", "skipped"]
    store.plays.append([play(kind, kind=kind, minute=minute) for minute, kind in enumerate(kinds)])
    store.plays.append([play("else", user="you", kind="disliked")])
    assert [e.kind for e in store.plays.opinions(UserId("me"), 10)] == ["liked", "disliked"]
    assert [e.kind for e in store.plays.opinions(UserId("me"), 1)] == ["liked"]


def test_forgetting_a_listener_leaves_the_others(store: Store):
    store.plays.append([play("One"), play("Two"), play("One", user="other")])
    assert store.plays.forget(UserId("me")) == 2
    assert [p.user for p in store.plays.scan()] == ["other"]


def test_a_forgetting_is_noted_without_the_name_until_it_is_settled(store: Store):
    before = now_ms()
    store.plays.append([play("One"), play("Two", user="private", private=True)])
    for name in ("me", "private", "nobody", "me"):
        store.plays.forget(UserId(name))
    (noted,) = store.plays.forgettings()
    assert before <= noted.first_ms <= noted.at_ms
    store.plays.settle(noted)
    assert store.plays.forgettings() == []


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_forgetting_cut_off_in_the_middle_is_one_forgetting_that_ends_later(store: Store, carried_out: bool):
    """The wish is delivered again: models made in between may have learned from what was not deleted yet."""
    store.plays.append([play("One")])
    with (
        cut_off(store.uri, "delete", carried_out=carried_out) as uri,
        Store(uri, store.database) as cut,
        pytest.raises(StoreError),
    ):
        cut.plays.forget(UserId("me"))
    assert store.plays.count() == (0 if carried_out else 1)
    (begun,) = store.plays.forgettings()
    between = _next_millisecond()
    assert (begun.ended, begun.at_ms < between) == (False, True)
    store.plays.forget(UserId("me"))
    (noted,) = store.plays.forgettings()
    assert noted == (noted.at_ms, begun.first_ms, True)
    assert noted.at_ms >= between
    assert store.plays.count() == 0


def test_plays_that_have_arrived_since_are_counted_up_to_a_number(store: Store):
    store.plays.append([play("One", minute=m) for m in range(3)])
    later = _next_millisecond()
    ahead = play("One", minute=10_000_000)
    store.plays.append(
        [play("One"), play("One", kind="started"), play("One", private=True), ahead, play("One", kind="liked")]
    )
    count = partial(store.plays.arrived, kinds=("finished", "liked"), until_ms=ahead.at_ms - 1)
    assert count(later, most=9) == 2
    assert count(0, most=9) == 5
    assert count(0, most=4) == 4


ANN = UserId("ann")
OLD, NEW = "correct horse", "battery staple"


def test_tokens_open_their_own_account_only(store: Store):
    store.users.add(ANN)
    first, second = store.users.token(ANN), store.users.token(ANN)
    assert first != second
    assert store.users.owner(first) == store.users.owner(second) == Account(ANN, admin=False)
    assert store.users.owner("guessed") is None
    store.users.remove(ANN)
    assert store.users.owner(first) is None
    store.users.add(ANN)
    assert store.users.owner(first) is None


def test_tokens_are_listed_without_themselves_and_revoked_one_by_one(store: Store):
    store.users.add(ANN)
    first, second = store.users.token(ANN, "phone"), store.users.token(ANN)
    store.users.owner(second)
    phone, other = store.users.tokens(ANN)
    assert (phone.label, phone.used_at, other.label, phone.expires_at) == ("phone", None, "", None)
    assert other.used_at is not None
    assert other.used_at >= other.created_at
    assert not {first, second} & set(map(str, (*phone, *other)))
    store.users.revoke(ANN, phone.id)
    assert [store.users.owner(first), store.users.owner(second)] == [None, Account(ANN, admin=False)]
    with pytest.raises(NotFound, match="segue user tokens ann"):
        store.users.revoke(ANN, phone.id)


def test_one_account_cannot_revoke_a_token_of_another(store: Store):
    store.users.add(ANN)
    store.users.add(UserId("bob"))
    token = store.users.token(ANN)
    with pytest.raises(NotFound):
        store.users.revoke(UserId("bob"), store.users.tokens(ANN)[0].id)
    assert store.users.owner(token) is not None


def test_a_token_that_lasts_for_a_while_ends_and_is_cleared_away(store: Store):
    store.users.add(ANN)
    ended = store.users.token(ANN, "short", lasts=timedelta(milliseconds=1))
    wait_for(lambda: store.users.owner(ended) is None, "the end of the token")
    store.users.token(ANN, "next")
    assert [one.label for one in store.users.tokens(ANN)] == ["next"]


def test_a_new_password_ends_what_the_old_one_opened(store: Store):
    store.users.add(ANN, password=OLD)
    by_password, by_command = store.users.token(ANN, signed_in=True), store.users.token(ANN)
    store.users.set_password(ANN, NEW)
    assert [store.users.knows(ANN, word) for word in (OLD, NEW)] == [False, True]
    assert [store.users.owner(by_password), store.users.owner(by_command)] == [None, (ANN, False, True)]


def test_signing_out_ends_what_signing_in_gave_and_nothing_else(store: Store):
    store.users.add(ANN)
    by_password, by_command = store.users.token(ANN, signed_in=True), store.users.token(ANN)
    for token in (by_password, by_command):
        store.users.sign_out(token)
    assert [store.users.owner(by_password), store.users.owner(by_command)] == [None, (ANN, False, False)]


def test_nobody_knows_a_password_that_is_not_there(store: Store):
    store.users.add(ANN)
    assert [store.users.knows(UserId(name), "anything") for name in ("ann", "bob")] == [False, False]


def test_a_password_hashed_with_less_is_hashed_anew_when_it_is_used(store: Store):
    store.users.add(ANN, password=OLD)
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(OLD)
    accounts = pymongo.MongoClient(store.uri)[store.database]["users"]
    accounts.update_one({"_id": ANN}, {"$set": {"password": weak}})
    assert store.users.knows(ANN, OLD)
    kept = (accounts.find_one() or {})["password"]
    accounts.database.client.close()
    assert kept != weak
    assert store.users.knows(ANN, OLD)


def test_the_role_of_an_admin_is_given_and_taken(store: Store):
    store.users.add(ANN, admin=True)
    store.users.add(UserId("bob"))
    token = store.users.token(ANN)
    assert [one.admin for one in store.users.accounts()] == [True, False]
    store.users.set_admin(ANN, admin=False)
    assert store.users.owner(token) == Account(ANN, admin=False)
    with pytest.raises(NotFound, match="segue user add eve"):
        store.users.set_admin(UserId("eve"), admin=True)


@pytest.mark.parametrize("prepared", [True, False])
def test_accounts_and_tokens_of_an_earlier_segue_go_on(store: Store, prepared: bool):
    tokens = ["first", "second"]
    old = {"_id": ANN, "tokens": list(map(digest, tokens)), "added_at": START}
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(store.uri)
    client[store.database]["users"].insert_one(old)
    client.close()
    if prepared:
        store.prepare()
    assert [store.users.owner(token) for token in tokens] == [Account(ANN, admin=False)] * 2
    assert [one.created_at for one in store.users.tokens(ANN)] == [START, START]
    store.users.revoke(ANN, digest("first")[:8])
    store.prepare()
    assert [store.users.owner(token) for token in tokens] == [None, Account(ANN, admin=False)]


def test_accounts_are_refused_with_the_command_that_helps(store: Store):
    store.users.add(UserId("ann"))
    with pytest.raises(SettingsError, match="segue user token ann"):
        store.users.add(UserId("ann"))
    with pytest.raises(NotFound, match="segue user add bob"):
        store.users.token(UserId("bob"))


def test_a_database_that_is_away_is_said_so():
    with (
        Store("mongodb://127.0.0.1:1", "none", timeout_s=0.2) as store,
        pytest.raises(StoreError, match=r"127\.0\.0\.1:1"),
    ):
        store.prepare()


def _next_millisecond() -> int:
    """Wait for it; milliseconds since 1970."""
    later = now_ms() + 1
    wait_for(lambda: now_ms() >= later, "the next millisecond")
    return later


def test_playlists_are_each_listener_s_own_and_only_so_many(store: Store):
    me, other = UserId("me"), UserId("other")
    made = [store.playlists.add(me, f"{n}", [track_id("One")], most=3) for n in range(4)]
    assert [one is None for one in made] == [False, False, False, True]
    first = made[0]
    assert first is not None
    assert {one.name for one in store.playlists.of(me)} == {"0", "1", "2"}
    assert store.playlists.of(other) == []
    assert store.playlists.get(other, first.id) is None
    assert store.playlists.change(other, first.id, "theirs", [], 1) is None
    assert not store.playlists.delete(other, first.id)
    assert store.playlists.get(me, first.id) == first
    store.playlists.forget(me)
    assert store.playlists.of(me) == []


def test_of_two_changes_to_one_revision_of_a_playlist_one_is_made(store: Store):
    me = UserId("me")
    made = store.playlists.add(me, "x", [], most=3)
    assert made is not None
    changed = store.playlists.change(me, made.id, "y", [track_id("One")], 1)
    assert changed is not None
    assert (changed.name, changed.tracks, changed.revision) == ("y", (track_id("One"),), 2)
    assert store.playlists.change(me, made.id, "z", [], 1) is None
    assert store.playlists.get(me, made.id) == changed
