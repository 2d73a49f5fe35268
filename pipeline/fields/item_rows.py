"""Rows below the header of a list, cut into cells and gathered into items."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.fields.layout import Row, Segment
from pipeline.fields.shapes import Kind, Leaf
from pipeline.fields.tokens import Token
from pipeline.fields.values import parse
from schemas.field import FieldType

_NUMBER = re.compile(r"[-+(]?[A-Z$€£¥]{0,3}\d{1,3}(?:[.,']?\d{3}){0,2}(?:[.,]\d{1,4}|[.,]-{1,2})?[)%€-]?")
_CONTINUES = 1.5  # line heights: words farther below are no continuation
NUMERIC = frozenset({FieldType.MONEY, FieldType.NUMBER, FieldType.INTEGER})


@dataclass(slots=True)
class Column:
    leaf: Leaf | None
    x0: float
    x1: float
    header: str = ""


@dataclass(slots=True)
class Cell:
    """Words of one row that fall into one column."""

    segment: Segment
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.segment.text[self.start : self.end]


@dataclass(slots=True)
class Item:
    cells: dict[str, list[Cell]] = field(default_factory=dict)


Cells = dict[int, list[Cell]]
BodyRow = tuple[Row, Cells]


def assign(row: Row, columns: list[Column], line_height: float) -> Cells:
    """The row's words by the column they fall into."""
    cells: Cells = {}
    for segment in row.segments:
        for piece in _pieces(segment, columns, line_height):
            cells.setdefault(_column_of(*_extent(piece), columns, line_height), []).append(piece)
    return cells


def _extent(cell: Cell) -> tuple[float, float]:
    first, last = cell.segment.token_at(cell.start), cell.segment.token_at(cell.end - 1)
    return cell.segment.tokens[first].box[0], cell.segment.tokens[last].box[2]


def _pieces(segment: Segment, columns: list[Column], line_height: float) -> list[Cell]:
    """A run of words as cells: cut before a word that lines up with a further column of numbers."""
    cuts = [0]
    current = _column_of(segment.tokens[0].box[0], segment.tokens[0].box[2], columns, line_height)
    for at, token in enumerate(segment.tokens[1:], start=1):
        column = _column_of(token.box[0], token.box[2], columns, line_height)
        if column > current and _lines_up(token, columns[column], line_height) and not token.glued:
            leaf, before = columns[column].leaf, columns[current].leaf
            numeric = leaf is None or leaf.type in NUMERIC
            starts_text = (
                before is None
                or before.type in NUMERIC
                or before.kind is Kind.IDENTIFIER
                or before.concept == "position"
            )
            if (numeric and _NUMBER.fullmatch(token.text)) or starts_text:
                cuts.append(segment.starts[at])
                current = column
    cuts.append(len(segment.text))
    return [Cell(segment, a, b) for a, b in pairwise(cuts)]


def _lines_up(token: Token, column: Column, line_height: float) -> bool:
    return min(abs(token.box[0] - column.x0), abs(token.box[2] - column.x1)) < 1.5 * line_height or (
        min(token.box[2], column.x1) - max(token.box[0], column.x0) > 0
    )


def _column_of(x0: float, x1: float, columns: list[Column], line_height: float) -> int:
    """The column words belong to: same left or right edge first, then the most overlap, then the nearest."""

    def distance(index: int) -> tuple[float, float]:
        column = columns[index]
        edge = min(abs(x0 - column.x0), abs(x1 - column.x1))
        overlap = min(x1, column.x1) - max(x0, column.x0)
        if edge < 0.7 * line_height:
            return (0.0, edge)
        return (1.0, -overlap) if overlap > 0 else (2.0, -overlap)

    return min(range(len(columns)), key=distance)


def grouped(rows: Sequence[BodyRow], columns: list[Column], line_height: float) -> list[Item]:
    """Rows with typed values begin items; rows of words continue them, or precede them where all do so."""
    begins = [_begins(cells, columns) for _, cells in rows]
    items: list[Item] = []
    waiting: list[Cells] = []
    words_first = _words_first(rows, begins, columns)
    bottom = rows[0][0].box[1] if rows else 0.0
    running = False  # a gap ends an item, and words beyond it belong to none
    for (row, cells), is_item in zip(rows, begins, strict=True):
        near = row.box[1] - bottom <= _CONTINUES * line_height
        bottom = row.box[3]
        running = is_item or (running and near)
        if is_item:
            items.append(Item())
            for extra in waiting:
                _continue(items[-1], extra, columns)
            waiting = []
            _add(items[-1], cells, columns)
        elif words_first:
            waiting = [*waiting, cells] if near else [cells]
        elif items and near and running:
            _continue(items[-1], cells, columns)
    return items


def _words_first(rows: Sequence[BodyRow], begins: Sequence[bool], columns: list[Column]) -> bool:
    """Receipts print the article above its numbers."""
    texts = {i for i, column in enumerate(columns) if column.leaf is not None and _wordy(column.leaf)}
    begun = [cells for (_, cells), is_item in zip(rows, begins, strict=True) if is_item]
    described = [cells for cells in begun if texts & set(cells)]
    return bool(begun) and bool(texts) and len(described) * 2 < len(begun)


def _wordy(leaf: Leaf) -> bool:
    return leaf.type is FieldType.TEXT and leaf.kind is Kind.PLAIN


def _begins(cells: Cells, columns: list[Column]) -> bool:
    """A row with a value of its type in some column; in a list of nothing but texts, one with two cells."""
    typed = [
        (column.leaf, cells.get(index, []))
        for index, column in enumerate(columns)
        if column.leaf is not None and column.leaf.type is not FieldType.TEXT
    ]
    if not typed:
        named = [index for index, column in enumerate(columns) if column.leaf is not None]
        return sum(index in cells for index in named) >= min(2, len(named))
    return any(
        (value.end - value.start) * 2 >= len(cell.text.strip())
        for leaf, some in typed
        for cell in some
        for value in parse(leaf, cell.text)
    )


def _add(item: Item, cells: Cells, columns: list[Column]) -> None:
    for index, some in cells.items():
        leaf = columns[index].leaf
        if leaf is not None:
            item.cells.setdefault(leaf.name, []).extend(some)


def _continue(item: Item, cells: Cells, columns: list[Column]) -> None:
    """More words of an item: they belong to its description, or to the one column of words there is."""
    wordy = [i for i, column in enumerate(columns) if column.leaf is not None and _wordy(column.leaf)]
    described = [i for i in wordy if columns[i].leaf.concept == "description"] or wordy  # type: ignore[union-attr]  # wordy columns have leaves
    for index in described[:1]:
        if index in cells:
            _add(item, {index: cells[index]}, columns)
