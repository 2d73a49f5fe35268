"""A page's words as rows and segments of running text, upright, each character knowing its place."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from pipeline.fields.tokens import Token, clipped, eastern, tokens_of
from schemas.geometry import Box, union
from schemas.page import PageContent

# Of the line height: wider gaps part columns. Where words stand wide apart (receipt printers) more is needed.
_COLUMN_GAP, _WIDEST_COLUMN_GAP = 1.0, 1.3
_MORE_THAN_A_SPACE = 1.8
_OPEN_ROWS = 6  # rows a word may still join: words come sorted by height
_LONGEST_SEGMENT = 150  # words: no line of a page is longer; bounds the work on garbage
_SAME_ROW = 0.45  # of the smaller height: how far the middles of words of one row may lie apart


@dataclass(slots=True)
class Segment:
    """Words that run on without a column gap. ``text`` joins them; offsets lead back to their boxes."""

    tokens: list[Token]
    row: int
    index: int
    text: str = ""
    starts: list[int] = field(default_factory=list)
    box: Box = (0, 0, 0, 0)

    def token_at(self, offset: int) -> int:
        return max(0, bisect_right(self.starts, offset) - 1)

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


@dataclass(slots=True)
class Row:
    segments: list[Segment]
    box: Box
    index: int

    @property
    def text(self) -> str:
        return "   ".join(segment.text for segment in self.segments)


@dataclass(slots=True)
class Sheet:
    """One page arranged. Sizes are those of the upright frame."""

    number: int
    width: float
    height: float
    rows: list[Row]
    line_height: float
    language: str | None = None

    @property
    def segments(self) -> list[Segment]:
        return [segment for row in self.rows for segment in row.segments]


def sheet_of(content: PageContent) -> Sheet:
    """Arrange the words of a page that was read."""
    page = content.page
    tokens = tokens_of(page)
    width, height = (page.height, page.width) if page.content_rotation % 180 else (page.width, page.height)
    if not tokens:
        return Sheet(page.number, width, height, [], 10.0, page.language)
    line_height = median(token.height for token in tokens) or 1.0
    arranged = _rows(tokens, math.tan(math.radians(page.skew or 0.0)), line_height)
    gap = _column_gap(arranged)
    rows = [_row(words, index, gap) for index, words in enumerate(arranged)]
    return Sheet(page.number, width, height, rows, line_height, page.language)


def _rows(tokens: Sequence[Token], slope: float, line_height: float) -> list[list[Token]]:
    """Words whose middles share a line, top to bottom; skew is taken out first."""

    def level(token: Token) -> float:
        return token.middle + (token.box[0] + token.box[2]) / 2 * slope

    rows: list[_Line] = []
    for token in sorted(tokens, key=level):
        at, height = level(token), max(token.height, 0.5 * line_height)
        near = [
            line
            for line in rows[-_OPEN_ROWS:]
            if abs(at - line.level) <= _SAME_ROW * min(height, line.height)
        ]
        if near:
            min(near, key=lambda line: abs(at - line.level)).take(token, at, height)
        else:
            rows.append(_Line(at, height, [token]))
    rows.sort(key=lambda line: line.level)
    return [sorted(line.words, key=lambda token: token.box[0]) for line in rows]


@dataclass(slots=True)
class _Line:
    """A row in the making; level and height are means over its words."""

    level: float
    height: float
    words: list[Token]

    def take(self, token: Token, level: float, height: float) -> None:
        count = len(self.words)
        self.level = (self.level * count + level) / (count + 1)
        self.height = (self.height * count + height) / (count + 1)
        self.words.append(token)


def _column_gap(rows: Sequence[Sequence[Token]]) -> float:
    """How wide a gap parts columns on this page, in line heights."""
    gaps = [
        (word.box[0] - before.box[2]) / max(word.height, 1e-6)
        for words in rows
        for before, word in pairwise(words)
        if not word.glued
    ]
    spaces = [gap for gap in gaps if 0 < gap < _WIDEST_COLUMN_GAP]
    usual = median(spaces) if spaces else 0.0
    return min(max(_COLUMN_GAP, _MORE_THAN_A_SPACE * usual), _WIDEST_COLUMN_GAP)


def _row(words: Sequence[Token], index: int, column_gap: float) -> Row:
    height = median(word.height for word in words) or 1.0
    groups: list[list[Token]] = [[words[0]]]
    for before, word in pairwise(words):
        gap = word.box[0] - before.box[2]
        if gap > column_gap * height or len(groups[-1]) >= _LONGEST_SEGMENT:
            groups.append([word])
        else:
            groups[-1].append(word)
    segments = [_segment(group, index, at) for at, group in enumerate(groups)]
    return Row(segments, union([segment.box for segment in segments]), index)


def _segment(tokens: list[Token], row: int, index: int) -> Segment:
    segment = Segment(tokens, row, index, box=union([token.box for token in tokens]))
    text = ""
    for at, token in enumerate(tokens):
        if at and not _joined(tokens[at - 1], token):
            text += " "
        segment.starts.append(len(text))
        text += token.text
    segment.text = text
    return segment


def _joined(before: Token, after: Token) -> bool:
    """Pieces of one printed word, or neighbours in a script that sets no spaces."""
    if after.glued:
        return True
    gap = after.box[0] - before.box[2]
    return eastern(before.text[-1]) and eastern(after.text[0]) and gap < 0.5 * before.height


def boxes_of(segment: Segment, start: int, end: int) -> list[Box] | None:
    """Published box around the characters from ``start`` to ``end``; None when most of them have none."""
    parts, wanted, known = [], 0, 0
    for at, token in enumerate(segment.tokens):
        first = segment.starts[at]
        last = first + len(token.text)
        low, high = max(start, first), min(end, last)
        if low >= high:
            continue
        wanted += high - low
        if token.origin is None:
            continue
        known += high - low
        parts.append(clipped(token, (low - first) / len(token.text), (high - first) / len(token.text)))
    return [union(parts)] if 2 * known > wanted else None
