"""Names in the form in which they are compared: what differs between two catalogues for one recording is taken out.

In: artists, titles and albums as tags and exports write them. Out: plain words. Case, accents, punctuation, guests and
editions go; what makes another recording of a title (live, acoustic, a remix) and its numbers are kept apart.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from infra.letters import PLAIN

__all__ = ["VARIOUS", "Title", "album_key", "artist_keys", "is_live_album", "plain", "title_of"]

VARIOUS = "artists various"
"""The key of an album by many: no artist's name."""

LONGEST = 500
"""Characters of a name that are looked at: tags hold anything."""
APOSTROPHES = str.maketrans("", "", "'`.\u2019\u2018\u02bc\u02bb\u02b9\u00b4")
"""Signs that stand inside a word and are often left out; the full stop is one: R.E.M."""
ACCENTS = re.compile(r"[\u0300-\u036f]")
INSIDE_A_NAME = re.compile(r"(?<=\w)!(?=\w)")
"""P!nk."""
LETTERS = {**PLAIN, "$": "s", "&": " and ", "+": " and "}
WORDS = {
    "n": "and", "pt": "part", "vol": "volume", "ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9",
}  # fmt: skip

BRACKETS = re.compile(r"[(\[{【]([^()\[\]{}【】]*)[)\]}】]")
DASH = re.compile(r"\s+[-–—]\s+")
GUESTS = re.compile(r"\s(?:feat|ft|featuring)\b\.?\s.*$", re.IGNORECASE)
GUEST = re.compile(r"^(?:feat|ft|featuring|with|w|prod|produced by)\b")
EDITION = re.compile(
    r"\b(?:(?:\d{4} )?(?:digital(?:ly)? )?remaster(?:ed|izado)?(?: version)?(?: (?:in )?\d{4})?|deluxe(?: edition)?|expanded|"
    r"(?:\d+th )?anniversary(?: edition)?|bonus(?: track)?|explicit|clean|mono|stereo|reissue|"
    r"(?:album|single|radio|original|lp) (?:version|edit|mix|recording)|original|from the .*soundtrack|"
    r"original .*soundtrack|special edition|\d{4} version)\b"
)
SOUNDTRACK = re.compile(r"^(?:music )?from\b")
KINDS = {
    "live": "live", "vivo": "live", "unplugged": "live", "acoustic": "acoustic", "instrumental": "instrumental",
    "karaoke": "karaoke", "demo": "demo", "acapella": "a cappella", "cappella": "a cappella", "orchestral": "orchestral",
    "rehearsal": "rehearsal", "outtake": "outtake", "session": "session", "sessions": "session", "slowed": "slowed",
    "nightcore": "nightcore", "commentary": "commentary", "cover": "cover", "reprise": "reprise",
    "remix": "remix", "rmx": "remix", "mix": "remix", "edit": "remix", "dub": "remix", "extended": "remix", "rework": "remix",
}  # fmt: skip
"""Words of a title's additions that make it another recording."""
NAMED = {"remix", "cover"}
"""Recordings of which there are many, told apart by a name."""
LIVE_ALBUM = re.compile(r"\blive (?:at|in|from|on)\b|\bin concert\b|\bunplugged\b")
ARTISTS = re.compile(
    r"\s*[;,/、]\s*|\s+(?:&|\+|x|×|vs\.?|and|with|feat\.?|ft\.?|featuring)\s+|\s*[(\[](?:feat|ft|featuring|with)\b\.?\s*",
    re.IGNORECASE,
)
MANY = {"various", "various artists", "va", "verschiedene interpreten", "varios artistas", "artistes divers"}


class Title(NamedTuple):
    """A title in parts."""

    text: str
    """Plain words; the remixer's name with them."""
    kinds: frozenset[str]
    """What kind of recording it is, empty for the usual one."""
    numbers: tuple[str, ...]
    """Every word with a digit: "part 1" is not "part 2", however alike they look."""


class _Characters(dict[int, str]):
    """What becomes of each character; filled as characters come."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        # Punctuation, symbols, spaces and control characters; marks stay, Indic vowels are among them.
        kept = unicodedata.category(character)[0] not in "PSZC"
        self[code] = LETTERS.get(character, character if kept else " ")
        return self[code]


CHARACTERS = _Characters()


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """Words in lower case without accents and punctuation; of a name that is all punctuation, the name itself."""
    letters = INSIDE_A_NAME.sub("i", text[:LONGEST].translate(APOSTROPHES).casefold())
    # Composed again after the accents are gone, for scripts in which marks are letters: Hangul, kana.
    bare = unicodedata.normalize("NFC", ACCENTS.sub("", unicodedata.normalize("NFKD", letters)))
    words = bare.casefold().translate(CHARACTERS).split()
    return " ".join(WORDS.get(word, word) for word in words) or "".join(text.casefold().split())


@lru_cache(maxsize=100_000)
def title_of(title: str) -> Title:
    """A title taken apart."""
    # Full-width brackets become plain ones.
    base, additions = _parts(unicodedata.normalize("NFKC", title[:LONGEST]))
    words, kinds = [base], set[str]()
    for addition in map(plain, additions):
        rest = " ".join(EDITION.sub(" ", addition).split())
        found = {KINDS[word] for word in rest.split() if word in KINDS}
        kinds |= found
        kept = not (GUEST.match(addition) or SOUNDTRACK.match(addition) or rest != addition)
        if found & NAMED or (kept and not found):
            words.append(rest)
    text = " ".join(words)
    return Title(text, frozenset(kinds), tuple(sorted(w for w in text.split() if any(map(str.isdigit, w)))))


def artist_keys(artist: str) -> tuple[str, ...]:
    """Keys under which an artist is looked for, the whole name first, then each of several; none for no name."""
    names = [artist, *ARTISTS.split(artist[:LONGEST])]
    return tuple(dict.fromkeys(key for name in names if (key := _artist_key(name))))


def album_key(album: str) -> str:
    """An album's title without its edition."""
    return title_of(album).text if album else ""


def is_live_album(album: str) -> bool:
    """Whether what is on an album was recorded on a stage."""
    return "live" in title_of(album).kinds or bool(LIVE_ALBUM.search(plain(album)))


def _artist_key(name: str) -> str:
    name = plain(name.strip(" ()[]")) if name.strip(" ()[]") else ""
    if name in MANY:
        return VARIOUS
    words = name.split()
    # "Beatles, The"; "Davis, Miles"; "Simon and Garfunkel" beside "Simon & Garfunkel".
    return " ".join(sorted(w for w in words if w not in {"the", "and"}) or words)


def _parts(title: str) -> tuple[str, list[str]]:
    """The title proper in plain words, and what is added in brackets or after a dash."""
    additions = BRACKETS.findall(title)
    first, *more = DASH.split(BRACKETS.sub(" ", title))
    base = GUESTS.sub("", first).strip()
    if not base:
        return plain(title), []
    return plain(base), [*additions, *more]
