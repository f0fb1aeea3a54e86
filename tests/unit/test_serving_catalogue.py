from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.errors import NotFound
from infra.models import Media, TrackRecord
from serving.music.catalogue import Catalogue, Change
from tests.data.library import Changes, of
from tests.data.records import record, track_id


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


def test_a_changed_record_takes_the_place_of_the_old_one():
    changes = Changes(record("one"))
    catalogue = Catalogue(changes, vectors=False)
    assert catalogue.refresh()
    assert not catalogue.refresh()
    one = record("one")
    changes.add(one.model_copy(update={"track": one.track.model_copy(update={"title": "renamed"})}))
    assert catalogue.refresh()
    assert [entry.track.title for entry in catalogue.shelf] == ["renamed"]


def test_a_missing_track_is_left_out_only_when_its_media_is_gone(tmp_path: Path):
    def stored(path: Path) -> Media:
        path.write_bytes(b"sound")
        return Media(uri=path.as_uri(), mime="audio/mpeg", bitrate_kbps=64, bytes=5)

    kept = record("kept", missing=True, media=stored(tmp_path / f"{track_id('kept')}.mp3"))
    # Compressed in place, and by now another recording lies there.
    replaced = record("replaced", missing=True, media=stored(tmp_path / "song.mp3"))
    catalogue = opened(record("gone", missing=True), kept, replaced)
    assert [entry.track.title for entry in catalogue.shelf] == ["kept"]


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


def test_a_follower_is_told_of_what_listeners_would_notice():
    told: list[tuple[str | None, str | None]] = []

    def follow(changes: Sequence[Change]) -> None:
        told.extend((b.track.title if b else None, a.track.title if a else None) for b, a in changes)

    changes = Changes(record("one"))
    catalogue = Catalogue(changes, vectors=True, follower=follow)
    catalogue.refresh()
    changes.add(record("one", vectors={1: (1.0, 0.0)}))
    catalogue.refresh()
    changes.add(of("one", title="renamed"))
    catalogue.refresh()
    changes.add(record("one", missing=True))
    catalogue.refresh()
    assert told == [(None, "one"), ("one", "renamed"), ("renamed", None)]
