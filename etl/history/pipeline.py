"""`segue import`: read everything, match each recording once, leave out what is known, write the rest in batches.

In: an export's files, a listener and a threshold. Out: play events in MongoDB, and an `ImportReport` that says what became of
every listening. Nothing is written before every file has been read to its end.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import NamedTuple, get_args

from etl.history.events import Listening, client_of, event_id, events
from etl.history.files import Export, read
from etl.history.heard import Heard, Origin, Recording
from etl.history.known import NEAR_MS, Known
from etl.history.match import Match, Matcher
from etl.history.report import ImportReport, loosely_matched, unmatched
from etl.patience import patiently
from infra.errors import SettingsError, StoreError
from infra.events import DAY_MS, PlayEvent
from infra.models import UserId
from infra.store import Store

__all__ = ["import_history"]

BATCH = 2_000
"""Events in one write."""
RICHEST_FIRST: tuple[Origin, ...] = get_args(Origin)
"""Of two services that tell of one listening, the one that knows more of it is believed."""


class _New(NamedTuple):
    """What is left when the known has been taken out."""

    events: list[PlayEvent]
    listenings: int
    already_there: int
    known_elsewhere: int


def import_history(
    files: Sequence[Path],
    store: Store,
    name: str,
    *,
    threshold: float,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> ImportReport:
    """Bring the history in `files` in as plays of the listener `name`; again adds nothing.

    `threshold` (0 to 100) is how alike artist and title have to be. Raises `SettingsError` for files that cannot be read, a
    listener that there is not and an empty library, `StoreError` when MongoDB is away; its text says how much had been written.
    """
    began = time.monotonic()
    user = store.users.listener(name)
    exports = list(read(files))
    heard = _each_once(exports)
    progress(f"{len(heard)} listenings in {len(exports)} files")
    read_in = time.monotonic()
    matches = _matched(heard, store, threshold)
    matched = time.monotonic()
    listenings = _listenings(heard, matches, threshold)
    new = _new(user, listenings, store)
    progress(f"{len(listenings)} of them are of tracks in the library, {new.listenings} are new")
    written = 0 if dry_run else _write(new.events, store)
    ended = time.monotonic()
    told = sum(len(export.heard) for export in exports)
    by_recording = _by_recording(heard)
    return ImportReport(
        user=user,
        threshold=threshold,
        dry_run=dry_run,
        files=len(exports),
        listenings=len(heard),
        repeated=told - len(heard),
        passed_over=sum(export.passed_over for export in exports),
        first=_moment(heard[0]) if heard else None,
        last=_moment(heard[-1]) if heard else None,
        recordings=len(matches),
        matched_recordings=sum(_taken(match, threshold) for match in matches.values()),
        matched_listenings=len(listenings),
        already_there=new.already_there,
        known_elsewhere=new.known_elsewhere,
        new=new.listenings,
        written=written,
        loose=tuple(loosely_matched(by_recording, matches, threshold)),
        unmatched=tuple(unmatched(by_recording, matches, threshold)),
        seconds={
            "read": round(read_in - began, 2),
            "match": round(matched - read_in, 2),
            "write": round(ended - matched, 2),
        },
    )


def _each_once(exports: Iterable[Export]) -> list[Heard]:
    """Every listening once, in the order in which they began; of two that are the same, the one whose end is known."""
    once: dict[tuple[str, ...], Heard] = {}
    for export in exports:
        for heard in export.heard:
            other = once.get(heard.identity)
            if other is None or other.ending == "unknown":
                once[heard.identity] = heard
    return sorted(once.values(), key=attrgetter("began_ms", "identity"))


def _by_recording(heard: Iterable[Heard]) -> dict[Recording, list[Heard]]:
    by_recording: defaultdict[Recording, list[Heard]] = defaultdict(list)
    for one in heard:
        by_recording[one.recording].append(one)
    return dict(sorted(by_recording.items(), key=lambda item: (-len(item[1]), item[0])))


def _matched(heard: Iterable[Heard], store: Store, threshold: float) -> Mapping[Recording, Match | None]:
    matcher = Matcher(store.tracks.names(), threshold)
    if not len(matcher):
        raise SettingsError("the library is empty: bring your music in with `segue ingest FOLDER` first")
    return {recording: matcher.find(recording, _length_ms(every)) for recording, every in _by_recording(heard).items()}


def _length_ms(every: Iterable[Heard]) -> int:
    """How long a recording is, from the listenings that tell; 0 when none does."""
    told = [one.length_ms for one in every if one.length_ms]
    return int(median(told)) if told else 0


def _taken(match: Match | None, threshold: float) -> bool:
    return match is not None and match.score >= threshold


def _listenings(heard: Sequence[Heard], matches: Mapping[Recording, Match | None], threshold: float) -> list[Listening]:
    found: list[Listening] = []
    next_ms, until_ms = 0, 0
    for one in reversed(heard):
        # Some players send an evening's songs with one time: they end when the next time begins.
        if one.began_ms != next_ms:
            next_ms, until_ms = one.began_ms, next_ms or one.began_ms + DAY_MS
        match = matches[one.recording]
        if match is not None and match.score >= threshold:
            found.append(Listening(one, match.track.id, match.track.duration_ms, until_ms))
    found.reverse()
    return found


def _new(user: UserId, listenings: Sequence[Listening], store: Store) -> _New:
    if not listenings:
        return _New([], 0, 0, 0)
    span = listenings[0].heard.began_ms - NEAR_MS, listenings[-1].heard.began_ms + 2 * DAY_MS
    known = Known(store.plays.between(user, *span))
    kept: list[Listening] = []
    new = elsewhere = 0
    for one in sorted(listenings, key=lambda one: RICHEST_FIRST.index(one.heard.origin)):
        heard, teller = one.heard, client_of(one.heard)
        if event_id(user, heard) not in known:
            if known.elsewhere(one.track, heard.began_ms, teller):
                elsewhere += 1
                continue
            known.note(one.track, heard.began_ms, teller)
            new += 1
        kept.append(one)
    kept.sort(key=attrgetter("heard.began_ms", "heard.identity"))
    unwritten = [event for event in events(user, kept) if event.event_id not in known]
    return _New(unwritten, new, len(kept) - new, elsewhere)


def _write(new: Sequence[PlayEvent], store: Store) -> int:
    written = 0
    for start in range(0, len(new), BATCH):
        try:
            written += patiently(store.plays.append)(new[start : start + BATCH])
        except StoreError as error:
            raise StoreError(
                f"{written} of {len(new)} plays were written, then: {error}. The same command writes the rest"
            ) from error
    return written


def _moment(heard: Heard) -> datetime:
    return datetime.fromtimestamp(heard.began_ms / 1000, UTC)
