"""A model on disk: arrays and texts in one folder, with a manifest that tells whether all of it is there.

In: named arrays and JSON values. Out: the same, arrays memory-mapped; `BundleError` for anything else than was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.errors import BundleError

__all__ = ["FORMAT", "read", "seal", "write"]

FORMAT = 2
MANIFEST = "manifest.json"

Arrays = dict[str, NDArray[Any]]


def write(folder: Path, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
    """Write arrays as `<name>.npy` and values as `<name>.json` into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    for name, value in values.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")


def seal(folder: Path) -> None:
    """Write the manifest over everything that is in `folder` now: the last step of saving."""
    files = {path.name: _entry(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    text = json.dumps({"format": FORMAT, "files": files}, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read(folder: Path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and values that `write` was given; raises `BundleError` naming the file that is not as it was."""
    _verify(folder)
    arrays = {path.stem: _array(path) for path in sorted(folder.glob("*.npy"))}
    values = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
        if path.name != MANIFEST
    }
    return arrays, values


def _array(path: Path) -> NDArray[Any]:
    # Small arrays are read whole: mapping costs a page each, and an empty one cannot be mapped.
    mapped = path.stat().st_size > 1 << 16
    return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))


def _verify(folder: Path) -> None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        written, files = manifest["format"], manifest["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}: no model bundle, or one that is cut short: {error}") from error
    if written != FORMAT:
        raise BundleError(f"{folder}: bundle format {written}, this version reads {FORMAT}; train again")
    for name, entry in files.items():
        path = folder / name
        if not path.is_file() or _entry(path) != entry:
            raise BundleError(f"{path}: missing or not as it was written; fetch or train the model again")


def _entry(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
