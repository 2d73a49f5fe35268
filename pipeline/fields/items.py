"""Line items: the rows under a header whose columns the schema's list names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pipeline.fields.currencies import currencies_in
from pipeline.fields.evidence import of_stretch
from pipeline.fields.labels import Hit, LabelIndex, index_of
from pipeline.fields.layout import Row, Segment, Sheet, Token
from pipeline.fields.shapes import FieldCandidate, Kind, Leaf, Outcome, Reading
from pipeline.fields.tabular import table_items
from pipeline.fields.values import Parsed, parse
from schemas.field import Evidence, FieldType
from schemas.geometry import Box, union
from schemas.page import PageContent

_NUMERIC = (FieldType.MONEY, FieldType.NUMBER, FieldType.INTEGER)
_ENDS = frozenset({"total", "net", "rounding", "cash", "change", "quantity_total"})
_LONGEST_GAP = 5.0  # line heights without a row: the list is over
_MAX_ROWS = 2000


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


def header_rows(sheet: Sheet) -> frozenset[int]:
    """Rows that head a list of items: three columns of the vocabulary, or two with a quantity or price."""
    index = index_of((), items=True)
    found = set()
    for row in sheet.rows:
        concepts = {t.concept for hit in _column_hits(index, row) for t in hit.targets}
        if len(concepts) >= 3 or (
            len(concepts) == 2 and concepts & {"description", "quantity"} and len(row.segments) >= 2
        ):
            found.add(row.index)
    return frozenset(found)


def candidates(sheet: Sheet, content: PageContent, leaves: Sequence[Leaf]) -> Iterator[FieldCandidate]:
    """Cells of line items for every list of objects in the schema."""
    in_lists = [leaf for leaf in leaves if leaf.in_array and not leaf.scalars]
    for _, group in groupby(in_lists, key=lambda leaf: leaf.array):
        columns = tuple(group)
        own = list(_from_rows(sheet, columns))
        tables = list(table_items(sheet.number, content.tables, columns))
        yield from (tables if _worth(tables) > _worth(own) else own)


def _worth(found: Sequence[FieldCandidate]) -> int:
    return sum(1 for c in found if c.outcome is Outcome.VALUE) - sum(
        1 for c in found if c.outcome is Outcome.INVALID
    )


def _column_hits(index: LabelIndex, row: Row) -> list[Hit]:
    """Labels that make up (nearly) their whole segment, or share it with other labels: a header's cells."""
    hits = index.hits(row)
    covered: dict[int, int] = {}
    for hit in hits:
        covered[hit.segment.index] = covered.get(hit.segment.index, 0) + hit.last - hit.first
    return [hit for hit in hits if covered[hit.segment.index] * 2 >= len(hit.segment.tokens)]


def _from_rows(sheet: Sheet, leaves: tuple[Leaf, ...]) -> Iterator[FieldCandidate]:
    index = index_of(leaves, items=True)
    ends = index_of((), items=False)
    at, row_number = 0, 0
    while at < len(sheet.rows):
        columns, after = _header(sheet, index, at, leaves)
        if not columns:
            at += 1
            continue
        items, at = _body(sheet, ends, columns, after)
        for item in items:
            yield from _item_candidates(sheet, item, columns, row_number)
            row_number += 1


def _header(sheet: Sheet, index: LabelIndex, at: int, leaves: tuple[Leaf, ...]) -> tuple[list[Column], int]:
    """Columns named by a row (and the row below it, where headers wrap), or none."""
    by_name = {leaf.name: leaf for leaf in leaves}
    columns = _columns(index, sheet.rows[at], by_name)
    named = [column for column in columns if column.leaf is not None]
    if len(columns) < 2 or not named or (len(named) < 2 and len(leaves) > 1):
        return [], at
    after = at + 1
    while after < len(sheet.rows) and after < at + 3:
        row = sheet.rows[after]
        close = row.box[1] - sheet.rows[after - 1].box[3] < 0.8 * sheet.line_height
        more = _columns(index, row, by_name)
        if not close or any(char.isdigit() for char in row.text) or not _wraps(row, columns, more):
            break
        taken = {column.leaf.name for column in columns if column.leaf}
        for column in more:
            if column.leaf is not None and column.leaf.name not in taken:
                over = next(
                    (c for c in columns if c.leaf is None and min(c.x1, column.x1) > max(c.x0, column.x0)),
                    None,
                )
                if over is None:
                    columns.append(column)
                else:
                    over.leaf = column.leaf
        after += 1
    return columns, after


