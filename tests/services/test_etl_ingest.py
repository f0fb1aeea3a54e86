"""Whole ingests into the embedded MongoDB: once in this process for each rule, and once through Ray."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mutagen.id3 import ID3, TIT2

from etl.pipeline import Progress, Report, Wanted, ingest, run
from etl.process import Options
from etl.ray_tasks import submit_here
from etl.scan import path_of, scan, uri_of
from etl.sound.normalise import Normaliser
from infra.addresses import Addresses
from infra.errors import SettingsError
from infra.models import TrackRecord
from infra.settings import Settings
from infra.store import Store
from tests.data.make_audio import good_folder, nasty_folder, tone

Ingest = Callable[..., Report]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "music"


@pytest.fixture
def into(store: Store, folder: Path, tmp_path: Path) -> Ingest:
    """Ingest the folder, one file after another."""

    def go(**changes: object) -> Report:
        options = Options(folder, tmp_path / "media")._replace(**changes)  # type: ignore[arg-type]
        return run(list(scan(options.folder)), options, store, submit_here)

    return go


def tracks(store: Store) -> dict[str, TrackRecord]:
    return {r.track.title: r for r in store.tracks.scan()}


def test_a_second_run_does_nothing(into: Ingest, folder: Path, store: Store):
    good_folder(folder)
    first = into()
    assert (first.found, first.ingested, first.unchanged, first.failed, first.ok) == (4, 4, 0, (), True)
    assert first.audio_seconds == pytest.approx(13, abs=0.5)
    assert 0 < first.bytes_after < first.bytes_before
    before = list(store.tracks.changed_since(0))
    second = into()
    assert (second.ingested, second.unchanged, second.audio_seconds) == (0, 4, 0)
    assert list(store.tracks.changed_since(0)) == before


def test_every_track_has_a_unit_vector_of_the_newest_normaliser(into: Ingest, folder: Path, store: Store):
    good_folder(folder)
    into()
    for number in range(2):
        tone(folder / f"more {number}.mp3", 2, hz=700 + 50 * number)
    into()
    version, state = store.normalisers.latest() or (0, {})
    assert version == 1
    for record in store.tracks.scan():
        assert set(record.vectors) == {1}
        assert np.linalg.norm(record.vectors[1]) == pytest.approx(1)
        np.testing.assert_array_equal(
            Normaliser.from_state(state).transform([record.features.values])[0], record.vectors[1]
        )
    for number in range(2, 4):
        tone(folder / f"more {number}.mp3", 2, hz=700 + 50 * number)
    into()
    assert {max(r.vectors) for r in store.tracks.scan()} == {2}


@pytest.mark.parametrize("in_place", [False, True])
def test_another_recording_under_the_same_name_is_another_track(
    into: Ingest, folder: Path, store: Store, *, in_place: bool
):
    tone(folder / "song.mp3", 3, bitrate=192, hz=300)
    into(in_place=in_place)
    (first,) = store.tracks.scan()
    tone(folder / "song.mp3", 3, bitrate=192, hz=700)
    into(in_place=in_place)
    by_id = {r.track.id: r for r in store.tracks.scan()}
    second = next(r for track, r in by_id.items() if track != first.track.id)
    assert (by_id[first.track.id].missing, by_id[first.track.id].sources) == (True, ())
    assert (second.missing, len(second.sources)) == (False, 1)
    assert into(in_place=in_place).unchanged == 1
    assert by_id[first.track.id].missing


def test_moved_retagged_and_copied_files_are_the_same_track(into: Ingest, folder: Path, store: Store):
    files = good_folder(folder)
    into()
    before = tracks(store)["Étude No. 1"]
    moved = files["song"].rename(folder / "moved.mp3")
    (folder / "copy.mp3").write_bytes(moved.read_bytes())
    tags = ID3(moved)
    tags.add(TIT2(encoding=3, text=["New name"]))
    tags.save(moved)
    (folder / "copy.mp3").write_bytes(moved.read_bytes())
    report = into()
    assert (report.found, report.unchanged, report.audio_seconds) == (5, 3, 0)
    after = tracks(store)["New name"]
    assert (after.track.id, after.track.added_at) == (before.track.id, before.track.added_at)
    assert {path_of(s.uri).name for s in after.sources} == {"moved.mp3", "copy.mp3"}
    assert not after.missing
    assert after.vectors == before.vectors
    assert store.tracks.count() == 4


def test_copies_in_one_run_are_one_track(into: Ingest, folder: Path, store: Store):
    path = tone(folder / "a.mp3", 2)
    (folder / "b.mp3").write_bytes(path.read_bytes())
    into()
    (record,) = store.tracks.scan()
    assert len(record.sources) == 2


def test_what_has_gone_is_missing_until_it_comes_back(into: Ingest, folder: Path, store: Store, tmp_path: Path):
    files = good_folder(folder)
    into()
    away = files["song"].rename(tmp_path / "away.mp3")
    into(folder=folder / "Other")
    assert not any(r.missing for r in store.tracks.scan())
    into()
    gone = tracks(store)["Étude No. 1"]
    assert gone.missing
    assert path_of(gone.media.uri).exists()
    away.rename(files["song"])
    report = into()
    assert report.unchanged == 4
    assert not tracks(store)["Étude No. 1"].missing


def test_broken_files_are_named_and_the_rest_goes_on(into: Ingest, folder: Path, store: Store):
    made = nasty_folder(folder)
    report = into()
    reasons = {Path(f.file).name: f.reason for f in report.failed}
    expected = {"zero.mp3", "letter.mp3", "blip.mp3", "dangling.mp3"}
    assert set(reasons) == expected | (set() if os.geteuid() == 0 else {"unreadable.mp3"})
    assert report.ok
    assert report.found == report.ingested + len(report.failed)
    assert {(path_of(f.uri).name, f.reason) for f in store.failures.all()} == set(reasons.items())
    assert "caf\\xe9 latin1" in tracks(store)
    again = into()
    assert (again.ingested, again.failed) == (0, report.failed)
    made["zero"].write_bytes(tone(folder.parent / "now.mp3", 2, hz=999).read_bytes())
    made["dangling"].unlink()
    assert into().ingested == 1
    assert {path_of(f.uri).name for f in store.failures.all()} == set(reasons) - {"zero.mp3", "dangling.mp3"}


def test_in_place_is_the_same_track_and_nothing_the_second_time(into: Ingest, folder: Path, store: Store):
    files = good_folder(folder)
    into()
    before = tracks(store)["Étude No. 1"]
    report = into(in_place=True)
    assert report.bytes_after < report.bytes_before
    after = tracks(store)["Étude No. 1"]
    assert after.track == before.track
    assert after.media.uri == uri_of(files["song"])
    assert after.contents[0] == before.contents[0]
    assert len(after.contents) == 2
    assert (after.sources[0].bytes, after.media.bytes) == (files["song"].stat().st_size,) * 2
    stats = {name: path.stat() for name, path in files.items()}
    again = into(in_place=True)
    assert (again.ingested, again.unchanged, again.audio_seconds) == (0, 4, 0)
    assert {name: path.stat()[:8] for name, path in files.items()} == {name: s[:8] for name, s in stats.items()}
    assert into().unchanged == 4


def test_a_compressed_file_is_recognised_after_a_kill_before_its_record(into: Ingest, folder: Path, store: Store):
    good_folder(folder)
    into()
    before = {r.track.id for r in store.tracks.scan()}
    records = list(store.tracks.scan())
    into(in_place=True)
    store.tracks.upsert(records)  # as if the records had never been written
    assert into().audio_seconds == 0
    assert {r.track.id for r in store.tracks.scan()} == before


def test_lost_media_and_old_features_are_made_again(into: Ingest, folder: Path, store: Store):
    good_folder(folder)
    into()
    record = tracks(store)["Étude No. 1"]
    path_of(record.media.uri).unlink()
    other = tracks(store)["lossless"]
    store.tracks.upsert([other.model_copy(update={"features": other.features.model_copy(update={"version": 0})})])
    report = into()
    assert (report.ingested + report.unchanged, report.audio_seconds) == (4, pytest.approx(7, abs=0.3))
    assert path_of(record.media.uri).exists()
    assert tracks(store)["lossless"].features.version == other.features.version


def test_through_ray(folder: Path, settings: Settings, addresses: Addresses, store: Store):
    good_folder(folder)
    nasty_folder(folder / "nasty")
    seen: list[Progress] = []
    report = ingest(folder, settings, addresses, Wanted(), workers=2, progress=seen.append)
    assert (len(seen), seen[-1].done, seen[-1].total) == (report.found, report.found, report.found)
    assert seen[-1].failed == len(report.failed)
    assert report.ingested == report.found - len(report.failed) == store.tracks.count()
    assert not [f for f in report.failed if f.stage in {"unexpected", "worker"}]
    assert ingest(folder, settings, addresses, Wanted()).unchanged == report.ingested


def test_folders_that_cannot_be_meant(tmp_path: Path, settings: Settings):
    here = Addresses()
    with pytest.raises(SettingsError, match="nowhere: there is no such folder"):
        ingest(tmp_path / "nowhere", settings, here, Wanted())
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="no audio files"):
        ingest(tmp_path / "empty", settings, here, Wanted())
    tone(tmp_path / "full" / "a.mp3", 1)
    with pytest.raises(SettingsError, match="outside"):
        ingest(tmp_path / "full", settings, here, Wanted(in_place=True, backup=tmp_path / "full" / "old"))
