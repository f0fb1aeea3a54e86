"""One run's work as a worker has it: fetch a file where that is needed, and process it.

In: where the files are, the options and what is known, once. Out: an outcome for each file, under the name it is known by.
"""

from __future__ import annotations

import contextlib
import uuid
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from etl.audio.media import replacing
from etl.places import Place
from etl.process import Failed, Known, Options, Outcome, place_key, process
from etl.scan import SourceFile
from infra.errors import AudioError

__all__ = ["Job", "mark_of"]

MARK = ".media-store"


class Job(NamedTuple):
    """What is the same for every file of a run, and how one is done; sent to each worker once."""

    place: Place
    options: Options
    known: dict[str, Known]
    """Tracks by content hash."""
    mark: str
    """What stands in the media store of the machine that began the run."""

    def trouble(self) -> str:
        """What keeps this machine from doing it, with the fix; empty when nothing does."""
        if mark_of(self.options.media) != self.mark:
            media = self.options.media
            return (
                f"{media} is not the media store; make it visible under the same path on every node of the Ray cluster"
            )
        return self.place.trouble()

    def __call__(self, file: SourceFile) -> Outcome:
        """Do one file; whatever goes wrong with it is in the outcome."""
        try:
            with self.place.near(file) as near:
                outcome = process(near, self.options, self._known_as(near, file))
        except AudioError as error:
            return Failed(file, error.stage, error.reason)
        except OSError as error:  # no room for a copy of it
            return Failed(file, "read", error.strerror or str(error))
        if near is file or isinstance(outcome, Failed):
            return outcome._replace(file=file)
        source = outcome.source.model_copy(update={"uri": file.uri, "bytes": file.size, "mtime_ns": file.mtime_ns})
        return outcome._replace(file=file, source=source)

    def _known_as(self, near: SourceFile, file: SourceFile) -> Mapping[str, Known]:
        """What is known, and of a copy what is known of the file by its place."""
        track = self.known.get(place_key(*file))
        if near is file or track is None:
            return self.known
        return ChainMap({place_key(*near): track}, self.known)


def mark_of(media: Path, *, make: bool = False) -> str:
    """What tells a media store from a folder of the same name on another machine; empty when it has nothing like that."""
    with contextlib.suppress(OSError):
        return (media / MARK).read_text()
    if not make:
        return ""
    with replacing(media / MARK) as part:
        part.write_text(uuid.uuid4().hex)
    return mark_of(media)