def _wraps(row: Row, columns: Sequence[Column], more: Sequence[Column]) -> bool:
    """A row that continues a header: labels again, or words only under its columns, not at its left edge."""
    if any(column.leaf is not None for column in more):
        return True
    left = min(column.x0 for column in columns)
    return all(segment.box[0] > left + 1 for segment in row.segments) and all(
        any(min(c.x1, s.box[2]) > max(c.x0, s.box[0]) for c in columns) for s in row.segments
    )


def _columns(index: LabelIndex, row: Row, by_name: dict[str, Leaf]) -> list[Column]:
    """Header cells left to right; each leaf names one column, the clearest label first."""
    hits = _column_hits(index, row)
    choices = [
        (target.weight * (1.0 if hit.exact else 0.8), order, hit, target.leaf)
        for order, hit in enumerate(hits)
        for target in hit.targets
        if target.leaf in by_name
    ]
    assigned: dict[int, str] = {}
    for _, order, _, name in sorted(choices, key=lambda c: (-c[0], -c[1])):
        if order not in assigned and name is not None and name not in assigned.values():
            assigned[order] = name
    columns = []
    for order, hit in enumerate(hits):
        tokens = hit.segment.tokens
        leaf = by_name.get(assigned.get(order, ""))
        columns.append(Column(leaf, tokens[hit.first].box[0], tokens[hit.last - 1].box[2], hit.segment.text))
    with_label = {hit.segment.index for hit in hits}
    columns += [Column(None, s.box[0], s.box[2], s.text) for s in row.segments if s.index not in with_label]
    return sorted(columns, key=lambda column: column.x0)


def _body(sheet: Sheet, ends: LabelIndex, columns: list[Column], at: int) -> tuple[list[Item], int]:
    rows: list[tuple[Row, dict[int, list[Cell]]]] = []
    bottom = sheet.rows[at - 1].box[3]
    while at < len(sheet.rows) and len(rows) < _MAX_ROWS:
        row = sheet.rows[at]
        if row.box[1] - bottom > _LONGEST_GAP * sheet.line_height or _ends(ends, row):
            break
        bottom = row.box[3]
        rows.append((row, _assign(row, columns, sheet.line_height)))
        at += 1
    return _grouped(rows, columns), at


def _ends(index: LabelIndex, row: Row) -> bool:
    """Totals end the list."""
    return any(
        hit.first <= 1 and any(t.concept in _ENDS and t.weight >= 0.6 for t in hit.targets)
        for hit in index.hits(row)
        if hit.segment.text[: hit.start].strip("# ") == ""
    )


def _assign(row: Row, columns: list[Column], line_height: float) -> dict[int, list[Cell]]:
    cells: dict[int, list[Cell]] = {}
    for segment in row.segments:
        for piece in _pieces(segment, columns, line_height):
            cells.setdefault(_column_of(*_extent(piece), columns, line_height), []).append(piece)
    return cells


def _extent(cell: Cell) -> tuple[float, float]:
    first, last = cell.segment.token_at(cell.start), cell.segment.token_at(cell.end - 1)
    return cell.segment.tokens[first].box[0], cell.segment.tokens[last].box[2]


