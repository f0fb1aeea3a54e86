"""What became of an import.

In: counts and names. Out: one frozen `ImportReport`, for the terminal or as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from etl.history.heard import Heard, Recording
from etl.history.match import Match
from infra.models import Frozen, TrackId

__all__ = ["ImportReport", "LooseMatch", "Unmatched", "loosely_matched", "unmatched"]

Every = Mapping[Recording, Sequence[Heard]]
Matches = Mapping[Recording, Match | None]


class Unmatched(Frozen):
    """A recording that the library does not have, and what is most like it."""

    artist: str
    title: str
    album: str
    listenings: int
    nearest: str = ""
    """Artist and title of the nearest track; empty when nothing is near."""
    score: float = 0.0
    """Of the nearest, below the threshold."""


class LooseMatch(Frozen):
    """A recording whose name is not quite its track's."""

    artist: str
    title: str
    album: str
    listenings: int
    track: TrackId
    taken_for: str
    """Artist and title of the track."""
    score: float


class ImportReport(Frozen):
    """What an import found and wrote. A listening is one time that a recording was heard."""

    user: str
    threshold: float
    dry_run: bool
    files: int
    listenings: int
    """In all files, each once."""
    repeated: int
    """Told a second time by another of the files of the same service."""
    passed_over: int
    """Entries that are no music, or have no time."""
    first: datetime | None
    """When the first listening began."""
    last: datetime | None
    recordings: int
    """Different names."""
    matched_recordings: int
    matched_listenings: int
    already_there: int
    """Listenings that an earlier import wrote."""
    known_elsewhere: int
    """Listenings that another service, or Segue itself, has told of."""
    new: int
    """Listenings that are new; those that a dry run would write."""
    written: int
    """Play events written."""
    loose: tuple[LooseMatch, ...]
    """Most heard first."""
    unmatched: tuple[Unmatched, ...]
    """Most heard first."""
    seconds: dict[str, float]
    """By stage: read, match, write."""


def loosely_matched(every: Every, matches: Matches, threshold: float) -> Iterator[LooseMatch]:
    """Recordings at or above the threshold that are not called quite like their tracks, in the order of `every`."""
    for recording, heard in every.items():
        match = matches[recording]
        if match is not None and threshold <= match.score < 100:
            yield LooseMatch(
                **recording._asdict(),
                listenings=len(heard),
                track=match.track.id,
                taken_for=_called(match),
                score=round(match.score, 1),
            )


def unmatched(every: Every, matches: Matches, threshold: float) -> Iterator[Unmatched]:
    """Recordings below the threshold, in the order of `every`."""
    for recording, heard in every.items():
        match = matches[recording]
        if match is None or match.score < threshold:
            yield Unmatched(
                **recording._asdict(),
                listenings=len(heard),
                nearest=_called(match) if match else "",
                score=round(match.score, 1) if match else 0.0,
            )


def _called(match: Match) -> str:
    return f"{match.track.artist} – {match.track.title}" if match.track.artist else match.track.title
