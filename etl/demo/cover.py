"""A cover for a composed piece: rings and bands, drawn with NumPy and written as PNG by hand.

In: the album's name and a seed. Out: the bytes of a PNG.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_cover"]


def draw_cover(album: str, seed: int, side: int = 400) -> bytes:
    """Rings and bands in two colours of the album, a little different for each piece, as PNG."""
    colours = np.random.default_rng(sum(map(ord, album))).uniform(30, 225, size=(3, 3))
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    rings = np.sin(np.hypot(x - random.uniform(-0.6, 0.6), y - random.uniform(-0.6, 0.6)) * random.uniform(8, 20))
    bands = np.sin(x * random.uniform(2, 6) + y * random.uniform(2, 6))
    share = (rings[..., None] + 1) / 2
    picture = colours[0] * share + colours[1] * (1 - share)
    return _png(np.where((bands > 0.6)[..., None], colours[2], picture).astype(np.uint8))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """An (h, w, 3) picture as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
