"""Line items: the rows under a header whose columns the schema's list names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from pipeline.fields.currencies import in_currency_of
from pipeline.fields.evidence import Place, at, evidence_of, value_at
from pipeline.fields.item_rows import BodyRow, Cell, Cells, Column, Item, assign, grouped
from pipeline.fields.labels import Hit, LabelIndex, index_of, opens
from pipeline.fields.layout import Row, Sheet, boxes_of
from pipeline.fields.shapes import FieldCandidate, Kind, Leaf, Outcome, Reading
from pipeline.fields.tabular import table_items
from pipeline.fields.till import till_items
from pipeline.fields.values import Parsed, parse
from schemas.field import FieldType
from schemas.geometry import Box
from schemas.page import PageContent

_ENDS = frozenset({"total", "net", "rounding", "cash", "change", "quantity_total"})
_ARTICLE = frozenset({"description", "sku", "quantity"})
_LONGEST_GAP = 5.0  # line heights without a row: the list is over
_WRAPPED = 0.8  # line heights between the lines of one header
_CLEAR_SUM = 0.9  # labels of sums that end a list also where other words stand before them
_A_SUM = 0.6
_MAX_ROWS = 2000
_LOOKED_AHEAD = 3
_SCORE = 0.8


def header_rows(sheet: Sheet) -> frozenset[int]:
    """Rows that head a list of items: three columns of the vocabulary, or two, one of them of articles."""
    index = index_of((), items=True)
    found: set[int] = set()
    for row in sheet.rows:
        concepts = {t.concept for hit in _column_hits(index, row) for t in hit.targets}
        counted = len(concepts) == 2 and concepts & {"description", "quantity"} and len(row.segments) >= 2
        articles = len(concepts) >= 3 and concepts & {*_ARTICLE, "unit_price"}
        if articles or counted or (row.index - 1 in found and _close(sheet, row.index)):
            found.add(row.index)
    return frozenset(found)


def _close(sheet: Sheet, at: int) -> bool:
    """Whether a row may go on with the header above it: right below, and without numbers."""
    row, above = sheet.rows[at], sheet.rows[at - 1]
    gap = row.box[1] - above.box[3]
    return gap < _WRAPPED * sheet.line_height and not any(map(str.isdigit, row.text))


@dataclass(frozen=True, slots=True)
class ItemList:
    """A list of objects of the schema, and the rows of a page that stand below a header with its columns."""

    leaves: tuple[Leaf, ...]
    bodies: list[tuple[list[Column], list[BodyRow]]]


def lists(sheet: Sheet, leaves: Sequence[Leaf]) -> list[ItemList]:
    in_lists = [leaf for leaf in leaves if leaf.in_array and not leaf.scalars]
    groups = (tuple(group) for _, group in groupby(in_lists, key=lambda leaf: leaf.array))
    return [ItemList(group, list(_below_headers(sheet, group))) for group in groups]


def candidates(sheet: Sheet, content: PageContent, found: Sequence[ItemList]) -> Iterator[FieldCandidate]:
    """Cells of line items for every list of objects in the schema."""
    for one in found:
        own = list(_from_rows(sheet, one))
        tables = list(table_items(sheet.number, content.tables, one.leaves))
        best = tables if _worth(tables) > _worth(own) else own
        yield from best or till_items(sheet, one.leaves)


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


def counted_rows(found: Sequence[ItemList]) -> frozenset[int]:
    """Rows of articles with a quantity and a price: `Total station rental` is no total there."""
    ends = index_of((), items=False)
    return frozenset(
        row.index
        for one in found
        for columns, rows in one.bodies
        for row, cells in rows
        if _is_article(ends, row, cells, columns)
    )


def _from_rows(sheet: Sheet, found: ItemList) -> Iterator[FieldCandidate]:
    row_number = 0
    for columns, rows in found.bodies:
        for item in grouped(rows, columns, sheet.line_height):
            yield from _item_candidates(sheet, item, columns, row_number)
            row_number += 1


def _below_headers(sheet: Sheet, leaves: tuple[Leaf, ...]) -> Iterator[tuple[list[Column], list[BodyRow]]]:
    index = index_of(leaves, items=True)
    ends = index_of((), items=False)
    at = 0
    while at < len(sheet.rows):
        columns, after = _header(sheet, index, at, leaves)
        if not columns:
            at += 1
            continue
        rows, at = _body(sheet, ends, columns, after)
        yield columns, rows


def _header(sheet: Sheet, index: LabelIndex, at: int, leaves: tuple[Leaf, ...]) -> tuple[list[Column], int]:
    """Columns named by a row (and the row below it, where headers wrap), or none."""
    by_name = {leaf.name: leaf for leaf in leaves}
    if not _may_head(sheet.rows[at]):
        return [], at
    columns = _columns(index, sheet.rows[at], by_name)
    if columns:
        _articles_first(columns, leaves)
    named = [column for column in columns if column.leaf is not None]
    if len(columns) < 2 or len(named) < min(2, len(leaves)) or not _heads(named, leaves):
        return [], at
    after = at + 1
    while after < min(len(sheet.rows), at + 3) and _close(sheet, after):
        more = _columns(index, sheet.rows[after], by_name)
        if not _wraps(sheet.rows[after], columns, more):
            break
        _take(columns, more)
        after += 1
    return columns, after


def _take(columns: list[Column], more: Sequence[Column]) -> None:
    """Columns named in the second line of a header; words below a named column only go on with its name."""
    taken = {column.leaf.name for column in columns if column.leaf}
    for column in more:
        over = [c for c in columns if min(c.x1, column.x1) > max(c.x0, column.x0)]
        if column.leaf is None or column.leaf.name in taken or any(c.leaf is not None for c in over):
            continue
        if over:
            over[0].leaf = column.leaf
        else:
            columns.append(column)


def _may_head(row: Row) -> bool:
    """No header holds values: a segment of digits, or a label with its colon."""
    return not any(
        segment.text.rstrip().endswith(":") or sum(map(str.isdigit, segment.text)) * 2 > len(segment.text)
        for segment in row.segments
    )


def _articles_first(columns: Sequence[Column], leaves: Sequence[Leaf]) -> None:
    """A first column whose header is unknown holds the articles, where they are counted in another."""
    described = next((leaf for leaf in leaves if leaf.concept == "description"), None)
    concepts = {column.leaf.concept for column in columns if column.leaf is not None}
    counted = "quantity" in concepts and "description" not in concepts
    if described is not None and columns[0].leaf is None and counted:
        columns[0].leaf = described


def _heads(named: Sequence[Column], leaves: Sequence[Leaf]) -> bool:
    """A list of articles names its articles: columns of rates and sums alone head a summary of taxes."""
    asked = {leaf.concept for leaf in leaves} & _ARTICLE
    return not asked or bool({column.leaf.concept for column in named if column.leaf} & _ARTICLE)


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


def _body(sheet: Sheet, ends: LabelIndex, columns: list[Column], at: int) -> tuple[list[BodyRow], int]:
    """Up to a sum that no article follows; subtotals between groups are left out."""
    rows: list[BodyRow] = []
    while at < len(sheet.rows) and len(rows) < _MAX_ROWS and not _gap_above(sheet, at):
        row = sheet.rows[at]
        cells = assign(row, columns, sheet.line_height)
        if not _ends(ends, row) or _is_article(ends, row, cells, columns):
            rows.append((row, cells))
        elif not _goes_on(sheet, ends, columns, at + 1):
            break
        at += 1
    return rows, at


def _gap_above(sheet: Sheet, at: int) -> bool:
    return sheet.rows[at].box[1] - sheet.rows[at - 1].box[3] > _LONGEST_GAP * sheet.line_height


def _goes_on(sheet: Sheet, ends: LabelIndex, columns: list[Column], at: int) -> bool:
    """Whether an article is counted in the rows right after a sum."""
    for number in range(at, min(at + _LOOKED_AHEAD, len(sheet.rows))):
        if _gap_above(sheet, number):
            return False
        row = sheet.rows[number]
        if _is_article(ends, row, assign(row, columns, sheet.line_height), columns):
            return True
    return False


def _is_article(ends: LabelIndex, row: Row, cells: Cells, columns: Sequence[Column]) -> bool:
    """Counted, and called more than a sum is: `Total  3  70.00` counts what was bought."""
    return _counted(cells, columns) and not any(
        opens(row, hit)
        and not any(map(str.isalpha, hit.segment.text[hit.end :]))
        and _sum_weight(hit) >= _A_SUM
        for hit in ends.hits(row)
    )


def _counted(cells: Cells, columns: Sequence[Column]) -> bool:
    """A row with a quantity and a price for each is an article, whatever its name begins with."""
    have = {
        leaf.concept
        for number, some in cells.items()
        if (leaf := columns[number].leaf) is not None and any(parse(leaf, cell.text) for cell in some)
    }
    return have >= {"quantity", "unit_price"}


def _sum_weight(hit: Hit) -> float:
    """How clearly a label is that of a sum."""
    return max((target.weight for target in hit.targets if target.concept in _ENDS), default=0.0)


def _ends(index: LabelIndex, row: Row) -> bool:
    """Totals end the list."""
    for hit in index.hits(row):
        weight = _sum_weight(hit)
        clear = weight >= _CLEAR_SUM and hit.exact and hit.first == 0 and hit.segment is not row.segments[-1]
        if clear or (weight >= _A_SUM and opens(row, hit)):
            return True
    return False


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
    boxes: list[Box] = [box for cell in cells for box in boxes_of(cell.segment, cell.start, cell.end) or []]
    evidence = evidence_of(sheet.number, text, boxes)
    return FieldCandidate(
        leaf.name, Outcome.VALUE, _SCORE, (Reading(text),), text, (evidence,), sheet.number, row
    )


def _typed(sheet: Sheet, leaf: Leaf, cells: list[Cell], row: int, header: str) -> FieldCandidate:
    cell, value = _best(leaf, cells)
    if value is None:
        evidence = at(sheet, Place(cell.segment, cell.start, cell.end))
        raw = cell.text.strip()
        return FieldCandidate(leaf.name, Outcome.INVALID, 0.5, (), raw, (evidence,), sheet.number, row)
    outer = (cell.start + value.outer[0], cell.start + value.outer[1]) if value.outer else None
    place = Place(cell.segment, cell.start + value.start, cell.start + value.end, outer=outer)
    money = leaf.type is FieldType.MONEY
    readings = in_currency_of(value.readings, header) if money else value.readings
    return value_at(sheet, leaf.name, place, readings, _SCORE * value.quality, row=row)


def _best(leaf: Leaf, cells: list[Cell]) -> tuple[Cell, Parsed | None]:
    for cell in cells:
        values = parse(leaf, cell.text)
        if values:
            return cell, max(values, key=lambda value: value.quality)
    return cells[0], None
