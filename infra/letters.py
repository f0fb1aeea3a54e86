"""Letters without case and accents, as people type them.

In: any text. Out: the same in lower case, each letter in its plainest form; other scripts stay as they are.
"""

from __future__ import annotations

import unicodedata

__all__ = ["PLAIN", "fold"]

PLAIN = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h"}
"""Letters that are no other letter with an accent, and what is typed for them."""
TABLE = str.maketrans(PLAIN)


def fold(text: str) -> str:
    """Text without case and accents."""
    if text.isascii():
        return text.lower()
    # Case once more at the end: what a sign is taken apart into may be capitals, the TM of ™ say.
    plain = unicodedata.normalize("NFKD", text.casefold()).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c)).translate(TABLE)
