"""Rows below the header of a list, cut into cells and gathered into items."""

from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.fields.layout import Row, Segment, Token
from pipeline.fields.shapes import Kind, Leaf
from pipeline.fields.values import parse
from schemas.field import FieldType

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


def assign(row: Row, columns: list[Column], line_height: float) -> dict[int, list[Cell]]:
    cells: dict[int, list[Cell]] = {}
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
            if (numeric and any(c.isdigit() for c in token.text)) or starts_text:
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


def grouped(rows: list[tuple[Row, dict[int, list[Cell]]]], columns: list[Column]) -> list[Item]:
    """Rows with numbers begin items; rows of words continue them, or precede them where all items do so."""
    text_columns = [i for i, c in enumerate(columns) if c.leaf is not None and c.leaf.type not in NUMERIC]
    numeric = [_has_numbers(cells, columns) for _, cells in rows]
    begun = [i for i, is_item in enumerate(numeric) if is_item]
    described = [i for i in begun if any(column in rows[i][1] for column in text_columns)]
    words_first = bool(begun) and bool(text_columns) and len(described) * 2 < len(begun)
    items: list[Item] = []
    waiting: list[dict[int, list[Cell]]] = []
    for (_, cells), is_item in zip(rows, numeric, strict=True):
        if is_item:
            item = Item()
            for extra in waiting:
                _add(item, extra, columns, words_only=True)
            waiting = []
            _add(item, cells, columns, words_only=False)
            items.append(item)
        elif words_first:
            waiting.append(cells)
        elif items:
            _add(items[-1], cells, columns, words_only=True)
    return items


def _has_numbers(cells: dict[int, list[Cell]], columns: list[Column]) -> bool:
    for index, some in cells.items():
        leaf = columns[index].leaf
        if leaf is not None and leaf.type in NUMERIC and leaf.concept != "position":
            for cell in some:
                for value in parse(leaf, cell.text):
                    if (value.end - value.start) * 2 >= len(cell.text.strip()):
                        return True
    return False


def _add(item: Item, cells: dict[int, list[Cell]], columns: list[Column], *, words_only: bool) -> None:
    for index, some in cells.items():
        leaf = columns[index].leaf
        if leaf is None or (words_only and (leaf.type is not FieldType.TEXT or leaf.kind is not Kind.PLAIN)):
            continue
        item.cells.setdefault(leaf.name, []).extend(some)
