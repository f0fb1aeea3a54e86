"""A history from elsewhere in the store: as if it had been played here, once, however often and from wherever it comes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etl.history import ImportReport, import_history
from etl.history.events import FINISHED_SHARE
from infra.errors import SettingsError
from infra.events import PlayEvent
from infra.models import UserId
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.histories import (
    LENGTH_MS,
    as_lines,
    as_list,
    at,
    listen,
    packed,
    played,
    podcast,
    scrobbles,
    streamed,
)
from tests.data.records import play, record, track_id
from training.data.signals import HEARD, signals

TITLES = ("One", "Two", "Three", "Four")


@pytest.fixture
def library(store: Store) -> Store:
    """Four tracks of three minutes."""
    store.tracks.upsert([record(title) for title in TITLES])
    return store


def bring_in(
    store: Store, *files: Path, user: str = "me", threshold: float = 90, dry_run: bool = False
) -> ImportReport:
    return import_history(files, store, user, threshold=threshold, dry_run=dry_run)


def saved(folder: Path, text: str, name: str = "export") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def history(store: Store, user: str = "me") -> list[PlayEvent]:
    """Oldest first."""
    return store.plays.history(UserId(user), 1000)[0][::-1]


def shape(events: list[PlayEvent]) -> list[tuple[str, str, int]]:
    names = {track_id(title): title for title in TITLES}
    return [(names[e.track], e.kind, e.position_ms) for e in events]


def begun(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["ts"]) - timedelta(milliseconds=entry["ms_played"])


def test_streams_become_plays_with_their_own_times(library: Store, tmp_path: Path):
    entries = [
        streamed("One", end=3),
        streamed("Two", end=3.2, ms=12_000, reason_end="fwdbtn", skipped=True),
        streamed("Three", end=5, ms=100_000, reason_end="endplay"),
        streamed("Four", end=5.1, ms=6_000, reason_end="endplay", incognito_mode=True),
        streamed("Two", end=7.9, ms=170_000, reason_end="logout"),
        streamed("One", end=8, ms=6_000, reason_end="logout"),
        streamed(None, None, end=60),
        streamed("Nowhere", end=90),
    ]
    report = bring_in(library, saved(tmp_path, as_list(entries)))
    stored = history(library)
    assert shape(stored) == [
        ("One", "finished", LENGTH_MS),
        ("Two", "skipped", 12_000),
        ("Three", "progress", 100_000),
        ("Four", "skipped", 6_000),
        ("Two", "finished", 170_000),
        ("One", "progress", 6_000),
    ]
    assert [e.at for e in stored] == [at(m) for m in (3, 3.2, 5, 5.1, 7.9, 8)]
    assert [e.private for e in stored] == [False, False, False, True, False, False]
    assert {e.client for e in stored} == {"import:spotify"}
    assert (report.new, report.written, report.passed_over) == (6, 6, 1)
    assert [(u.title, u.listenings) for u in report.unmatched] == [("Nowhere", 1)]


def test_what_it_says_is_what_playing_it_here_would_have_said(library: Store, tmp_path: Path):
    entries = [
        streamed("One", end=2, ms=100_000, reason_end="logout"),
        streamed("Two", end=6),
        streamed("One", end=200, ms=120_000, reason_end="logout"),
        streamed("Three", end=205, ms=50_000, reason_end="fwdbtn"),
        streamed("One", end=208),
        streamed("Four", end=209, ms=20_000, reason_end="fwdbtn"),
    ]
    bring_in(library, saved(tmp_path, as_list(entries)))
    here = [
        event
        for entry in entries
        for event in (
            play(entry["master_metadata_track_name"], kind="started", at=begun(entry), position_ms=0),
            play(
                entry["master_metadata_track_name"],
                kind={"trackdone": "finished", "fwdbtn": "skipped"}.get(entry["reason_end"], "progress"),
                at=entry["ts"],
                position_ms=entry["ms_played"],
            ),
        )
    ]
    assert signals(history(library)) == signals(here)
    # The second and third time that One was played began after it had been left open.
    assert len(history(library)) == len(entries) + 2


def test_where_no_reason_is_told_the_time_heard_decides(library: Store, tmp_path: Path):
    entries = [played("One", end=5), played("Two", end=9, ms=100_000), played("Three", end=10, ms=9_000)]
    bring_in(library, saved(tmp_path, as_list(entries)))
    assert [kind for _, kind, _ in shape(history(library))] == ["finished", "progress", "skipped"]


def test_listens_end_with_the_track_or_when_the_next_begins(library: Store, tmp_path: Path):
    listens = [
        listen("One", begin=0),
        listen("Two", begin=10),
        listen("Elsewhere", begin=12),
        listen("Three", begin=50),
    ]
    bring_in(library, saved(tmp_path, as_lines(reversed(listens))))
    stored = history(library)
    assert shape(stored) == [
        ("One", "finished", LENGTH_MS),
        ("Two", "finished", 120_000),
        ("Three", "finished", LENGTH_MS),
    ]
    assert [e.at for e in stored] == [at(3), at(12), at(53)]


def test_scrobbles_of_one_moment_are_all_kept(library: Store, tmp_path: Path):
    rows = [("Artist", "Album", title, 0.0) for title in TITLES]
    assert bring_in(library, saved(tmp_path, scrobbles([*rows, ("Artist", "", "One", 2.0)]))).written == 5
    assert {e.at for e in history(library)[:4]} == {at(2)}


def test_again_and_overlapping_exports_add_nothing(library: Store, tmp_path: Path):
    first = [streamed(t, end=n * 4.0 + 0.5, ms=LENGTH_MS - n) for n, t in enumerate(TITLES)]
    later = [*first[2:], streamed("One", end=40), streamed("One", end=80, ms=1_000, reason_end="logout")]
    one, two = saved(tmp_path, as_list(first), "one"), saved(tmp_path, as_list(later), "two")
    assert bring_in(library, one).written == 4
    again = bring_in(library, one)
    assert (again.already_there, again.new, again.written) == (4, 0, 0)
    overlapping = bring_in(library, two)
    assert (overlapping.already_there, overlapping.new, overlapping.written) == (2, 2, 2)
    both = bring_in(library, one, two)
    assert (both.listenings, both.repeated, both.written) == (6, 2, 0)
    assert library.plays.count() == 6


@pytest.mark.parametrize("order", ["extended first", "account first", "together"])
def test_both_exports_of_spotify_count_once(library: Store, tmp_path: Path, order: str):
    precise = [streamed("One", end=3.7, ms=100_123, reason_end="fwdbtn"), streamed("Two", end=9.2)]
    rough = [played("One", end=3.7, ms=100_123), played("Two", end=9.2), podcast(70)]
    extended, account = saved(tmp_path, as_list(precise), "extended"), saved(tmp_path, as_list(rough), "account")
    imports = {
        "extended first": [[extended], [account]],
        "account first": [[account], [extended]],
        "together": [[account, extended]],
    }[order]
    assert [bring_in(library, *files).new for files in imports] == [2, 0][: len(imports)]
    assert shape(history(library))[0][1] == ("progress" if order == "account first" else "skipped")


@pytest.mark.parametrize("together", [True, False])
def test_a_listening_that_two_services_tell_of_counts_once(library: Store, tmp_path: Path, together: bool):
    spotify = saved(tmp_path, as_list([streamed("One", end=3), streamed("One", end=6), streamed("Two", end=9)]), "s")
    lastfm = saved(
        tmp_path, scrobbles([("Artist", "", t, b) for t, b in (("One", 0), ("One", 3), ("Two", 6), ("Two", 60))]), "l"
    )
    reports = [bring_in(library, lastfm, spotify)] if together else [bring_in(library, f) for f in (spotify, lastfm)]
    assert (sum(r.new for r in reports), reports[-1].known_elsewhere) == (4, 3)
    assert [e.client for e in history(library)] == ["import:spotify"] * 3 + ["import:lastfm"]


def test_what_was_played_here_and_told_to_others_comes_back_once(library: Store, tmp_path: Path):
    library.plays.append([play("One", at=at(3))])
    report = bring_in(library, saved(tmp_path, as_lines([listen("One", begin=0.5), listen("Two", begin=4)])))
    assert (report.known_elsewhere, report.written) == (1, 1)


def test_listeners_are_kept_apart(library: Store, tmp_path: Path):
    export = saved(tmp_path, as_list([streamed("One", end=3)]))
    assert [bring_in(library, export, user=user).written for user in ("me", "ann")] == [1, 1]
    assert len(history(library, "ann")) == 1


def test_once_there_are_accounts_only_theirs_are_taken(library: Store, tmp_path: Path):
    library.users.add(UserId("ann"))
    export = saved(tmp_path, as_list([streamed("One", end=3)]))
    assert bring_in(library, export, user="ann").written == 1
    with pytest.raises(SettingsError, match="segue user add me"):
        bring_in(library, export)
    with pytest.raises(SettingsError, match="a/b"):
        bring_in(library, export, user="a/b")


def test_a_dry_run_says_the_same_and_writes_nothing(library: Store, tmp_path: Path):
    export = saved(tmp_path, as_list([streamed("One", end=3), streamed("Onne", end=9), streamed("Two", end=12)]))
    dry = bring_in(library, export, threshold=80, dry_run=True)
    assert (dry.new, dry.written, history(library)) == (3, 0, [])
    wet = bring_in(library, export, threshold=80)
    assert (wet.new, wet.written, wet.loose) == (3, 3, dry.loose)
    assert [(m.title, m.taken_for, m.track) for m in wet.loose] == [("Onne", "Artist – One", track_id("One"))]
    strict = bring_in(library, export, threshold=100, dry_run=True)
    assert [(u.title, u.nearest, u.score) for u in strict.unmatched] == [("Onne", "Artist – One", 85.7)]


def test_one_damaged_file_and_nothing_at_all_is_written(library: Store, tmp_path: Path):
    good, bad = (
        saved(tmp_path, as_list([streamed("One", end=3)]), "good"),
        saved(tmp_path, '[{"ts": 1, "ms_played"', "bad"),
    )
    with pytest.raises(SettingsError, match="bad"):
        bring_in(library, good, bad)
    assert history(library) == []


def test_an_empty_library_is_told_what_comes_first(store: Store, tmp_path: Path):
    with pytest.raises(SettingsError, match="segue ingest"):
        bring_in(store, saved(tmp_path, as_list([streamed("One", end=3)])))


def test_finished_means_the_same_as_in_training():
    assert FINISHED_SHARE == HEARD


@pytest.mark.usefixtures("library")
def test_from_the_command_line(settings: Settings, tmp_path: Path):
    def segue(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ui.cli", "import", *arguments]
        environment = child_environment(**settings.environment())
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    entries = [streamed("One - Remastered 2011", end=n * 5.0) for n in range(3)]
    entries += [streamed(f"Elsewhere {n}", end=100 + n) for n in range(25)]
    export = packed(tmp_path / "my_spotify_data.zip", {"Streaming_History_Audio_2024.json": as_list(entries)})
    told = segue(str(export)).stdout
    assert "3 plays written for me" in told
    assert "and 5 more" in told
    assert "segue train" in told
    report = json.loads(segue(str(export), "--json", "--dry-run").stdout)
    assert (report["already_there"], report["new"], report["written"], len(report["unmatched"])) == (3, 0, 0, 25)
    failed = segue(str(saved(tmp_path, "Dear listener,", "letter.csv")))
    assert (failed.returncode, "letter.csv is not a listening history" in failed.stderr) == (1, True)
    assert segue(str(tmp_path / "gone.zip")).returncode == 2
