"""What can be asked of each codec, and what of it is refused."""

from __future__ import annotations

import pytest

from etl.audio.encoding import Encoding
from infra.errors import SettingsError
from infra.settings import Codec, Settings


@pytest.mark.parametrize(
    ("encoding", "label", "suffix", "kbps"),
    [
        (Encoding.of("mp3", 64), "mp3 64k", "mp3", 64),
        (Encoding.of("mp3", 64, 4), "mp3 q4", "mp3", 165),
        (Encoding.of("mp3", 64, 0), "mp3 q0", "mp3", 245),
        (Encoding.of("opus", 96), "opus 96k", "opus", 96),
        (Encoding.of("aac", 64, 0.5), "aac q0.5", "m4a", 65),
    ],
)
def test_an_encoding_has_a_name_a_suffix_and_about_a_bitrate(encoding: Encoding, label: str, suffix: str, kbps: int):
    assert (encoding.label, encoding.form.suffix, encoding.kbps) == (label, suffix, kbps)


@pytest.mark.parametrize(
    ("codec", "bitrate", "quality", "why"),
    [
        ("opus", 64, 3, "opus has no quality scale"),
        ("mp3", 64, 10, "from 0 to 9, not 10"),
        ("aac", 64, 4, "from 0.1 to 2, not 4"),
        ("opus", 320, None, "up to 256 kbit/s"),
    ],
)
def test_what_a_codec_cannot_do_is_refused(codec: Codec, bitrate: int, quality: float | None, why: str):
    with pytest.raises(SettingsError, match=why):
        Encoding.of(codec, bitrate, quality)


def test_what_is_asked_by_name_comes_before_the_settings():
    settings = Settings.load(codec="mp3", bitrate=96, quality=3)
    assert Encoding.chosen(settings).label == "mp3 q3"
    assert Encoding.chosen(settings, bitrate=128).label == "mp3 128k"
    assert Encoding.chosen(settings, quality=5).label == "mp3 q5"
    assert Encoding.chosen(settings, codec="opus").label == "opus 96k"
    with pytest.raises(SettingsError, match="exclude each other"):
        Encoding.chosen(settings, bitrate=64, quality=4)


def test_a_bitrate_under_32_needs_half_the_sample_rate_in_mp3_alone():
    assert Encoding("mp3", 24).options(44_100)["ar"] == 22_050
    assert "ar" not in Encoding("mp3", 24).options(16_000)
    assert "ar" not in Encoding("opus", 24).options(44_100)
