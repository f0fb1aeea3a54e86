"""A run over many files when something happens meanwhile: music behind an address, MongoDB away, the run killed."""

from __future__ import annotations

import base64
import functools
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from etl import patience
from etl.pipeline import Report, Wanted, ingest, run
from etl.places import FETCHED, place_of
from etl.process import Options, Outcome
from etl.ray_tasks import Work, submit_here
from etl.scan import SourceFile, scan, shown
from etl.sound.normalise import Normaliser
from infra.addresses import Addresses
from infra.errors import ServiceError, SettingsError, StoreError
from infra.models import TrackRecord
from infra.secrecy import without_secrets
from infra.services import Services
from infra.services.mongo import mongo_part
from infra.services.state import read_state
from infra.settings import Settings, child_environment
from infra.store import Store
from tests.data.make_audio import good_folder, tone

WORD = "hunter2"


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short tracks that nobody changes."""
    folder = tmp_path_factory.mktemp("music")
    for number in range(12):
        tone(folder / f"{number:02}.mp3", 1.5 + 0.1 * number, hz=200 + 30 * number)
    return folder


Essence = dict[str, tuple[tuple[object, ...], list[float]]]


def essence(store: Store) -> Essence:
    """What a library is, without times of writing: what is exact, and the numbers."""
    return {r.track.title: (_exact(r), [*r.features.values, *map(abs, r.vectors[1])]) for r in store.tracks.scan()}


def _exact(record: TrackRecord) -> tuple[object, ...]:
    sources = {(s.uri, s.bytes) for s in record.sources}
    return record.track.id, record.contents, sources, record.features.version, set(record.vectors), record.missing


def assert_same(ours: Essence, other: Essence) -> None:
    assert {title: exact for title, (exact, _) in ours.items()} == {title: exact for title, (exact, _) in other.items()}
    for title, (_, numbers) in ours.items():
        assert numbers == pytest.approx(other[title][1], rel=1e-3, abs=1e-3)


@pytest.fixture
def undisturbed(music: Path, services: Services, tmp_path: Path) -> Essence:
    """The library as it is after a run in peace."""
    with Store(services.ensure("mongo").mongo, f"peace_{time.monotonic_ns()}").prepare() as store:
        run(list(scan(music)), Options(music, tmp_path / "peace"), store, submit_here)
        return essence(store)


class Guarded(SimpleHTTPRequestHandler):
    """Files and listings, for whoever has the password."""

    def do_GET(self) -> None:
        if self.allowed():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self.allowed():
            super().do_HEAD()

    def allowed(self) -> bool:
        expected = "Basic " + base64.b64encode(f"ann:{WORD}".encode()).decode()
        if self.headers.get("Authorization") == expected:
            return True
        self.send_error(401)
        return False

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address with a password, and the folder behind it."""
    folder = tmp_path / "remote"
    good_folder(folder)
    (folder / "broken song.mp3").write_text("Dear listener,")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Guarded, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://ann:{WORD}@127.0.0.1:{server.server_port}/remote", folder
        server.shutdown()
        thread.join()


def fetched() -> set[Path]:
    """Copies of files behind addresses that lie on this machine now."""
    return set(Path(tempfile.gettempdir()).glob(f"{FETCHED}*"))


