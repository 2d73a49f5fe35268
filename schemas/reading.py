"""What a reader saw on one page, before it is arranged: lines of words, regions, ruled tables.

Produced by the text layer (boxes in the page's unit) and by engines (boxes in pixels of the image they
were sent); `scaled` turns the latter into the former. Plain frozen dataclasses, because they are made by the
thousand and cross process borders.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from schemas.errors import ResultWarning
from schemas.geometry import Box, scaled, union
from schemas.page import BlockKind
from schemas.seen import Seen


@dataclass(frozen=True, slots=True)
class ReadWord:
    text: str
    bbox: Box
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ReadLine:
    """Words in logical order (right-to-left too). ``size``: type size, in the unit of the boxes."""

    words: tuple[ReadWord, ...]
    bbox: Box
    size: float
    bold: bool = False
    italic: bool = False
    mono: bool = False
    confidence: float | None = None
    rtl: bool = False
    text_: str | None = None

    @property
    def text(self) -> str:
        """The line as it reads; set apart from the words for scripts that put no spaces between them."""
        return self.text_ if self.text_ is not None else " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Region:
    """A layout hint: this rectangle is a heading, a table, a picture …"""

    kind: BlockKind
    bbox: Box
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight printed line, horizontal or vertical, as its thin box."""

    bbox: Box

    @property
    def horizontal(self) -> bool:
        return self.bbox[2] - self.bbox[0] >= self.bbox[3] - self.bbox[1]


@dataclass(frozen=True, slots=True)
class ReadCell:
    row: int
    col: int
    bbox: Box
    row_span: int = 1
    col_span: int = 1
    header: bool = False
    text: str | None = None
    confidence: float | None = None
    """``text`` None: fill from the words inside the box."""


@dataclass(frozen=True, slots=True)
class ReadTable:
    bbox: Box
    rows: int
    cols: int
    cells: tuple[ReadCell, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A place where something stands that could not be read; reported, never dropped."""

    bbox: Box
    reason: str


@dataclass(frozen=True, slots=True)
class Spent:
    visual_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PageReading:
    """Everything one reader reports of one page."""

    width: float
    height: float
    lines: tuple[ReadLine, ...] = ()
    regions: tuple[Region, ...] = ()
    rules: tuple[Rule, ...] = ()
    tables: tuple[ReadTable, ...] = ()
    unread: tuple[Unread, ...] = ()
    content_rotation: int = 0
    """Degrees clockwise the content must be turned to stand upright: 0, 90, 180, 270. Boxes stay unturned."""

    skew: float | None = None
    """Degrees the text lines climb (positive) or fall; boxes stay as they are."""

    language: str | None = None
    spent: Spent = field(default_factory=Spent)
    warnings: tuple[ResultWarning, ...] = ()
    seen: Seen | None = None
    """What a model read; its order and its kinds of blocks stand, nothing is arranged anew."""

    unreadable: str | None = None
    """Why nothing of the page can be used."""

    def scaled_to(self, width: float, height: float) -> "PageReading":
        """The same reading with its boxes in another unit; ``width`` x ``height`` is the page there."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            lines=tuple(_scaled_line(line, sx, sy) for line in self.lines),
            regions=tuple(replace(r, bbox=scaled(r.bbox, sx, sy)) for r in self.regions),
            rules=tuple(replace(r, bbox=scaled(r.bbox, sx, sy)) for r in self.rules),
            tables=tuple(_scaled_table(t, sx, sy) for t in self.tables),
            unread=tuple(replace(u, bbox=scaled(u.bbox, sx, sy)) for u in self.unread),
            seen=self.seen.scaled(sx, sy) if self.seen is not None else None,
        )


def _scaled_line(line: ReadLine, sx: float, sy: float) -> ReadLine:
    words = tuple(replace(word, bbox=scaled(word.bbox, sx, sy)) for word in line.words)
    return replace(line, words=words, bbox=scaled(line.bbox, sx, sy), size=line.size * sy)


def _scaled_table(table: ReadTable, sx: float, sy: float) -> ReadTable:
    cells = tuple(replace(cell, bbox=scaled(cell.bbox, sx, sy)) for cell in table.cells)
    return replace(table, bbox=scaled(table.bbox, sx, sy), cells=cells)


def line_of(words: Iterable[ReadWord], size: float, **more: object) -> ReadLine:
    """A line around its words."""
    kept = tuple(words)
    return ReadLine(words=kept, bbox=union([word.bbox for word in kept]), size=size, **more)  # type: ignore[arg-type]  # keywords of ReadLine
