"""Running headers, footers and page numbers as repetition over the pages of a document shows them."""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from pipeline.margins import page_number
from pipeline.marks import roman
from pipeline.summary import MARGIN_KINDS, Summary
from schemas.page import BlockKind

# A repeated line stands at the same height, give or take this share of the page.
_SAME_HEIGHT = 0.02
# Texts read from images differ by a letter or two.
_ALIKE = 0.87
_MOST_GROUPS = 64
# Shorter texts may be part of a longer one by chance.
_LONG_ENOUGH = 12
_DIGITS = re.compile(r"\d+")
_KEPT = re.compile(r"[^\w#]+")


@dataclass(frozen=True, slots=True)
class _Line:
    """A block at the edge of a page."""

    number: int
    block: str
    kind: BlockKind
    text: str
    box: list[float]
    size: float
    footer: bool
    seen: bool
    """Read from an image: a letter or two may be wrong."""

    @property
    def height(self) -> float:
        return (self.box[1] + self.box[3]) / 2

    @property
    def masked(self) -> str:
        return _KEPT.sub("", _DIGITS.sub("#", self.text.casefold()))


class Furniture:
    """Gathers the outermost lines of all pages, then says which of them are running headers and footers."""

    def __init__(self) -> None:
        self._edges: list[list[_Line]] = []
        self._body: dict[int, float] = {}

    def add(self, number: int, summary: Summary) -> None:
        self._body[number] = summary["body"]
        for name in ("top", "bottom"):
            footer, seen = name == "bottom", summary["seen"]
            lines = [_line(number, entry, footer=footer, seen=seen) for entry in summary[name]]
            if lines:
                self._edges.append(lines)

    def kinds(self) -> dict[int, dict[str, BlockKind]]:
        """Blocks that turn out to be headers, footers or page numbers, by page."""
        if len(self._body) < 2:
            return {}
        numbers = self._page_numbers()
        repeated = self._repeated() | self._contained()
        found: dict[int, dict[str, BlockKind]] = {}
        for lines in self._edges:
            for index, line in enumerate(lines):
                key = (line.number, line.block)
                if key in numbers:
                    kind = BlockKind.PAGE_NUMBER
                elif key in repeated:
                    kind = BlockKind.FOOTER if line.footer else BlockKind.HEADER
                elif line.kind in MARGIN_KINDS or _beside_outer(line, lines[:index]):
                    continue
                else:
                    break  # what lies further in than the body's first line is body
                if line.kind not in MARGIN_KINDS:
                    found.setdefault(line.number, {})[line.block] = kind
        return found

    def _page_numbers(self) -> set[tuple[int, str]]:
        """Numbers that count up with the pages."""
        offsets: dict[tuple[str, int], list[_Line]] = {}
        for lines in self._edges:
            for line in lines:
                if (value := _value(line.text)) is not None:
                    offsets.setdefault((value[0], value[1] - line.number), []).append(line)
        found: set[tuple[int, str]] = set()
        for group in offsets.values():
            if _spread(group):
                found.update((line.number, line.block) for line in group)
        return found

    def _repeated(self) -> set[tuple[int, str]]:
        groups: list[list[_Line]] = []
        exact: dict[tuple[bool, str], list[int]] = {}
        for lines in self._edges:
            for line in lines:
                if not line.masked:
                    continue
                index = _home(line, groups, exact.get((line.footer, line.masked), []))
                if index is None:
                    index = len(groups)
                    groups.append([])
                groups[index].append(line)
                known = exact.setdefault((line.footer, line.masked), [])
                if index not in known:
                    known.append(index)
        found: set[tuple[int, str]] = set()
        for group in groups:
            if self._runs(group):
                found.update((line.number, line.block) for line in group)
        return found

    def _contained(self) -> set[tuple[int, str]]:
        """Lines that stand in the same edge of a neighbouring page, there cut into other blocks."""
        zones = {(lines[0].number, lines[0].footer): _zone(lines) for lines in self._edges}
        found: set[tuple[int, str]] = set()
        for lines in self._edges:
            near = [zones.get((lines[0].number + step, lines[0].footer), "") for step in (-2, -1, 1, 2)]
            for line in lines:
                small = line.size < 1.4 * self._body[line.number]
                if small and len(line.masked) >= _LONG_ENOUGH and any(line.masked in zone for zone in near):
                    found.add((line.number, line.block))
        return found

    def _runs(self, group: list[_Line]) -> bool:
        """Repeated often enough: large type, which may be a title, more often than small."""
        pages = sorted({line.number for line in group})
        if len(pages) < 2 or (len(pages) < 0.5 * len(self._body) and not _spread(group)):
            return False
        large = sum(line.size > 1.4 * self._body[line.number] for line in group) * 2 > len(group)
        return len(pages) >= 3 if large else True


def _line(number: int, entry: list[Any], *, footer: bool, seen: bool) -> _Line:
    block, kind, text, box, size = entry
    return _Line(number, block, BlockKind(kind), text, box, size, footer, seen)


def _zone(lines: list[_Line]) -> str:
    """All text of an edge, column by column."""
    return "".join(line.masked for line in sorted(lines, key=lambda one: (round(one.box[0], 2), one.box[1])))


def _home(line: _Line, groups: list[list[_Line]], exact: list[int]) -> int | None:
    """The group of equal lines at the same height, or of nearly equal ones."""
    for index in exact:
        if abs(groups[index][-1].height - line.height) < _SAME_HEIGHT:
            return index
    if not line.seen or len(line.masked) < 6:
        return None
    for index in range(len(groups) - 1, max(-1, len(groups) - _MOST_GROUPS), -1):
        other = groups[index][-1]
        same_place = other.footer == line.footer and abs(other.height - line.height) < _SAME_HEIGHT
        if same_place and abs(len(other.masked) - len(line.masked)) < 4:
            matcher = SequenceMatcher(None, other.masked, line.masked, autojunk=False)
            if matcher.quick_ratio() > _ALIKE and matcher.ratio() > _ALIKE:
                return index
    return None


def _spread(group: list[_Line]) -> bool:
    """On at least two pages that follow each other, or three at all (left and right pages may differ)."""
    pages = sorted({line.number for line in group})
    near = Counter(b - a for a, b in pairwise(pages))
    return len(pages) >= 3 or near[1] + near[2] > 0


def _beside_outer(line: _Line, outer: list[_Line]) -> bool:
    """On the row of a line further out: the odd part of a header whose other part repeats."""
    return any(min(line.box[3], o.box[3]) - max(line.box[1], o.box[1]) > 0 for o in outer)


def _value(text: str) -> tuple[str, int] | None:
    number = page_number(text)
    if number is None:
        return None
    if number.isdigit():
        return "1", int(number)
    return ("i", roman(number)) if roman(number) else None