def _pieces(segment: Segment, columns: list[Column], line_height: float) -> list[Cell]:
    """A run of words as cells: cut before a word that lines up with the edge of a further column of numbers."""
    cuts = [0]
    current = _column_of(segment.tokens[0].box[0], segment.tokens[0].box[2], columns, line_height)
    for at, token in enumerate(segment.tokens[1:], start=1):
        column = _column_of(token.box[0], token.box[2], columns, line_height)
        if column > current and _lines_up(token, columns[column], line_height) and not token.glued:
            leaf, before = columns[column].leaf, columns[current].leaf
            numeric = leaf is None or leaf.type in _NUMERIC
            starts_text = (
                before is None
                or before.type in _NUMERIC
                or before.kind is Kind.IDENTIFIER
                or before.concept == "position"
            )
            if (numeric and any(c.isdigit() for c in token.text)) or starts_text:
                cuts.append(segment.starts[at])
                current = column
    cuts.append(len(segment.text))
    return [Cell(segment, a, b) for a, b in zip(cuts, cuts[1:], strict=False)]


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


def _grouped(rows: list[tuple[Row, dict[int, list[Cell]]]], columns: list[Column]) -> list[Item]:
    """Rows with numbers begin items; rows of words continue them, or precede them where all items do so."""
    text_columns = [i for i, c in enumerate(columns) if c.leaf is not None and c.leaf.type not in _NUMERIC]
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
        if leaf is not None and leaf.type in _NUMERIC and leaf.concept != "position":
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


def _item_candidates(sheet: Sheet, item: Item, columns: list[Column], row: int) -> Iterator[FieldCandidate]:
    for column in columns:
        leaf = column.leaf
        if leaf is None:
            continue
        cells = item.cells.get(leaf.name, [])
        if not cells:
            yield FieldCandidate(leaf.name, Outcome.BLANK, 0.5, page=sheet.number, row=row)
        elif leaf.type is FieldType.TEXT and leaf.kind is Kind.PLAIN:
            yield _words(sheet, leaf, cells, row)
        else:
            yield _typed(sheet, leaf, cells, row, column.header)


def _words(sheet: Sheet, leaf: Leaf, cells: list[Cell], row: int) -> FieldCandidate:
    text = " ".join(cell.text.strip() for cell in cells)
    parts = [of_stretch(sheet, cell.segment, cell.start, cell.end) for cell in cells]
    boxes: list[Box] = [box for part in parts for box in part.boxes or []]
    evidence = Evidence(page=sheet.number, quote=text[:300], boxes=boxes or None)
    return FieldCandidate(
        leaf.name, Outcome.VALUE, 0.8, (Reading(text),), text, (evidence,), sheet.number, row
    )


def _typed(sheet: Sheet, leaf: Leaf, cells: list[Cell], row: int, header: str) -> FieldCandidate:
    cell, value = _best(leaf, cells)
    if value is None:
        evidence = of_stretch(sheet, cell.segment, cell.start, cell.end)
        return FieldCandidate(
            leaf.name, Outcome.INVALID, 0.5, (), cell.text.strip(), (evidence,), sheet.number, row
        )
    start, end = cell.start + value.start, cell.start + value.end
    evidence = of_stretch(sheet, cell.segment, start, end)
    readings = (
        with_header_currency(value.readings, header) if leaf.type is FieldType.MONEY else value.readings
    )
    raw = cell.segment.text[start:end]
    return FieldCandidate(
        leaf.name, Outcome.VALUE, 0.8 * value.quality, readings, raw, (evidence,), sheet.number, row
    )


def _best(leaf: Leaf, cells: list[Cell]) -> tuple[Cell, Parsed | None]:
    for cell in cells:
        values = parse(leaf, cell.text)
        if values:
            return cell, max(values, key=lambda value: value.quality)
    return cells[0], None


def with_header_currency(readings: tuple[Reading, ...], header: str) -> tuple[Reading, ...]:
    """``Amount (RM)`` above a column names the currency of its numbers."""
    codes = next((codes for _, _, codes in currencies_in(header)), None)
    if codes is None or any(reading.currency for reading in readings):
        return readings
    return tuple(Reading(r.value, r.decimal, "|".join(codes), r.convention) for r in readings)


def box_around(evidence: Sequence[Evidence]) -> Box | None:
    boxes = [box for part in evidence for box in part.boxes or []]
    return union(boxes) if boxes else None
