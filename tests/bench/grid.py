"""Tables as grids of spanning cells: read from Markdown and HTML, asked for neighbours and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_SPAN_LIMIT = 1000  # an HTML page may claim any span


@dataclass(frozen=True, slots=True)
class GridCell:
    row: int
    col: int
    text: str
    row_span: int = 1
    col_span: int = 1
    heading: bool = False


@dataclass(slots=True)
class Grid:
    """Cells by the slots they cover."""

    cells: list[GridCell] = field(default_factory=list)
    slots: dict[tuple[int, int], GridCell] = field(default_factory=dict)

    def add(self, cell: GridCell) -> None:
        self.cells.append(cell)
        for row in range(cell.row, cell.row + cell.row_span):
            for col in range(cell.col, cell.col + cell.col_span):
                self.slots.setdefault((row, col), cell)

    def beside(self, cell: GridCell, rows: int, cols: int) -> list[GridCell]:
        """The cells that touch it on one side: (-1, 0) up, (1, 0) down, (0, -1) left, (0, 1) right."""
        row = cell.row - 1 if rows < 0 else cell.row + cell.row_span
        col = cell.col - 1 if cols < 0 else cell.col + cell.col_span
        if rows:
            edge = [(row, c) for c in range(cell.col, cell.col + cell.col_span)]
        else:
            edge = [(r, col) for r in range(cell.row, cell.row + cell.row_span)]
        return list(dict.fromkeys(self.slots[slot] for slot in edge if slot in self.slots))

    def headings(self, cell: GridCell, rows: int, cols: int) -> list[GridCell]:
        """Heading cells met on the way to one side; where none is marked, the last cells on that way."""
        marked, last, seen, open_ = [], [], {cell}, [cell]
        while open_:
            current = open_.pop()
            further = self.beside(current, rows, cols)
            if current is not cell and current.heading:
                marked.append(current)
            if current is not cell and not further:
                last.append(current)
            open_ += [c for c in further if c not in seen]
            seen.update(further)
        return marked or last


def _split_row(line: str) -> list[str]:
    body = line.strip().removeprefix("|")
    if body.endswith("|") and not body.endswith("\\|"):
        body = body[:-1]
    return [part.replace("\\|", "|").strip() for part in re.split(r"(?<!\\)\|", body)]


def _pipe_grid(lines: list[str]) -> Grid:
    grid = Grid()
    rows = [line for index, line in enumerate(lines) if index != 1]
    for row, line in enumerate(rows):
        for col, text in enumerate(_split_row(line)):
            grid.add(GridCell(row, col, text, heading=row == 0))
    return grid


def pipe_tables(markdown: str) -> Iterator[Grid]:
    """Tables drawn with pipes: a first row, a rule, further rows."""
    lines = markdown.splitlines()
    index = 0
    while index + 1 < len(lines):
        if "|" in lines[index] and "|" in lines[index + 1] and _RULE.match(lines[index + 1]):
            end = index + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            yield _pipe_grid(lines[index:end])
            index = end
        else:
            index += 1


def _span(value: str | None) -> int:
    return min(max(int(value), 1), _SPAN_LIMIT) if value and value.isdigit() else 1


class _TableReader(HTMLParser):
    """Collects the tables of a document; a table inside a cell becomes a grid of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.grids: list[Grid] = []
        self._open: list[tuple[Grid, list[int]]] = []  # grid, [row, rows of its thead still open]
        self._cell: list[tuple[GridCell, list[str]] | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._open.append((Grid(), [-1, 0]))
            self._cell.append(None)
        elif not self._open:
            return
        elif tag == "thead":
            self._open[-1][1][1] = 1
        elif tag == "tr":
            self._close_cell()
            self._open[-1][1][0] += 1
        elif tag in {"td", "th"}:
            self._close_cell()
            self._open_cell(tag, dict(attrs))
        elif tag == "br":
            self.handle_data(" ")

    def _open_cell(self, tag: str, attrs: dict[str, str | None]) -> None:
        grid, (row, in_head) = self._open[-1]
        row, col = max(row, 0), 0
        while (row, col) in grid.slots:
            col += 1
        cell = GridCell(
            row,
            col,
            "",
            _span(attrs.get("rowspan")),
            _span(attrs.get("colspan")),
            tag == "th" or bool(in_head),
        )
        self._cell[-1] = (cell, [])

    def _close_cell(self) -> None:
        open_cell = self._cell[-1]
        if open_cell is None:
            return
        cell, parts = open_cell
        text = " ".join("".join(parts).split())
        self._open[-1][0].add(GridCell(cell.row, cell.col, text, cell.row_span, cell.col_span, cell.heading))
        self._cell[-1] = None

    def handle_endtag(self, tag: str) -> None:
        if not self._open:
            return
        if tag in {"td", "th", "tr", "table"}:
            self._close_cell()
        if tag == "thead":
            self._open[-1][1][1] = 0
        if tag == "table":
            self.grids.append(self._open.pop()[0])
            self._cell.pop()

    def handle_data(self, data: str) -> None:
        if self._cell and self._cell[-1] is not None:
            self._cell[-1][1].append(data)


def html_tables(text: str) -> list[Grid]:
    reader = _TableReader()
    reader.feed(text)
    reader.close()
    return [grid for grid in reader.grids if grid.cells]


def tables_of(markdown: str) -> list[Grid]:
    return [*pipe_tables(markdown), *html_tables(markdown)]