def test_music_behind_an_address_comes_in_changes_and_goes(
    served: tuple[str, Path], settings: Settings, services: Services, store: Store, caplog: pytest.LogCaptureFixture
):
    address, folder = served
    there = services.ensure("mongo", "ray")
    caplog.set_level(logging.INFO)
    left_by_others = fetched()
    first = ingest(address, settings, there, Wanted())
    assert (first.found, first.ingested, [shown(f.file).rpartition("/")[2] for f in first.failed]) == (
        5,
        4,
        ["broken%20song.mp3"],
    )
    records = {r.track.title: r for r in store.tracks.scan()}
    assert set(records) == {"Étude No. 1", "untitled piece", "Small", "lossless"}
    public = address.replace(f"ann:{WORD}@", "")
    assert {s.uri for r in records.values() for s in r.sources} == {
        f"{public}/{name}"
        for name in ("Band/song.mp3", "Band/untitled%20piece.mp3", "Band/small.mp3", "Other/lossless.flac")
    }
    stored = repr((records, list(store.failures.all()), first))
    assert WORD not in stored
    assert WORD not in caplog.text
    assert fetched() <= left_by_others

    assert ingest(address, settings, there, Wanted()).unchanged == 4
    os.utime(folder / "Band" / "song.mp3", (1, 1))
    (folder / "Other" / "lossless.flac").unlink()
    third = ingest(address, settings, there, Wanted())
    assert (third.ingested, third.unchanged, third.gone, third.audio_seconds) == (1, 2, 1, 0)
    assert {r.track.title for r in store.tracks.scan() if r.missing} == {"lossless"}

    with pytest.raises(SettingsError, match="compressed in place"):
        ingest(address, settings, there, Wanted(in_place=True))
    for wrong in (f"{address}/nowhere", address.replace(WORD, "wrong")):
        with pytest.raises((ServiceError, SettingsError)) as told:
            ingest(wrong, settings, there, Wanted())
        assert "ann:" not in str(told.value)


@pytest.mark.parametrize("where", ["memory", "zip", "dir"])
def test_every_kind_of_address_is_listed_fetched_and_swept(where: str, store: Store, tmp_path: Path):
    folder = tmp_path / "music"
    files = good_folder(folder)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in files.values():
            archive.write(path, path.relative_to(folder))
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/music", recursive=True)
    address = {
        "memory": "memory://music",
        "zip": f"zip://::file://{tmp_path}/all.zip",
        "dir": f"dir://music::file://{tmp_path}",
    }
    place = place_of(address[where])

    def again() -> Report:
        return run(
            place.find(), Options(Path(), tmp_path / "media"), store, submit_here, place=place_of(address[where])
        )

    assert (again().ingested, again().unchanged) == (4, 4)
    uris = [s.uri for r in store.tracks.scan() for s in r.sources]
    assert all(place.holds(uri) for uri in uris)
    if where == "zip":
        assert f"zip://Band/song.mp3::file://{tmp_path}/all.zip" in uris
    if where == "memory":
        memory.rm("/music/Band", recursive=True)
        assert again().gone == 3
    memory.store.clear()


def test_paths_and_file_addresses_are_folders(tmp_path: Path):
    assert place_of(f"file://{tmp_path}") == place_of(tmp_path) == place_of(str(tmp_path))
    with pytest.raises(SettingsError, match="s3fs"):
        place_of("s3://ann:hunter2@bucket/music")
    with pytest.raises(SettingsError, match="nosuch"):
        place_of("nosuch://bucket/music")


def test_a_folder_that_cannot_be_looked_at_is_not_there():
    place = place_of("/" + "x" * 300)
    assert "is not there" in place.trouble()
    with pytest.raises(SettingsError, match="there is no such folder"):
        place.find()


@pytest.mark.parametrize(
    ("address", "shown_as"),
    [
        ("s3://AKIA:ab/c+d@bucket/music", "s3://bucket/music"),
        ("ftp://ann:hun@ter2@host/Live @ home", "ftp://host/Live @ home"),
        ("http://ann:hunter2@[::1]:80/x?token=a:b", "http://[::1]:80/x"),
        ("http://host:8080/a@b/c", "http://host:8080/a@b/c"),
        ("zip://a@b.mp3::https://ann:pw@host/a.zip?token=a:b", "zip://a@b.mp3::https://host/a.zip"),
        ("https://host/a.zip?token=a:b::file:///tmp/x", "https://host/a.zip::file:///tmp/x"),
        ("github://org:repo@main/music", "github://org:repo@main/music"),
    ],
)
def test_secrets_and_nothing_else_are_left_out_of_an_address(address: str, shown_as: str):
    assert without_secrets(address) == shown_as


