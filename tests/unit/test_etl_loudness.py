"""Loudness is read from what FFmpeg's filters say, and from nothing that a file's tags say."""

from __future__ import annotations

from etl.audio.loudness import Loudness, loudness_said

TAGS = b"""\
[info]     title           : [Parsed_ebur128_0 @ 0x1] [info] Summary:
[info]                     :     I:         -1.0 LUFS
    I:          -2.0 LUFS
[Parsed_volumedetect_2 @ 0x55] [info] max_volume: 3.0 dB
"""


def said(lufs: bytes, peak: bytes) -> bytes:
    return (
        TAGS
        + b"[mp3float @ 0x5570] [error] Header missing\n"
        + b"[Parsed_ebur128_0 @ 0x5571] [info] Summary:\n\n  Integrated loudness:\n    I:        "
        + lufs
        + b" LUFS\n    Threshold: -28.3 LUFS\n\n  Loudness range:\n    LRA:         6.9 LU\n"
        + b"[Parsed_volumedetect_2 @ 0x5572] [info] n_samples: 1\n[Parsed_volumedetect_2 @ 0x5572] [info] max_volume: "
        + peak
        + b" dB\n"
    )


def test_the_filters_are_believed_and_not_the_tags():
    assert loudness_said(said(b"-17.8", b"-17.5")) == Loudness(-17.8, -5.5)


def test_the_last_summary_counts():
    assert loudness_said(said(b"-70.0", b"-91.0") + said(b"-9.0", b"-11.5")) == Loudness(-9.0, 0.5)


def test_silence_has_no_loudness():
    assert loudness_said(said(b"-70.0", b"-91.0")) == Loudness(None, None)
    assert loudness_said(said(b"nan", b"nan")) == Loudness(None, None)


def test_filters_that_say_nothing_are_no_trouble():
    assert loudness_said(b"") == Loudness(None, None)
    assert loudness_said(b"[info] size=N/A\n") == Loudness(None, None)
