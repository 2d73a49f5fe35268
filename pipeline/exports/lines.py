"""Words of a page by block and line, as the formats of archives want them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.geometry import Box, union
from schemas.page import Block, PageResult, Unit, Word

_DPI = 300
_PER_POINT = _DPI / 72
# What XML 1.0 cannot hold, whatever a text layer says.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Line:
    words: tuple[Word, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class Area:
    """A block with its lines; blocks of pictures have none."""

    block: Block
    lines: tuple[Line, ...]
    box: Box | None


def areas(page: PageResult) -> Iterator[Area]:
    """Blocks in reading order; words without a place are left out, for these formats are all about places."""
    by_block: dict[str | None, list[Word]] = {}
    for word in page.words:
        if word.bbox is not None and word.text.strip():
            by_block.setdefault(word.block, []).append(word)
    for block in page.blocks:
        words = by_block.get(block.id, [])
        lines = tuple(_lines(words))
        box = block.bbox or (union([line.box for line in lines]) if lines else None)
        yield Area(block, lines, box)


def _lines(words: Sequence[Word]) -> Iterator[Line]:
    """Words come in reading order: a line ends where the next word stands beside none of it."""
    held: list[Word] = []
    for word in words:
        if held and not _beside(held[-1], word):
            yield _line(held)
            held = []
        held.append(word)
    if held:
        yield _line(held)


def _beside(word: Word, after: Word) -> bool:
    a, b = word.bbox, after.bbox
    assert a is not None
    assert b is not None
    shared = min(a[3], b[3]) - max(a[1], b[1])
    return shared > 0.4 * min(a[3] - a[1], b[3] - b[1])


def _line(words: Sequence[Word]) -> Line:
    return Line(tuple(words), union([word.bbox for word in words if word.bbox is not None]))


def factor(page: PageResult) -> float:
    """To whole pixels: images as they are, points at 300 dpi."""
    return 1.0 if page.unit is Unit.PIXEL else _PER_POINT


def resolution(page: PageResult) -> int:
    """Pixels an inch; 0 for an image that does not say."""
    return _DPI if page.unit is Unit.POINT else round(page.dpi or 0)


def pixels(box: Box, scale: float) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (max(0, round(value * scale)) for value in box)
    return x0, y0, max(x1, x0), max(y1, y0)


def xml_text(text: str) -> str:
    """Text that XML can hold, escaped also for attributes."""
    text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, name)
    return text
