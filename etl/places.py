"""Where music comes from: a folder of this machine, or an fsspec address such as `s3://bucket/music`.

In: what the user named. Out: its `SourceFile`s, and for a worker each of them as a file to read.
A folder's files are read where they are; those behind an address are fetched one by one and removed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

import fsspec.core
from fsspec.asyn import AsyncFileSystem

from etl.audio.media import abandoned
from etl.scan import AUDIO_SUFFIXES, SourceFile, Unreadable, displayable, path_of, scan, uri_of
from infra.errors import AudioError, ServiceError, SettingsError
from infra.secrecy import WEB, without_secrets

__all__ = ["FETCHED", "Address", "Folder", "Place", "clear_fetched", "is_folder", "place_of"]

PATHS = ("file://", "local://")
FETCHED = "segue-fetched-"
TIMES = ("mtime", "LastModified", "last_modified", "modify", "modified", "updated", "date_time", "created")
"""What file systems call the time of the last change; the first that is there counts."""
TAGS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "checksum", "sha256", "Last-Modified", "CRC")
"""What they call something that changes with the content."""


def is_folder(path: Path) -> bool:
    """Whether there is a folder; no where the system cannot tell."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where it may not look


class Folder(NamedTuple):
    """A folder, under the same path on every machine that works on it."""

    path: Path

    @property
    def name(self) -> str:
        """As it is shown."""
        return displayable(self.path)

    def find(self) -> list[SourceFile | Unreadable]:
        """Its audio files; raises `SettingsError` when there is no such folder."""
        if not is_folder(self.path):
            raise SettingsError(f"{self.name}: there is no such folder")
        return list(scan(self.path))

    def holds(self, uri: str) -> bool:
        """Whether a source is, or was, one of its files, or the folder itself."""
        own = uri_of(self.path)
        return uri == own or uri.startswith(own.rstrip("/") + "/")

    def trouble(self) -> str:
        """What keeps this machine from reading it; empty when nothing does."""
        if is_folder(self.path):
            return ""
        return f"{self.name} is not there; make it visible under the same path on every node of the Ray cluster"

    @contextlib.contextmanager
    def near(self, file: SourceFile) -> Iterator[SourceFile]:
        """The file to read: itself."""
        yield file


