"""Reads HTML and pipe tables of a reply into rows, columns and spanning cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise

from schemas.seen import SeenCell, SeenTable

Span = tuple[int, int]

_MOST_ROWS, _MOST_COLS, _MOST_CELLS = 5000, 300, 60_000
_PIPE = re.compile(r"(?<!\\)\|")
_UNDERLINE = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?\s*")
_BREAKING = frozenset({"br", "p", "div", "li"})


@dataclass(frozen=True, slots=True)
class ParsedTable:
    """The table, and where in the text each of its cells stands."""

    table: SeenTable
    spans: tuple[Span, ...]


@dataclass(slots=True)
class _Cell:
    header: bool
    head: bool
    row_span: int
    col_span: int
    start: int
    end: int = 0
    text: list[str] = field(default_factory=list)


def html_table(html: str, offset: int = 0) -> ParsedTable | None:
    """The first table; ``offset`` is where it starts in the reply. Unclosed tags end where the text ends."""
    reader = _Reader(html)
    reader.feed(html)
    reader.close()
    reader.end_cell(len(html))
    return _placed(reader.rows, offset, " ".join("".join(reader.caption).split()) or None)


class _Reader(HTMLParser):
    """Tables inside a table count as text of their cell."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[_Cell]] = []
        self.caption: list[str] = []
        self._starts = [0]
        for line in html.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._cell: _Cell | None = None
        self._head = False
        self._tables = 0
        self._in_caption = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._tables += 1
        elif self._tables > 1:
            return
        elif tag in ("thead", "tbody", "tfoot"):
            self._head = tag == "thead"
        elif tag == "tr":
            self.end_cell(self._here())
            self.rows.append([])
        elif tag in ("td", "th"):
            self._begin_cell(tag, dict(attrs))
        elif tag == "caption":
            self._in_caption = True
        elif tag in _BREAKING and self._cell is not None and self._cell.text:
            self._cell.text.append("\n")

    def _begin_cell(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.end_cell(self._here())
        if not self.rows:
            self.rows.append([])
        start = self._here() + len(self.get_starttag_text() or "")
        down, across = _span(attributes.get("rowspan")), _span(attributes.get("colspan"))
        self._cell = _Cell(tag == "th", self._head, down, across, start)

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._tables -= 1
            if self._tables <= 0:
                self.end_cell(self._here())
        elif tag in ("td", "th", "tr", "thead", "tbody") and self._tables <= 1:
            self.end_cell(self._here())
            self._head = self._head and tag != "thead"
        elif tag == "caption":
            self._in_caption = False

    def handle_data(self, data: str) -> None:
        if self._in_caption:
            self.caption.append(data)
        elif self._cell is not None:
            self._cell.text.append(data)

    def end_cell(self, at: int) -> None:
        if self._cell is not None:
            self._cell.end = max(at, self._cell.start)
            self.rows[-1].append(self._cell)
            self._cell = None

    def _here(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column


def _span(text: str | None) -> int:
    return max(1, min(int(text), _MOST_ROWS)) if text and text.isdecimal() and len(text) < 6 else 1


def pipe_table(lines: Sequence[str], offset: int = 0) -> ParsedTable | None:
    """A Markdown table; the line of dashes parts its header from its body."""
    rows: list[list[_Cell]] = []
    under = next((i for i, line in enumerate(lines) if _UNDERLINE.fullmatch(line) and "-" in line), None)
    for index, line in enumerate(lines):
        if index != under:
            header = under is not None and index < under
            rows.append(_pipe_cells(line, offset, header=header))
        offset += len(line) + 1
    return _placed(rows, 0, None)


def _pipe_cells(line: str, offset: int, *, header: bool) -> list[_Cell]:
    edges = [-1, *(found.start() for found in _PIPE.finditer(line)), len(line)]
    bounds = list(pairwise(edges))
    if bounds and not line[bounds[0][0] + 1 : bounds[0][1]].strip():
        bounds = bounds[1:]
    if bounds and not line[bounds[-1][0] + 1 : bounds[-1][1]].strip():
        bounds = bounds[:-1]
    return [
        _Cell(header, header, 1, 1, offset + a + 1, offset + b, [line[a + 1 : b].replace("\\|", "|").strip()])
        for a, b in bounds
    ]


def _placed(rows: Sequence[Sequence[_Cell]], offset: int, caption: str | None) -> ParsedTable | None:
    """Cells put into a grid as HTML does it: each takes the first place its row still has free."""
    cells: list[SeenCell] = []
    spans: list[Span] = []
    taken: set[tuple[int, int]] = set()
    rows = [row for row in rows if row][:_MOST_ROWS]
    for at, row in enumerate(rows):
        col = 0
        for cell in row:
            while (at, col) in taken:
                col += 1
            if col >= _MOST_COLS or len(taken) > _MOST_CELLS:
                break
            down, across = _room(taken, at, col, min(cell.row_span, len(rows) - at), cell.col_span)
            taken.update((at + i, col + k) for i in range(down) for k in range(across))
            cells.append(SeenCell(at, col, _clean("".join(cell.text)), down, across, cell.header, cell.head))
            spans.append((offset + cell.start, offset + cell.end))
            col += across
    if not cells:
        return None
    width = max(cell.col + cell.col_span for cell in cells)
    table = SeenTable(len(rows), width, tuple(_with_heads(cells, len(rows))), caption)
    return ParsedTable(table, tuple(spans))


def _room(taken: set[tuple[int, int]], row: int, col: int, down: int, across: int) -> tuple[int, int]:
    """The span as far as nothing else stands there: models miscount, and cells must not overlap."""
    wide = 1
    while wide < min(across, _MOST_COLS - col) and (row, col + wide) not in taken:
        wide += 1
    return down, wide


def _with_heads(cells: Sequence[SeenCell], rows: int) -> list[SeenCell]:
    """Rows at the top whose cells are all marked as headers are the table's head."""
    heads = 0
    by_row: dict[int, list[SeenCell]] = {}
    for cell in cells:
        by_row.setdefault(cell.row, []).append(cell)
    while heads < rows - 1 and by_row.get(heads) and all(c.header or c.head for c in by_row[heads]):
        heads += 1
    return [replace(cell, head=cell.row < heads) for cell in cells]


def _clean(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
