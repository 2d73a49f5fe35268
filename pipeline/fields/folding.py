"""Forms of text that compare equal: no case, accents or punctuation, and as a scanner might misread it."""

import re
import unicodedata
from functools import lru_cache

# Pairs that CPU readers mix up most on small print; both sides of a comparison are folded alike.
_CONFUSED = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "8": "b"})
_UNDECOMPOSED = {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"}
_VOICED = "\u3099\u309a"  # marks that make another syllable of a kana, not an accent
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ONE_TO_ONE = str.maketrans(
    {
        **dict.fromkeys("−–—‐‑", "-"),
        **dict.fromkeys("’´", "'"),
        **dict.fromkeys("\u00a0\u202f\u2009\u3000", " "),
        "٫": ".",
        "٬": ",",
        "，": ",",
        "．": ".",
        "：": ":",
        "／": "/",
        "￥": "¥",
        "（": "(",
        "）": ")",
    }
)


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Letters and digits only, case and accents gone, single spaces between words."""
    plain = []
    for char in unicodedata.normalize("NFKD", text.casefold()):
        if unicodedata.combining(char) and char not in _VOICED:
            continue
        if char in _UNDECOMPOSED:
            plain.append(_UNDECOMPOSED[char])
        else:
            plain.append(char if char.isalnum() or char in _VOICED else " ")
    # Compose again: Hangul syllables and kana fall apart under NFKD.
    return unicodedata.normalize("NFC", " ".join("".join(plain).split()))


@lru_cache(maxsize=65_536)
def key(text: str) -> str:
    """`fold` without spaces and with the usual misreadings made equal; what labels are looked up by."""
    return fold(text).replace(" ", "").translate(_CONFUSED)


def ascii_digits(text: str) -> str:
    """The same text, character for character, with digits of any script, dashes and spaces in plain form."""
    if text.isascii():
        return text
    return "".join(_digit(char) for char in text.translate(_ONE_TO_ONE))


def _digit(char: str) -> str:
    number = unicodedata.decimal(char, None)
    return char if number is None else str(number)


def words_of_name(name: str) -> str:
    """A property name as words: ``invoiceNumber`` and ``invoice_number`` both give ``invoice number``."""
    return " ".join(re.sub(r"[^0-9\w]+|_", " ", _CAMEL.sub(" ", name)).split()).lower()


def within_edits(a: str, b: str, limit: int) -> bool:
    """True when at most ``limit`` insertions, deletions or substitutions turn one text into the other."""
    if abs(len(a) - len(b)) > limit:
        return False
    first = 0
    while first < min(len(a), len(b)) and a[first] == b[first]:
        first += 1
    a, b = a[first:], b[first:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    if not a or not b:
        return len(a) + len(b) <= limit
    if limit == 0:
        return False
    return any(within_edits(x, y, limit - 1) for x, y in ((a[1:], b[1:]), (a[1:], b), (a, b[1:])))
