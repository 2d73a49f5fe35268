"""Joins the lines of a paragraph into running text: hyphens, spaces, scripts without spaces."""

import re
from collections.abc import Iterable, Sequence

from pipeline.scripts import is_unspaced

_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_HYPHENS = "-\u2010\u00ad\u00ac"
_LEFT = re.compile(r"([^\W_]+(?:['’\-\u2010][^\W_]+)*)[-\u2010\u00ad\u00ac]$")
_RIGHT = re.compile(r"[^\W_]+(?:['’\-\u2010][^\W_]+)*")
_ADDRESS = re.compile(r"(?:https?://|www\.|\S+@\S|doi\.org|\S/\S*/)\S*$", re.IGNORECASE)

# "Haupt- und Nebensatz", "short- and long-term": the hyphen stands for the word that follows later.
_SUSPENDING = re.compile(r"and|or|to|und|oder|bzw|bis|sowie|et|ou|e|o|y|u|en|of|och|eller|og", re.IGNORECASE)
# First halves that English keeps hyphenated; anything else lower-case is taken for a broken word.
_KEEPING = re.compile(
    r"well|self|non|cross|ex|half|quasi|semi|mid|all|high|low|long|short|full|part|so|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|"
    r"twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|first|second|third",
    re.IGNORECASE,
)


class Lexicon:
    """Words seen whole in a text: evidence for whether a hyphen at a line end belongs to the word."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._words: set[str] = set()
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Take the words of one line; the pieces at a hyphenated line end are not words."""
        words = _WORD.findall(text.replace("\u00ad", "").lower())
        if words and text[-1:] in _HYPHENS:
            words.pop()
        self._words.update(words)

    def __contains__(self, word: str) -> bool:
        return word.lower().replace("\u2010", "-") in self._words


def join_words(words: Iterable[str]) -> str:
    """Words of one line with the spaces their script wants."""
    text = ""
    for word in words:
        if text and word and not (is_unspaced(text[-1]) and is_unspaced(word[0])):
            text += " "
        text += word
    return text


def join_lines(lines: Sequence[str], lexicon: Lexicon | None = None) -> str:
    """Lines of one paragraph as running text; soft hyphens are gone from the outcome."""
    text = ""
    for line in lines:
        text = join_two(text, line, lexicon) if text else line
    return text.replace("\u00ad", "")


def join_two(left: str, right: str, lexicon: Lexicon | None = None) -> str:
    """Two stretches of text that follow each other over a line, column or page end."""
    if not left or not right:
        return left or right
    if is_unspaced(left[-1]) and is_unspaced(right[0]):
        return left + right
    if left[-1] in _HYPHENS:
        return _over_hyphen(left, right, lexicon)
    if left[-1] in "–—" and left[-2:-1].strip() and right[0].isalnum():
        return left + right
    if left[-1] in "/._=&?" and _ADDRESS.search(left) and (right[0].islower() or right[0].isdigit()):
        return left + right if left[-1] != "." else f"{left} {right}"
    return f"{left} {right}"


def _over_hyphen(left: str, right: str, lexicon: Lexicon | None) -> str:
    first, second = _LEFT.search(left), _RIGHT.match(right)
    if left[-1] == "\u00ad":
        return left[:-1] + right if second else f"{left[:-1]} {right}"
    if not first or not second:
        # A dash with a space before it, or a hyphen before a bracket or quote.
        return f"{left} {right}" if left[-2:-1] in ("", " ") else left + right
    if _SUSPENDING.fullmatch(second[0]):
        return f"{left} {right}"
    if hyphen_stays(first[1], second[0], lexicon) or _ADDRESS.search(left):
        return left + right
    return left[:-1] + right


def hyphen_stays(first: str, second: str, lexicon: Lexicon | None) -> bool:
    """Whether "first-" + "second" is spelled with its hyphen also in the middle of a line."""
    if not first[-1].isalpha() or not second[0].isalpha():
        return True
    if lexicon is not None:
        # Only the parts beside the hyphen were broken: "state-of-the-" + "art".
        if first + second in lexicon:
            return False
        if f"{first}-{second}" in lexicon:
            return True
    if second[0].isupper() and not (first.isupper() and len(first) > 1):
        return True
    return "-" in first or _KEEPING.fullmatch(first) is not None
