"""What can be asked of a stream: when the stored file is the answer, what has to be made, and what is refused by name."""

from __future__ import annotations

import pytest

from infra.models import Media
from infra.settings import Codec, Settings
from serving.http.problems import ProblemError
from serving.music.catalogue import Catalogue, Entry
from serving.streams.rendition import rendition_of
from tests.data.records import record

MP3, OPUS, M4A = ("audio/mpeg", 64), ("audio/ogg; codecs=opus", 48), ("audio/mp4", 128)
FLAC, UNKNOWN = ("audio/flac", 900), ("audio/mpeg", 0)


def entry(mime: str, kbps: int) -> Entry:
    media = Media(uri="file:///media/a", mime=mime, bitrate_kbps=kbps, bytes=1)
    catalogue = Catalogue(lambda _: [(1, record("a", media=media))], vectors=False)
    catalogue.refresh()
    return next(iter(catalogue.entries.values()))


def asked(
    stored: tuple[str, int], codec: Codec | None = None, bitrate: int | None = None, offset_s: float = 0
) -> tuple[str, float] | None:
    made = rendition_of(entry(*stored), Settings.load(codec="mp3", bitrate=80), codec, bitrate, offset_s)
    return (made.encoding.label, made.offset_s) if made else None


@pytest.mark.parametrize(
    ("stored", "codec", "bitrate"),
    [
        *[(stored, None, None) for stored in (MP3, OPUS, M4A, FLAC, UNKNOWN)],
        *[(MP3, "mp3", None), (MP3, "mp3", 64), (MP3, None, 320), (OPUS, "opus", 48), (M4A, "aac", 128)],
    ],
)
def test_what_is_stored_so_already_is_not_made(stored: tuple[str, int], codec: Codec | None, bitrate: int | None):
    assert asked(stored, codec, bitrate) is None


@pytest.mark.parametrize(
    ("stored", "codec", "bitrate", "label"),
    [
        (MP3, "mp3", 48, "mp3 48k"),
        (MP3, None, 63, "mp3 63k"),
        (MP3, "opus", None, "opus 64k"),
        (OPUS, "mp3", 320, "mp3 320k"),
        (M4A, "aac", 96, "aac 96k"),
        (FLAC, None, 320, "mp3 320k"),
        (FLAC, "opus", None, "opus 256k"),
        (FLAC, "aac", None, "aac 320k"),
        (UNKNOWN, "opus", None, "opus 80k"),
        (UNKNOWN, "mp3", 320, "mp3 320k"),
    ],
)
def test_what_is_not_stored_so_is_made(stored: tuple[str, int], codec: Codec | None, bitrate: int | None, label: str):
    assert asked(stored, codec, bitrate) == (label, 0)


def test_from_the_middle_it_is_made_as_it_is_stored():
    assert asked(MP3, offset_s=1.5) == ("mp3 64k", 1.5)
    assert asked(MP3, "mp3", 320, 1.5) == ("mp3 320k", 1.5)


@pytest.mark.parametrize(
    ("codec", "bitrate", "offset_s", "field", "why"),
    [
        ("opus", 320, 0, "bitrate", "up to 256 kbit/s"),
        (None, None, 180, "offset", "plays 180 s"),
        ("mp3", 48, 1e300, "offset", "plays 180 s"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(
    codec: Codec | None, bitrate: int | None, offset_s: float, field: str, why: str
):
    with pytest.raises(ProblemError, match=why) as refused:
        asked(MP3, codec, bitrate, offset_s)
    assert (refused.value.status, refused.value.field) == (422, field)
