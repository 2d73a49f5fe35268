"""Text as the words it is searched by, each with its place: one rule for all databases.

Scripts that set no spaces between words (Han, kana, Thai …), and Hangul, whose particles stick to words, are
cut into pairs of neighbouring characters: a search for a word finds the row of its pairs.
"""

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MAX_WORD = 60
MAX_WORDS = 15_000
"""Of one page: positions in a vector of Postgres end at 16,383."""

_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul in parts
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x30FF),  # kana
    (0x3130, 0x318F),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),  # Han
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x323AF),
)
_ACCENTED_UP_TO = 0x0780  # Latin, Greek, Cyrillic, Hebrew, Arabic: there marks are accents or points
_TATWEEL = "\u0640"  # stretches an Arabic word, means nothing


class Word(NamedTuple):
    """A word as it is looked up, and where it stands. ``pair``: two characters of an unspaced script."""

    text: str
    start: int
    end: int
    pair: bool = False


def words(text: str) -> Iterator[Word]:
    """The words of a text in order; at most `MAX_WORDS`."""
    count = 0
    for start, end in _runs(text):
        for word in _of_run(text, start, end):
            if count >= MAX_WORDS:
                return
            count += 1
            yield word


def folded(text: str) -> str:
    """Without case, accents and points, full and half width made one."""
    plain = []
    base = "a"
    for char in unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold()):
        if unicodedata.combining(char):
            if ord(base) >= _ACCENTED_UP_TO:
                plain.append(char)
        elif char != _TATWEEL:
            base = char
            plain.append(char)
    return unicodedata.normalize("NFC", "".join(plain))


def unspaced(char: str) -> bool:
    code = ord(char)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _UNSPACED)


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of letters, digits and marks of one kind of script."""
    start: int | None = None
    kind = False
    for at, char in enumerate(text):
        category = unicodedata.category(char)[0]
        if category not in "LNM" and char != "\u00ad":
            if start is not None:
                yield start, at
            start = None
            continue
        # A mark belongs to the letter before it; so does what separates nothing.
        own = kind if category in "MN" and start is not None and not unspaced(char) else unspaced(char)
        if start is None:
            start, kind = at, own
        elif own != kind:
            yield start, at
            start, kind = at, own
    if start is not None:
        yield start, len(text)


def _of_run(text: str, start: int, end: int) -> Iterator[Word]:
    if not unspaced(text[start]):
        word = folded(text[start:end].replace("\u00ad", ""))[:MAX_WORD]
        if any(char.isalnum() for char in word):
            yield Word(word, start, end)
        return
    clusters = _clusters(text, start, end)
    for index, (first, last) in enumerate(clusters):
        until = clusters[index + 1][1] if index + 1 < len(clusters) else last
        pair = folded(text[first:until])[:MAX_WORD]
        if pair:
            yield Word(pair, first, until, pair=True)


def _clusters(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Characters with the marks that belong to them."""
    found: list[tuple[int, int]] = []
    for at in range(start, end):
        if found and unicodedata.category(text[at]) in ("Mn", "Me"):
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found