class Address(NamedTuple):
    """A folder behind fsspec. What is secret in its address stays in `files` and `root` and is shown nowhere."""

    files: Any
    """fsspec's file system; travels to workers, with its credentials."""
    root: str
    """The folder as `files` names it."""
    name: str
    """The address without user, password or query: the beginning of every source's URI."""

    def find(self) -> list[SourceFile | Unreadable]:
        """Its audio files; raises `ServiceError` when it cannot be listed, `SettingsError` when there is no such folder."""
        try:
            self.files.invalidate_cache()
            listing: Mapping[str, Any] = self.files.find(self.root, detail=True, **self._all_or_nothing())
        except FileNotFoundError as error:
            raise SettingsError(f"{self.name}: there is no such folder") from error
        except Exception as error:  # every file system raises what it likes
            raise ServiceError(f"{self.name} cannot be listed: {self._safe(error)}") from error
        paths = sorted(path for path in listing if path.startswith(self.root) and self._is_audio(path))
        return [self._file(path, listing[path]) for path in paths]

    def holds(self, uri: str) -> bool:
        """Whether a source is, or was, one of its files."""
        head, rest = self._ends()
        return uri.startswith(head) and uri.endswith(rest)

    def trouble(self) -> str:
        """Nothing is known before a file is fetched."""
        return ""

    @contextlib.contextmanager
    def near(self, file: SourceFile) -> Iterator[SourceFile]:
        """A copy of the file under its own name, until the block ends; raises `AudioError` at stage "read"."""
        head, rest = self._ends()
        inner = file.uri[len(head) : len(file.uri) - len(rest)]
        path = f"{self.root}/{inner}" if self.root else inner
        with tempfile.TemporaryDirectory(prefix=FETCHED) as folder:
            copy = Path(folder) / (unquote(inner) if head.partition("://")[0] in WEB else inner).rpartition("/")[2]
            try:
                self.files.get_file(path, str(copy))
                found = copy.stat()
            except Exception as error:  # every file system raises what it likes
                raise AudioError("read", f"cannot be fetched: {self._safe(error)}") from error
            yield SourceFile(uri_of(copy), found.st_size, found.st_mtime_ns)

    def _ends(self) -> tuple[str, str]:
        """What stands before and after a file's own name in its URI: `zip://`name`::file:///a.zip`."""
        head, *rest = self.name.split("::")
        head = head if "://" in head else f"{head}://"
        return head if head.endswith("://") else head.rstrip("/") + "/", "".join(f"::{link}" for link in rest)

    def _uri(self, path: str) -> str:
        head, rest = self._ends()
        return head + path.removeprefix(self.root).lstrip("/") + rest

    def _is_audio(self, path: str) -> bool:
        inside = PurePosixPath(path.removeprefix(self.root))
        return inside.suffix.lower() in AUDIO_SUFFIXES and not any(part.startswith(".") for part in inside.parts)

    def _file(self, path: str, info: Mapping[str, Any]) -> SourceFile | Unreadable:
        uri = self._uri(path)
        if uri != uri.encode(errors="backslashreplace").decode():
            safe = uri.encode(errors="backslashreplace").decode()
            return Unreadable(safe, "its name is not valid text; give it another")
        try:
            known = info if info.get("size") is not None else self.files.info(path)
        except Exception as error:  # noqa: BLE001 - the border of one file: the others go on
            return Unreadable(uri, self._safe(error))
        return SourceFile(uri, int(known.get("size") or 0), _stamp(known))

    def _all_or_nothing(self) -> dict[str, str]:
        """Fsspec's own walk leaves out what it cannot list, which would look as if it had gone."""
        finds = (fsspec.AbstractFileSystem.find, AsyncFileSystem._find)
        kind = type(self.files)
        theirs = getattr(kind, "_find", None) or kind.find
        return {"on_error": "raise"} if theirs in finds else {}

    def _safe(self, error: Exception) -> str:
        """An error's text without what is secret in the address."""
        text = " ".join(str(error).split()) or type(error).__name__
        return without_secrets(text.replace(self.root, self.name) if self.root else text)


Place = Folder | Address


def place_of(named: str | Path) -> Place:
    """The folder or address that the user named; raises `SettingsError` for one that fsspec cannot use."""
    text = str(named)
    if text.startswith(PATHS) and "::" not in text:
        return Folder(path_of("file://" + text.partition("://")[2]).absolute())
    if isinstance(named, Path) or not ("://" in text or "::" in text):
        return Folder(Path(named).expanduser().absolute())
    name = without_secrets(text) if text.endswith("://") else without_secrets(text).rstrip("/")
    try:
        files, root = fsspec.core.url_to_fs(text)
    except (ImportError, ValueError) as error:
        raise SettingsError(f"{name}: {without_secrets(' '.join(str(error).split()))}") from error
    except Exception as error:
        raise ServiceError(f"{name} cannot be opened: {without_secrets(' '.join(str(error).split()))}") from error
    return Address(files, str(root).rstrip("/"), name)


def clear_fetched() -> None:
    """Remove what workers had fetched that were killed more than a day ago."""
    for left in abandoned(Path(tempfile.gettempdir()).glob(f"{FETCHED}*")):
        shutil.rmtree(left, ignore_errors=True)


def _stamp(info: Mapping[str, Any]) -> int:
    """A number that changes with a file: the time of its last change in nanoseconds, else a hash of its entity tag."""
    when = next((info[name] for name in TIMES if info.get(name)), None)
    if isinstance(when, datetime):
        return int(when.timestamp() * 1e9)
    if isinstance(when, int | float):
        return int(when * 1e9)
    what = when or next((info[name] for name in TAGS if info.get(name)), None)
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:7], "big") if what else 0