class Breakable:
    """An embedded MongoDB of its own that can be killed and started again on its port."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        state = read_state(settings.run)
        found = state.part("mongo") if state else None
        assert found
        self._pid, self._port = found.pid, found.port
        self._again: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        os.kill(self._again.pid if self._again else self._pid, signal.SIGKILL)
        if self._again:
            self._again.wait()

    def start(self) -> None:
        part = mongo_part(self._settings, self._port)
        part.prepare()
        self._again = subprocess.Popen(part.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def away(self, seconds: float) -> None:
        self.kill()
        threading.Timer(seconds, self.start).start()

    def end(self) -> None:
        if self._again:
            self._again.kill()
            self._again.wait()


@pytest.fixture
def breakable(tmp_path: Path) -> Iterator[tuple[Breakable, Store]]:
    settings = Settings.load(home=tmp_path / "home")
    with Services(settings) as own:
        uri = own.ensure("mongo").mongo
        server = Breakable(settings)
        with Store(uri, "broken", timeout_s=0.5).prepare() as store:
            yield server, store
        server.end()


def interrupted(event: Callable[[], None], after: int) -> Callable[[Iterable[SourceFile], Work], Iterator[Outcome]]:
    """A submit during which something happens, once `after` files are done."""

    def submit(files: Iterable[SourceFile], work: Work) -> Iterator[Outcome]:
        for number, outcome in enumerate(submit_here(files, work), 1):
            yield outcome
            if number == after:
                event()

    return submit


@pytest.mark.parametrize("after", [0, 5, 12], ids=["before the first", "in the middle", "after the last"])
def test_mongodb_away_during_a_run_loses_nothing(
    after: int, music: Path, undisturbed: Essence, breakable: tuple[Breakable, Store], tmp_path: Path
):
    server, store = breakable
    if not after:
        server.away(2.0)
    submit = interrupted(lambda: server.away(4.0), after)
    report = run(list(scan(music)), Options(music, tmp_path / "media"), store, submit)
    assert (report.ingested, report.failed) == (12, ())
    assert_same(essence(store), undisturbed)


def test_mongodb_away_for_good_ends_the_run_in_one_line_and_keeps_what_is_done(
    music: Path, breakable: tuple[Breakable, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server, store = breakable
    monkeypatch.setattr(patience, "GIVE_UP_S", 2.0)
    options = Options(music, tmp_path / "media")
    with pytest.raises(StoreError, match="MongoDB did not answer"):
        run(list(scan(music)), options, store, interrupted(server.kill, 6))
    server.start()
    monkeypatch.undo()
    again = run(list(scan(music)), options, store, submit_here)
    assert again.unchanged >= 5
    assert again.ingested + again.unchanged == 12


def test_a_killed_run_loses_only_what_was_in_flight(
    music: Path, undisturbed: Essence, settings: Settings, services: Services, store: Store
):
    there: Addresses = services.ensure("mongo", "ray")
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "ingest", str(music)],
        env=child_environment(**settings.environment()),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while store.tracks.count() < 3:
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    recorded = store.tracks.count()
    report = ingest(music, settings, there, Wanted())
    assert (report.unchanged, report.ingested, report.failed) == (recorded, 12 - recorded, ())
    assert_same(essence(store), undisturbed)


def test_new_tracks_have_vectors_of_the_former_normaliser_too(music: Path, store: Store, tmp_path: Path):
    folder = tmp_path / "music"
    folder.mkdir()
    for number, path in enumerate(sorted(music.iterdir())):
        shutil.copy(path, folder)
        if number in {3, 8, 11}:
            run(list(scan(folder)), Options(folder, tmp_path / "media"), store, submit_here)
    latest, _ = store.normalisers.latest() or (0, {})
    assert latest == 2
    normalisers = {version: Normaliser.from_state(store.normalisers.load(version) or {}) for version in (1, 2)}
    assert [normalisers[version].fitted_on for version in (1, 2)] == [4, 9]
    for record in store.tracks.scan():
        assert set(record.vectors) == {1, 2}
        for version, vector in record.vectors.items():
            assert vector == pytest.approx(normalisers[version].transform([record.features.values])[0].tolist())
