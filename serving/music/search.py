"""Search as somebody types: tracks, albums and artists by their words, typing errors forgiven.

In: what comes and goes on the shelves; what somebody has typed. Out: the best of each, best first. One thread changes; any
may search: they see the library as it was a moment ago, or is.
"""

from __future__ import annotations

import heapq
import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from serving.music.catalogue import Change, Entry
from serving.music.library_answers import Found
from serving.music.shelves import Moved, ShelvedAlbum, ShelvedArtist
from serving.music.vocabulary import Vocabulary, typed_words, words_of

__all__ = ["Index", "Search"]

T = TypeVar("T")
Floats = NDArray[np.float32]
Slots = NDArray[np.int32]
Fitting = Mapping[str, float]
"""Words that one typed word may stand for, and how well each fits."""

WHOLE = 0.3
"""What is gained when all words of a name are asked for, and none is left over."""
MOST_WORDS = 8
FEW = 5
"""With fewer found than this, words that are alike are looked for too."""
MOST_DEAD = 1_000
"""Documents that have gone are swept out when they are more than the others, and more than these."""


class _Seen(NamedTuple, Generic[T]):
    """The documents as a search sees them: as many as `lengths` has."""

    documents: list[T]
    """Grows at its end."""
    lengths: Floats
    """Words of each document's first field; infinite for one that has gone."""
    postings: tuple[dict[str, Slots], ...]
    """For each field, by word: the documents, ascending."""


class Index(Generic[T]):
    """Documents by the words of their fields, the first of which is their name."""

    def __init__(
        self, fields: Callable[[T], Sequence[str]], weights: Sequence[float], order: Callable[[T], object]
    ) -> None:
        """`order` decides between documents that fit equally well."""
        self._fields, self._weights, self._order = fields, weights, order
        self._places: dict[str, int] = {}
        self._dead = 0
        self._seen = self._nothing()

    def __len__(self) -> int:
        return len(self._places)

    def change(self, moved: Mapping[str, T | None]) -> Collection[str]:
        """Take in what came, changed or (None) went, by key; returns words that none had before, or that were swept up."""
        seen = self._seen
        if self._dead > max(MOST_DEAD, len(self._places)):
            moved = {key: seen.documents[place] for key, place in self._places.items()} | dict(moved)
            # Whoever searches meanwhile has the old ones: the new take their place when they are whole.
            self._places, self._dead, seen = {}, 0, self._nothing()
        lengths = seen.lengths.copy()
        gone = [place for key in moved if (place := self._places.pop(key, None)) is not None]
        lengths[gone] = np.inf
        self._dead += len(gone)
        come = {key: one for key, one in moved.items() if one is not None}
        return self._add(come, seen._replace(lengths=lengths))

    def _nothing(self) -> _Seen[T]:
        return _Seen([], np.empty(0, np.float32), tuple({} for _ in self._weights))

    def _add(self, come: Mapping[str, T], seen: _Seen[T]) -> Collection[str]:
        new: list[defaultdict[str, array[int]]] = [defaultdict(lambda: array("i")) for _ in self._weights]
        named = array("f")
        for key, document in come.items():
            place = self._places[key] = len(seen.documents)
            seen.documents.append(document)
            texts = self._fields(document)
            for field, text in zip(new, texts, strict=True):
                for word in words_of(text):
                    field[sys.intern(word)].append(place)
            named.append(max(len(texts[0].split()), 1))
        unknown = {word for field in new for word in field if not any(word in known for known in seen.postings)}
        # Whoever searches now sees no more documents than there were: words may come one by one, and all are there at the end.
        for known, field in zip(seen.postings, new, strict=True):
            for word, places in field.items():
                more = np.array(places, np.int32)
                known[word] = np.concatenate((known[word], more)) if word in known else more
        self._seen = seen._replace(lengths=np.concatenate((seen.lengths, np.frombuffer(named, np.float32))))
        return unknown

    def find(self, asked: Sequence[Fitting], limit: int) -> list[T]:
        """Up to `limit` documents that hold each of the words asked for, in one of the forms that it may stand for."""
        seen = self._seen
        n = len(seen.lengths)
        total = np.zeros(n, np.float32)
        in_name = np.zeros(n, np.float32)
        missing = ~np.isfinite(seen.lengths)
        for fitting in asked:
            fields = [_fit(known, fitting, n) for known in seen.postings]
            best = np.maximum.reduce([field * weight for field, weight in zip(fields, self._weights, strict=True)])
            missing |= best == 0
            total += best
            in_name += fields[0]
        total += WHOLE * np.minimum(in_name / seen.lengths, 1)
        total[missing] = 0
        return self._best(seen.documents, total, limit)

    def _best(self, documents: Sequence[T], total: Floats, limit: int) -> list[T]:
        places = np.flatnonzero(total)
        if len(places) > limit:
            least = np.partition(total[places], -limit)[-limit]
            places = places[total[places] >= least]
        ranked = ((-round(float(total[p]), 3), self._order(documents[p]), p) for p in places.tolist())
        return [documents[place] for _, _, place in heapq.nsmallest(limit, ranked)]


