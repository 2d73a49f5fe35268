"""Finds where on the page a quote stands, among words that another reader saw: text layer or CPU reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from pipeline.approximate import nearest
from pipeline.fields.folding import fold, key
from pipeline.fields.numbers import Number, numbers_in
from schemas.field import Match
from schemas.geometry import Box, union
from schemas.reading import ReadLine

_SHORTEST_FUZZY = 6
_EDITS = 0.15
"""Share of a quote's letters that may differ from what is printed; digits may not."""

_MOST_PLACES = 200
_LIKE = 0.5
"""How like each other two readings of the same text are at least."""

_SHARED = 0.5
"""Of the lower of two heights, that boxes of one row have in common at least."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a quote stands: a box a line."""

    boxes: tuple[Box, ...]
    match: Match
    lines: tuple[int, ...]


@lru_cache(maxsize=65_536)
def folded_char(char: str) -> str:
    return fold(char).replace(" ", "")


def folded(text: str) -> tuple[str, list[int]]:
    """Letters and digits in comparable form, and for each the character of ``text`` that it comes from."""
    made: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(text):
        for one in folded_char(char):
            made.append(one)
            origins.append(index)
    return "".join(made), origins


def confusable(text: str) -> str:
    """The folded text with letters and digits made equal that scanners mix up; as long as before."""
    return "".join(map(_confusable_char, text))


@lru_cache(maxsize=65_536)
def _confusable_char(char: str) -> str:
    return key(char) or char


def alike(one: str, other: str) -> bool:
    """Whether two folded readings are of the same text; it takes the product of their lengths."""
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _LIKE


class Reference:
    """The words of a page as another reader saw them, in its order, ready to be searched."""

    def __init__(self, lines: Sequence[ReadLine]) -> None:
        self.lines = tuple(line for line in lines if line.words)
        text: list[str] = []
        self._word_of: list[tuple[int, int]] = []
        self._starts: set[int] = set()
        self._ends: set[int] = set()
        for at, line in enumerate(self.lines):
            for index, word in enumerate(line.words):
                piece, _ = folded(word.text)
                self._starts.add(len(self._word_of))
                text.append(piece)
                self._word_of += [(at, index)] * len(piece)
                self._ends.add(len(self._word_of))
        self.text = "".join(text)
        self._loose = confusable(self.text)

    def __bool__(self) -> bool:
        return bool(self.text)

    def find(self, quote: str, near: Box | None = None) -> Found | None:
        """The place of a quote; of several, the one nearest to ``near``, else the first.

        Fuzzy where letters differ as a scanner might misread them; a number that differs is another number.
        """
        wanted, _ = folded(quote)
        if not wanted or not self.text:
            return None
        quoted = tuple(numbers_in(quote))
        for text, pattern, match in (
            (self.text, wanted, Match.EXACT),
            (self._loose, confusable(wanted), Match.FUZZY),
        ):
            places = [place for place in self._places(text, pattern) if self._says(place, quoted)]
            if places:
                return self._nearest(places, match, near)
        found = self._fuzzy(quote, confusable(wanted))
        if found is None or not self._says(found, quoted):
            return None
        return self._nearest([found], Match.FUZZY, near)

    def _places(self, text: str, pattern: str) -> list[tuple[int, int]]:
        """Stretches of whole words; of long patterns also within words, where labels are glued to values."""
        whole: list[tuple[int, int]] = []
        within: list[tuple[int, int]] = []
        at = text.find(pattern)
        while at >= 0 and len(whole) < _MOST_PLACES and len(within) < _MOST_PLACES:
            end = at + len(pattern)
            (whole if at in self._starts and end in self._ends else within).append((at, end))
            at = text.find(pattern, at + 1)
        return whole or ([place for place in within if self._respectable(place, text)])

    def _respectable(self, place: tuple[int, int], text: str) -> bool:
        """A number inside a longer number is not that number; three letters inside a word are nothing."""
        start, end = place
        if end - start < 3:
            return False
        cut_left = start not in self._starts and text[start].isdigit() and text[start - 1].isdigit()
        cut_right = end not in self._ends and text[end - 1].isdigit() and text[end].isdigit()
        return not cut_left and not cut_right

    def _says(self, place: tuple[int, int], quoted: Sequence[Number]) -> bool:
        """Whether the numbers there are those of a quote: folded, 12,345.0 and -1,234.50 are 1,234.50."""
        words = dict.fromkeys(self._word_of[place[0] : place[1]])
        printed = list(numbers_in(" ".join(self.lines[at].words[index].text for at, index in words)))
        if len(printed) != len(quoted):
            return True  # parted by other spaces: nothing to hold one against the other
        return all(
            {reading.value for reading in one.readings} & {reading.value for reading in other.readings}
            for one, other in zip(printed, quoted, strict=True)
        )

    def _fuzzy(self, quote: str, pattern: str) -> tuple[int, int] | None:
        if len(pattern) < _SHORTEST_FUZZY:
            return None
        found = nearest(pattern, self._loose, int(len(pattern) * _EDITS))
        if found is None:
            return None
        seen = self._loose[found.start : found.end]
        for word in quote.split():
            if any(char.isdigit() for char in word) and confusable(folded(word)[0]) not in seen:
                return None
        return found.start, found.end

    def _nearest(self, places: Sequence[tuple[int, int]], match: Match, near: Box | None) -> Found:
        made = [self._found(start, end, match) for start, end in places]
        if near is None:
            return made[0]
        return min(made, key=lambda found: _apart(union(found.boxes), near))

    def _found(self, start: int, end: int, match: Match) -> Found:
        boxes: dict[int, list[Box]] = {}
        for at, index in dict.fromkeys(self._word_of[start:end]):
            boxes.setdefault(at, []).append(self.lines[at].words[index].bbox)
        return Found(_rows([union(some) for some in boxes.values()]), match, tuple(boxes))


def in_one_row(one: Box, other: Box) -> bool:
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared > _SHARED * min(one[3] - one[1], other[3] - other[1])


def _rows(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """A box a row: a label and its value are lines of their own to many readers."""
    rows: list[Box] = []
    for box in boxes:
        if rows and in_one_row(rows[-1], box):
            rows[-1] = union([rows[-1], box])
        else:
            rows.append(box)
    return tuple(rows)


def _apart(a: Box, b: Box) -> float:
    """Distance of centres; rows count for more than columns, since values of one row belong together."""
    return abs(a[0] + a[2] - b[0] - b[2]) + 4 * abs(a[1] + a[3] - b[1] - b[3])
