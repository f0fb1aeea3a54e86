"""Whole ingests into the embedded MongoDB: once in this process for each rule, and once through Ray."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from mutagen.id3 import ID3, TIT2

from etl.audio import compress
from etl.pipeline import Progress, Report, Wanted, ingest, run
from etl.process import Ingested, Options, Outcome
from etl.ray_tasks import Submit, Work, submit_here
from etl.scan import SourceFile, path_of, scan, uri_of
from etl.sound.normalise import Normaliser
from infra.addresses import Addresses
from infra.errors import SettingsError
from infra.models import TrackRecord
from infra.settings import Settings
from infra.store import Failure, Store
from tests.data.make_audio import good_folder, nasty_folder, tone

Ingest = Callable[..., Report]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "music"


@pytest.fixture
def into(store: Store, folder: Path, tmp_path: Path) -> Ingest:
    """Ingest the folder, one file after another."""

    def go(submit: Submit = submit_here, **changes: object) -> Report:
        options = Options(folder, tmp_path / "media")._replace(**changes)  # type: ignore[arg-type]
        return run(list(scan(options.folder)), options, store, submit)

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
    assert not path_of(before.media.uri).exists()
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


def test_a_compressed_file_is_recognised_after_a_kill_before_its_record(
    into: Ingest, folder: Path, store: Store, tmp_path: Path
):
    good_folder(folder)
    into()
    before = {r.track.id for r in store.tracks.scan()}
    records = list(store.tracks.scan())
    shutil.copytree(tmp_path / "media", tmp_path / "kept")
    into(in_place=True)
    store.tracks.upsert(records)  # as if the records had never been written
    shutil.copytree(tmp_path / "kept", tmp_path / "media", dirs_exist_ok=True)
    assert into().audio_seconds == 0
    assert {r.track.id for r in store.tracks.scan()} == before


def assert_streams_its_own_sound(record: TrackRecord) -> None:
    streamed = path_of(record.media.uri)
    assert compress.content_hash(streamed, compress.probe(streamed)) in record.contents


@pytest.mark.parametrize("in_place", [False, True])
def test_files_that_change_names_after_compression_in_place_stream_their_own_sound(
    into: Ingest, folder: Path, store: Store, *, in_place: bool
):
    names = [tone(folder / f"{number}.mp3", 2, bitrate=192, hz=300 + 100 * number) for number in range(2)]
    into(in_place=True)
    names[0].rename(folder / "away")
    names[1].rename(names[0])
    (folder / "away").rename(names[1])
    assert into(in_place=in_place).failed == ()
    records = list(store.tracks.scan())
    assert len(records) == 2
    for record in records:
        assert not record.missing
        assert_streams_its_own_sound(record)
    assert into(in_place=in_place).unchanged == 2


def test_a_file_compressed_in_place_and_retagged_is_not_read_again(into: Ingest, folder: Path, store: Store):
    path = tone(folder / "song.mp3", 2, bitrate=192)
    into(in_place=True)
    tags = ID3(path)
    tags.add(TIT2(encoding=3, text=["New name"]))
    tags.save(path)
    assert (into().audio_seconds, into().unchanged) == (0, 1)
    record = tracks(store)["New name"]
    assert path_of(record.media.uri) == path


def test_a_file_that_two_tracks_lay_claim_to_after_a_kill_is_looked_at_again(into: Ingest, folder: Path, store: Store):
    path = tone(folder / "song.mp3", 2, hz=300)
    into()
    (old,) = store.tracks.scan()
    tone(path, 2, hz=700)
    into()
    new = next(r for r in store.tracks.scan() if r.track.id != old.track.id)
    store.tracks.upsert([old.model_copy(update={"sources": new.sources, "missing": False})])  # as before the sweep
    into()
    after = {r.track.id: r for r in store.tracks.scan()}
    assert (after[old.track.id].sources, after[old.track.id].missing) == ((), True)
    assert (after[new.track.id].sources, after[new.track.id].missing) == (new.sources, False)
    assert into().unchanged == 1


@pytest.mark.parametrize("poorer", ["a.mp3", "z.mp3"])
def test_a_copy_with_poorer_tags_takes_nothing_from_a_track(into: Ingest, folder: Path, store: Store, poorer: str):
    files = good_folder(folder)
    into()
    before = tracks(store)["Étude No. 1"]
    assert before.cover_uri
    bare = shutil.copy(files["song"], folder / poorer)
    ID3(bare).delete()
    into()
    after = tracks(store)["Étude No. 1"]
    assert len(after.sources) == 2
    assert (after.track, after.cover_uri) == (before.track, before.cover_uri)
    assert path_of(before.cover_uri).exists()
    files["song"].unlink()
    os.utime(bare, (1e9, 1e9))
    into()
    alone = tracks(store)[Path(poorer).stem]
    assert (alone.track.artist, alone.track.cover, alone.cover_uri) == ("", False, None)
    assert not path_of(before.cover_uri).exists()


def test_files_from_after_the_year_2262_are_files(into: Ingest, folder: Path, store: Store):
    late = 2**63 + 10**9
    tone(folder / "song.mp3", 2)
    (folder / "letter.mp3").write_text("Dear listener,")
    for path in folder.iterdir():
        os.utime(path, ns=(late, late))
    first = into()
    assert (first.ingested, len(first.failed)) == (1, 1)
    assert (into().unchanged, store.tracks.count()) == (1, 1)
    assert len(list(store.failures.all())) == 1


def test_a_record_that_mongodb_cannot_hold_is_a_failure_of_its_file(into: Ingest, folder: Path, store: Store):
    for number in range(3):
        tone(folder / f"{number}.mp3", 2, hz=300 + 100 * number)

    def with_one_impossible(files: Iterable[SourceFile], work: Work) -> Iterator[Outcome]:
        for outcome in submit_here(files, work):
            wrong = isinstance(outcome, Ingested) and outcome.file.path.stem == "1"
            yield outcome._replace(tags=outcome.tags._replace(year=2**70)) if wrong else outcome

    report = into(with_one_impossible)
    assert (report.ingested, [(Path(f.file).name, f.stage) for f in report.failed]) == (2, [("1.mp3", "record")])
    assert [f.stage for f in store.failures.all()] == ["record"]
    assert (into().ingested, store.tracks.count(), list(store.failures.all())) == (1, 3, [])


def test_a_failure_of_the_folder_itself_is_cleared_when_it_can_be_read(into: Ingest, folder: Path, store: Store):
    tone(folder / "song.mp3", 2)
    store.failures.record([Failure(uri_of(folder), "read", "Input/output error", 0, 0, "", datetime.now(UTC))])
    into()
    assert list(store.failures.all()) == []


def test_an_ffprobe_that_was_killed_says_nothing_about_the_file(
    into: Ingest, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    good_folder(folder)
    killed = tmp_path / "bin" / "ffprobe"
    killed.parent.mkdir()
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    with monkeypatch.context() as changed:
        changed.setenv("PATH", str(killed.parent), prepend=os.pathsep)
        (failed,) = into().failed
    assert (Path(failed.file).name, failed.reason) == ("lossless.flac", "ffprobe was ended by signal 9")
    assert (into().ingested, into().unchanged) == (1, 4)


def test_media_whose_name_cannot_even_be_looked_at_is_made_again(into: Ingest, folder: Path, store: Store):
    tone(folder / "song.mp3", 2)
    into()
    (record,) = store.tracks.scan()
    nowhere = record.media.model_copy(update={"uri": "file:///" + "x" * 300})
    store.tracks.upsert([record.model_copy(update={"media": nowhere})])
    assert into().ingested == 1
    assert next(store.tracks.scan()).media.uri == record.media.uri


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
    (told,) = store.work.newest()
    assert (told.kind, told.state, told.done, told.failed) == ("ingest", "done", report.found, len(report.failed))
    assert told.told.startswith(f"{report.found} files: {report.ingested} brought in, 0 unchanged")
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
