"""Compression in place as a process group of its own, for tests that kill it.

In: a folder with MP3s. Out: the same folder, for as far as the process came; importing this module does the slow part.
"""

from __future__ import annotations

import os
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from etl.process import Failed, Options, process
from etl.scan import SourceFile, scan
from etl.sound.features import measure
from etl.sound.spectrum import SAMPLE_RATE

__all__ = ["compress_in_place"]

measure([np.random.default_rng(0).normal(size=SAMPLE_RATE).astype(np.float32)])


def compress_in_place(folder: Path, media: Path, begun: Event) -> None:
    """Process every file of `folder`; `begun` is set when this process leads its own group, and may be killed."""
    os.setsid()
    begun.set()
    options = Options(folder, media, in_place=True)
    outcomes = [process(file, options, {}) for file in scan(folder) if isinstance(file, SourceFile)]
    if failed := [o for o in outcomes if isinstance(o, Failed)]:
        raise SystemExit(f"these failed: {failed}")
