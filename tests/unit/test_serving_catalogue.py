from __future__ import annotations

import base64
from pathlib import Path

import pytest

from infra.errors import NotFound
from infra.models import Media, TrackRecord
from serving.catalogue import Catalogue
from serving.problems import ProblemError
from tests.data.records import record, track_id


class Changes:
    """What a store says has changed: a list that a test adds to."""

    def __init__(self, *records: TrackRecord) -> None:
        self.log = list(enumerate(records, start=1))
        self.asked: list[int] = []

    def add(self, changed: TrackRecord) -> None:
        self.log.append((len(self.log) + 1, changed))

    def __call__(self, revision: int) -> list[tuple[int, TrackRecord]]:
        self.asked.append(revision)
        return [(r, changed) for r, changed in self.log if r >= revision]


def of(name: str, **fields: object) -> TrackRecord:
    one = record(name)
    return one.model_copy(update={"track": one.track.model_copy(update=fields)})


def opened(*records: TrackRecord) -> Catalogue:
    catalogue = Catalogue(Changes(*records), vectors=True)
    catalogue.refresh()
    return catalogue


LIBRARY = [
    of("Été", artist="Björk", album="Vespertine", track_number=2),
    of("Anchor Song", artist="Björk", album="Debut", track_number=11),
    of("Human Behaviour", artist="Björk", album="Debut", track_number=1),
    of("Song 2", artist="Blur", album="Blur"),
]


def titles(catalogue: Catalogue, words: str = "", **filters: str) -> list[str]:
    return [track.title for track in catalogue.search(words, limit=100, **filters)[0]]


def test_tracks_stand_by_artist_album_and_number():
    assert titles(opened(*LIBRARY)) == ["Human Behaviour", "Anchor Song", "Été", "Song 2"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ete", ["Été"]),
        ("BJORK song", ["Anchor Song"]),
        ("song", ["Anchor Song", "Song 2"]),
        ("debut blur", []),
        ("  ", ["Human Behaviour", "Anchor Song", "Été", "Song 2"]),
    ],
)
def test_all_words_must_be_there_whatever_case_and_accents(words: str, found: list[str]):
    assert titles(opened(*LIBRARY), words) == found


def test_artist_and_album_are_whole_names():
    catalogue = opened(*LIBRARY)
    assert titles(catalogue, artist="bjork", album="DEBUT") == ["Human Behaviour", "Anchor Song"]
    assert titles(catalogue, artist="bjo") == []


def test_pages_hold_every_track_once_also_while_tracks_come_in():
    changes = Changes(*(record(f"track {n:03}") for n in range(0, 50, 2)))
    catalogue = Catalogue(changes, vectors=False)
    catalogue.refresh()
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = catalogue.search(limit=7, cursor=cursor)
        seen += [track.title for track in page]
        if cursor is None:
            break
        changes.add(record(f"track {len(seen) * 2 + 1:03}"))
        catalogue.refresh()
    assert len(seen) == len(set(seen))
    assert {f"track {n:03}" for n in range(0, 50, 2)} <= set(seen)
    assert seen == sorted(seen)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor", ["x", "bm9uZQ==", "WzFd", "é", "W10=", encoded('["","",Infinity,0,"",""]'), encoded("[" * 9_000)]
)
def test_a_cursor_of_somebody_else_is_refused_by_name(cursor: str):
    with pytest.raises(ProblemError) as refused:
        opened(*LIBRARY).search(limit=5, cursor=cursor)
    assert (refused.value.status, refused.value.field) == (422, "cursor")


def test_a_changed_record_takes_the_place_of_the_old_one():
    changes = Changes(record("one"))
    catalogue = Catalogue(changes, vectors=False)
    assert catalogue.refresh()
    assert not catalogue.refresh()
    one = record("one")
    changes.add(one.model_copy(update={"track": one.track.model_copy(update={"title": "renamed"})}))
    assert catalogue.refresh()
    assert titles(catalogue) == ["renamed"]


def test_a_missing_track_is_left_out_only_when_its_media_is_gone(tmp_path: Path):
    def stored(path: Path) -> Media:
        path.write_bytes(b"sound")
        return Media(uri=path.as_uri(), mime="audio/mpeg", bitrate_kbps=64, bytes=5)

    kept = record("kept", missing=True, media=stored(tmp_path / f"{track_id('kept')}.mp3"))
    # Compressed in place, and by now another recording lies there.
    replaced = record("replaced", missing=True, media=stored(tmp_path / "song.mp3"))
    catalogue = opened(record("gone", missing=True), kept, replaced)
    assert titles(catalogue) == ["kept"]


def test_vectors_of_one_normaliser_only():
    catalogue = opened(
        record("old", vectors={1: (1.0, 0.0)}),
        record("new", vectors={2: (0.0, 1.0, 0.0)}),
        record("none"),
    )
    assert catalogue.vectors() == {track_id("new"): (0.0, 1.0, 0.0)}
    assert catalogue.vectors(1) == {track_id("old"): (1.0, 0.0)}


def test_unknown_ids_are_looked_up_and_nothing_else():
    with pytest.raises(NotFound, match="no such track"):
        opened(*LIBRARY).entry("../../etc/passwd")