class Search:
    """All that can be found."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._tracks: Index[Entry] = Index(_of_track, (1.0, 0.85, 0.7), lambda entry: entry.order)
        self._albums: Index[ShelvedAlbum] = Index(_of_album, (1.0, 0.85), lambda shelved: shelved.key)
        self._artists: Index[ShelvedArtist] = Index(_of_artist, (1.0,), lambda shelved: shelved.key)

    def change(self, changes: Iterable[Change], moved: Moved) -> None:
        """Take in tracks that came, changed or went, and what that did to albums and artists."""
        self._albums.change(moved.albums)
        self._artists.change(moved.artists)
        tracks = {str(one.track.id): after for before, after in changes if (one := after or before) is not None}
        # All words of albums and artists are words of their tracks.
        self._vocabulary.add(self._tracks.change(tracks))

    def find(self, typed: str, limit: int) -> Found:
        """Up to `limit` tracks, albums and artists each; the last word may be a beginning."""
        words = typed_words(typed)[:MOST_WORDS]
        if not words:
            return Found(tracks=(), albums=(), artists=())
        meant, alike = self._vocabulary.meant, self._vocabulary.alike
        found = self._find([meant(word, begun=word == words[-1]) for word in words], limit)
        if len(found.tracks) + len(found.albums) + len(found.artists) >= FEW:
            return found
        # What was meant literally fits better, and comes first.
        return self._find([{**alike(word), **meant(word, begun=True)} for word in words], limit)

    def _find(self, asked: Sequence[Fitting], limit: int) -> Found:
        return Found(
            tracks=tuple(entry.track for entry in self._tracks.find(asked, limit)),
            albums=tuple(shelved.album for shelved in self._albums.find(asked, limit)),
            artists=tuple(shelved.artist for shelved in self._artists.find(asked, limit)),
        )


def _fit(known: Mapping[str, Slots], fitting: Fitting, n: int) -> Floats:
    """How well each of the first `n` documents fits in one field."""
    fits = np.zeros(n, np.float32)
    found = [(fit, places) for word, fit in fitting.items() if (places := known.get(word)) is not None]
    # The best last, so that it stays where several are.
    for fit, places in sorted(found, key=lambda one: one[0]):
        fits[places if places[-1] < n else places[places < n]] = fit
    return fits


def _of_track(entry: Entry) -> tuple[str, str, str]:
    track = entry.track
    return track.title, f"{track.artist} {track.album_artist}", track.album


def _of_album(shelved: ShelvedAlbum) -> tuple[str, str]:
    return shelved.album.title, shelved.album.artist


def _of_artist(shelved: ShelvedArtist) -> tuple[str]:
    return (shelved.artist.name,)
