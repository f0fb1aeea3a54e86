"""How loud a track is: EBU R128 integrated loudness and true peak of all its channels, from two of FFmpeg's filters.

In: what FFmpeg said on standard error when it was done. Out: `Loudness`, in LUFS and dBTP.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

__all__ = ["LOUDNESS_FILTER", "PEAK_FILTER", "Loudness", "loudness_said"]

LOUDNESS_FILTER = "ebur128=framelog=verbose"
PEAK_FILTER = "aresample=192000:filter_size=12,volume=0.25,volumedetect"
"""Oversampled as BS.1770 has it; `ebur128` itself could tell the true peak, at five times the time.

`volumedetect` works in 16 bits and in steps of 0.1 dB: a quarter of the volume leaves room for peaks above full scale.
"""
HEADROOM_DB = 20 * math.log10(4)
SILENT_LUFS = -70.0
"""The absolute gate of EBU R128: what `ebur128` says when nothing was louder."""
QUIETEST_DB = -90.0
"""What 16 bits can tell from silence."""

SUMMARY = re.compile(rb"^\[Parsed_ebur128_\d+ @ 0x[0-9a-f]+\] \[info\] Summary:\s*$", re.MULTILINE)
INTEGRATED = re.compile(rb"^\s+I:\s+(\S+) LUFS\s*$", re.MULTILINE)
PEAK = re.compile(rb"^\[Parsed_volumedetect_\d+ @ 0x[0-9a-f]+\] \[info\] max_volume: (\S+) dB\s*$", re.MULTILINE)


class Loudness(NamedTuple):
    """Of a whole track; None for silence."""

    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None


def loudness_said(said: bytes) -> Loudness:
    """What the filters said last: a file's tags are told before, and may say anything."""
    *_, summary = SUMMARY.split(said)
    integrated, peaks = INTEGRATED.search(summary), PEAK.findall(summary)
    lufs = _number(integrated[1]) if integrated else None
    peak = _number(peaks[-1]) if peaks else None
    return Loudness(
        loudness_lufs=lufs if lufs is not None and lufs > SILENT_LUFS else None,
        true_peak_dbtp=round(peak + HEADROOM_DB, 1) if peak is not None and peak > QUIETEST_DB else None,
    )


def _number(text: bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value, 2) if math.isfinite(value) else None
