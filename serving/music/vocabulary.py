"""The words of the library, and which of them somebody may have meant.

In: texts of tags; a word as somebody types it. Out: words in their plainest form; words of the library that are it, begin
with it, or are a letter or two away from it, each with how well it fits.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from infra.letters import fold

__all__ = ["Vocabulary", "typed_words", "words_of"]

ALONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that write without spaces: each of their characters is taken for a word."""
CHARACTER = re.compile(f"[{ALONE}]")
WORD = re.compile(rf"[{ALONE}]|[^\W_{ALONE}]+")
LONGEST = 40
"""Letters of a word that are looked at."""

LAST = "\U0010ffff"
"""Comes after every letter."""

EXACT, BEGINS, COMPLETES = 1.0, 0.8, 0.15
"""Of a word that is begun, the more of it is typed the better it fits."""
ALIKE, PER_ERROR = 0.6, 0.15
FIRST_RIGHT = 0.05
"""The first letter is seldom mistyped."""
ERRORS = ((6, 2), (3, 1))
"""So many errors in words of so many letters or more."""


def words_of(text: str) -> list[str]:
    """The words of a name, folded, in its order; `AC/DC` is also `acdc`."""
    return _once(word for piece in fold(text).split() for word in _with_joined(WORD.findall(piece)))


def typed_words(text: str) -> list[str]:
    """The words that somebody has typed, folded."""
    return _once(WORD.findall(fold(text)))


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word[:LONGEST] for word in words))


def _with_joined(parts: list[str]) -> list[str]:
    return [*parts, "".join(parts)] if len(parts) > 1 and not CHARACTER.match(parts[0]) else parts


class Vocabulary:
    """All words there are. One thread adds; any may ask: the list is replaced, never changed."""

    def __init__(self) -> None:
        self._words: list[str] = []

    def __len__(self) -> int:
        return len(self._words)

    def add(self, new: Iterable[str]) -> None:
        """Take in words that are not there yet."""
        known = self._words
        added = {word for word in new if known[(at := bisect.bisect_left(known, word)) : at + 1] != [word]}
        if added:
            self._words = sorted([*self._words, *added])

    def meant(self, word: str, *, begun: bool) -> Mapping[str, float]:
        """The word itself where there is such a one and, when it may be only `begun`, those that begin with it."""
        fitting = {word: EXACT}
        if begun:
            longer = self._beginning(word)
            fitting = {one: BEGINS + COMPLETES * len(word) / len(one) for one in longer} | fitting
        return fitting

    def alike(self, word: str) -> Mapping[str, float]:
        """Words that are a typing error or two away, and words whose beginning is."""
        errors = next((most for least, most in ERRORS if len(word) >= least), 0)
        if not errors:
            return {}
        words = self._words
        found = dict(_near(word, words, words, errors))
        likely = self._beginning(word[0])
        for length in (len(word), len(word) + 1):
            beginnings = [one[:length] for one in likely]
            for one, fits in _near(word, beginnings, likely, errors):
                found[one] = max(found.get(one, 0.0), fits * BEGINS)
        return found

    def _beginning(self, start: str) -> Sequence[str]:
        words = self._words
        first = bisect.bisect_left(words, start)
        return words[first : bisect.bisect_left(words, start + LAST, first)]


def _near(word: str, looked_at: Sequence[str], words: Sequence[str], errors: int) -> Iterator[tuple[str, float]]:
    """Those of `words` that are near in what is looked at of them."""
    near = process.extract(word, looked_at, scorer=OSA.distance, score_cutoff=errors, limit=None)
    for seen, distance, place in near:
        yield words[place], ALIKE - PER_ERROR * distance + FIRST_RIGHT * (seen[:1] == word[0])
