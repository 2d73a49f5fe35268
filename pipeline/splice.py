"""Joins transcriptions of neighbouring parts of a page: what stands in both is kept once, nothing is lost."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pipeline.certainty import Piece

_WORD = re.compile(r"\w+")
_TAG = re.compile(r"<[^<>]{1,200}>")
_ENOUGH = 3
"""Words in a row that two parts must share to be joined there."""

_SLACK = 2.5
"""How many times the share of an overlap is searched for it: text is not spread evenly."""

_LEAST = 40
_SHORTEST_SHARED = 2


@dataclass(frozen=True, slots=True)
class Written:
    """Text with the tokens it is made of; their texts joined are the text, or there are none."""

    text: str
    pieces: tuple[Piece, ...] = ()

    def __add__(self, other: "Written") -> "Written":
        if not self.text or not other.text:
            return self if self.text else other
        pieces = (*self.pieces, *other.pieces) if self.pieces and other.pieces else ()
        return Written(self.text + other.text, pieces)

    def slice(self, start: int, end: int) -> "Written":
        kept: list[Piece] = []
        at = 0
        for text, log in self.pieces:
            part = text[max(0, start - at) : max(0, end - at)]
            if part:
                kept.append((part, log))
            at += len(text)
        return Written(self.text[start:end], tuple(kept))


def below(upper: Written, lower: Written, overlap: float) -> Written:
    """Two parts one below the other, ``overlap`` of each standing in both.

    The longest run of words that the end of one shares with the beginning of the other is where they meet:
    cut in its middle, so that lines which an edge cut through, outside of that run, come from the other.
    """
    if not overlap:
        return _apart(upper, lower)
    ends, starts = _words(upper.text), _words(lower.text)
    tail = ends[-_reach(len(ends), overlap) :]
    head = starts[: _reach(len(starts), overlap)]
    meet = _meeting([word for word, _, _ in tail], [word for word, _, _ in head])
    if meet is None:
        return _apart(upper, lower)
    a, b, size = meet
    middle = size // 2
    above, under = tail[a + middle][1], head[b + middle][1]
    lost = _only_in(upper.text[above:], lower.text), _only_in(lower.text[:under], upper.text)
    if max(lost) > 1 or _scattered(upper, lower, (tail[a][1], tail[a + size - 1][2])):
        return _without_doubles(upper, lower)
    return upper.slice(0, above) + lower.slice(under, len(lower.text))


def _only_in(part: str, other: str) -> int:
    """How many lines of a part have words that the other lacks. An edge makes at most one illegible."""
    theirs = {word for word, _, _ in _words(other)}
    return sum(any(word not in theirs for word, _, _ in _words(line)) for line in part.split("\n"))


def _scattered(upper: Written, lower: Written, run: tuple[int, int]) -> bool:
    """Whether lines that both parts have, and each only once, stand outside of where they meet.

    Then the parts were not read from top to bottom, as labels of a drawing are not, and do not simply follow
    each other.
    """
    ours, theirs = (Counter(line.text.strip() for line in _lines(part)) for part in (upper, lower))
    once = {text for text, count in ours.items() if count == theirs.get(text) == 1}
    inside = upper.text[run[0] : run[1]]
    return sum(text not in inside and inside not in text for text in once) > 1


def _without_doubles(upper: Written, lower: Written) -> Written:
    """Where the parts do not follow each other: lines both have, once; rather one twice than one lost."""
    known = [[word for word, _, _ in _words(line.text)] for line in _lines(upper)]
    whole = upper.slice(0, len(upper.text.rstrip()))
    for line in _lines(lower):
        words = [word for word, _, _ in _words(line.text)]
        if not any(_within(words, other) for other in known):
            whole = whole + Written("\n", (("\n", None),)) + line
    return whole


def _within(words: Sequence[str], other: Sequence[str]) -> bool:
    """The same line, or a stretch of it that is long enough to be no coincidence."""
    if words == other:
        return True
    if len(words) < _SHORTEST_SHARED or len(words) > len(other):
        return False
    return any(other[at : at + len(words)] == words for at in range(len(other) - len(words) + 1))


_Word = tuple[str, int, int]


def _words(text: str) -> list[_Word]:
    """Words with their places; the names of tags are none."""
    blanked = _TAG.sub(lambda found: " " * len(found.group()), text)
    return [(found.group().casefold(), found.start(), found.end()) for found in _WORD.finditer(blanked)]


def _reach(count: int, overlap: float) -> int:
    return min(count, max(_LEAST, round(count * min(1.0, overlap * _SLACK))))


def _meeting(tail: Sequence[str], head: Sequence[str]) -> tuple[int, int, int] | None:
    matcher = SequenceMatcher(None, tail, head, autojunk=False)
    found = matcher.find_longest_match()
    # Few words are enough where they are all that the overlap holds: a heading, a row of labels.
    enough = min(_ENOUGH, len(tail), len(head))
    return (found.a, found.b, found.size) if found.size >= max(1, enough) else None


def _apart(first: Written, second: Written) -> Written:
    if not first.text.strip():
        return second
    if not second.text.strip():
        return first
    return first.slice(0, len(first.text.rstrip())) + Written("\n\n", (("\n\n", None),)) + second


def beside(left: Written, right: Written, overlap: float) -> Written:
    """Two parts side by side. Lines that both have are kept once; one that the edge cut is put together."""
    if not overlap:
        return _apart(left, right)
    rest = _lines(right)
    made: list[Written] = []
    for line in _lines(left):
        partner = _partner(line.text, [other.text for other in rest])
        if partner is None:
            made.append(line)
            continue
        index, keep = partner
        # What of the right part's lines comes before the shared one keeps its place before it.
        made.append(line.slice(0, keep) + rest[index] if keep else rest[index])
        del rest[index]
    lines = [line for line in [*made, *rest] if line.text.strip()]
    whole = Written("", ())
    for index, line in enumerate(lines):
        whole = line if not index else whole + Written("\n", (("\n", None),)) + line
    return whole


def _lines(written: Written) -> list[Written]:
    found = []
    at = 0
    for line in written.text.split("\n"):
        if line.strip():
            found.append(written.slice(at, at + len(line)))
        at += len(line) + 1
    return found


def _partner(line: str, others: Sequence[str]) -> tuple[int, int] | None:
    """Which line of the right part goes on with this one, and how many characters of this one come before."""
    words = _words(line)
    best: tuple[int, int, int] | None = None
    for index, other in enumerate(others):
        theirs = [word for word, _, _ in _words(other)]
        shared = _suffix_in_prefix([word for word, _, _ in words], theirs)
        if shared and (best is None or shared > best[0]):
            best = (shared, index, words[len(words) - shared][1])
    return (best[1], best[2]) if best is not None else None


def _suffix_in_prefix(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many words at the end of ours begin theirs; a single short word is no evidence."""
    for size in range(min(len(ours), len(theirs)), 0, -1):
        if ours[-size:] == theirs[:size]:
            whole = size == len(ours) or size == len(theirs)
            letters = sum(map(len, theirs[:size]))
            return size if whole or size >= _SHORTEST_SHARED or letters >= 2 * _ENOUGH else 0
    return 0
