"""Line items from tables that were recognised as such: header cells name the columns."""

from collections.abc import Iterator, Sequence

from pipeline.fields.evidence import evidence_of
from pipeline.fields.folding import key
from pipeline.fields.labels import LabelIndex, index_of
from pipeline.fields.shapes import FieldCandidate, Kind, Leaf, Outcome, Reading
from pipeline.fields.values import parse
from pipeline.fields.vocabulary import by_key
from schemas.field import FieldType
from schemas.table import Cell, CellRole, Table

_ENDS = frozenset({"total", "net", "rounding", "tax"})
_ARTICLE = frozenset({"description", "sku", "quantity"})
_HEADER_ROWS = 3
_LOOKED_AHEAD = 3


def table_items(page: int, tables: Sequence[Table], leaves: tuple[Leaf, ...]) -> Iterator[FieldCandidate]:
    """Cells of the rows of every table whose header names at least two columns of the list."""
    index = index_of(leaves, items=True)
    number = 0
    for table in tables:
        grid = grid_of(table)
        header, columns = _columns(index, grid, table, leaves)
        if not columns:
            continue
        for row in range(header + 1, table.rows):
            cells = grid.get(row, {})
            found = list(_row(page, cells, columns, number))
            if is_sum(cells) and not (_is_counted(found, columns) and not names_sum(cells)):
                if _goes_on(page, grid, columns, row + 1):
                    continue
                break
            if _is_item(found, leaves):
                yield from found
                number += 1


def grid_of(table: Table) -> dict[int, dict[int, Cell]]:
    grid: dict[int, dict[int, Cell]] = {}
    for cell in table.cells:
        grid.setdefault(cell.row, {})[cell.col] = cell
    return grid


def _columns(
    index: LabelIndex, grid: dict[int, dict[int, Cell]], table: Table, leaves: tuple[Leaf, ...]
) -> tuple[int, dict[int, Leaf]]:
    """The last header row and which leaf each column holds; no columns when the header names too few."""
    by_name = {leaf.name: leaf for leaf in leaves}
    last = max((c.row + c.row_span - 1 for c in table.cells if c.role is CellRole.COLUMN_HEADER), default=0)
    choices = [
        (target.weight, col, target.leaf)
        for row in range(min(last, _HEADER_ROWS) + 1)
        for col, cell in grid.get(row, {}).items()
        for target in index.match(cell.text)
        if target.leaf in by_name
    ]
    columns: dict[int, Leaf] = {}
    for _, col, name in sorted(choices, key=lambda c: (-c[0], -c[1])):
        leaf = by_name[name or ""]
        if col not in columns and leaf not in columns.values():
            columns[col] = leaf
    article = {leaf.concept for leaf in leaves} & _ARTICLE
    enough = len(columns) >= min(2, len(leaves)) and (
        not article or bool({leaf.concept for leaf in columns.values()} & article)
    )
    return last, columns if enough else {}


def is_sum(cells: dict[int, Cell]) -> bool:
    """A row of totals ends the list: its first words are a label of the foot."""
    return names_sum(cells) or _means_sum(" ".join(_first(cells).split()[:1]))


def names_sum(cells: dict[int, Cell]) -> bool:
    """Its first cell is the name of a sum and nothing else."""
    return _means_sum(_first(cells))


def _first(cells: dict[int, Cell]) -> str:
    first = next((cell.text for _, cell in sorted(cells.items()) if cell.text.strip()), "")
    return first.split(":")[0]


def _means_sum(label: str) -> bool:
    hit = by_key(items=False).get(key(label))
    return hit is not None and hit[0] in _ENDS and hit[1] >= 0.6


def _is_counted(found: Sequence[FieldCandidate], columns: dict[int, Leaf]) -> bool:
    """A row with a quantity and a price for each is an article, whatever its name begins with."""
    concepts = {leaf.name: leaf.concept for leaf in columns.values()}
    return {concepts[c.path] for c in found if c.outcome is Outcome.VALUE} >= {"quantity", "unit_price"}


def _goes_on(page: int, grid: dict[int, dict[int, Cell]], columns: dict[int, Leaf], row: int) -> bool:
    """Whether an article is counted in the rows right after a sum."""
    after = [grid.get(at, {}) for at in range(row, row + _LOOKED_AHEAD)]
    return any(
        _is_counted(list(_row(page, cells, columns, 0)), columns) and not names_sum(cells) for cells in after
    )


def _is_item(found: Sequence[FieldCandidate], leaves: Sequence[Leaf]) -> bool:
    """A row with a value of its type; in a list of nothing but texts, one with two values."""
    typed = {leaf.name for leaf in leaves if leaf.type is not FieldType.TEXT}
    values = [c for c in found if c.outcome is Outcome.VALUE]
    if not typed & {c.path for c in found}:
        return len(values) >= min(2, len(found))
    return any(c.path in typed for c in values)


def _row(page: int, cells: dict[int, Cell], columns: dict[int, Leaf], row: int) -> Iterator[FieldCandidate]:
    for col, leaf in columns.items():
        cell = cells.get(col)
        text = " ".join(cell.text.split()) if cell else ""
        if cell is None or not text:
            yield FieldCandidate(leaf.name, Outcome.BLANK, 0.5, page=page, row=row)
            continue
        evidence = evidence_of(cell.page, text, [cell.bbox] if cell.bbox else None)
        if leaf.type is FieldType.TEXT and leaf.kind is Kind.PLAIN:
            yield FieldCandidate(
                leaf.name, Outcome.VALUE, 0.8, (Reading(text),), text, (evidence,), page, row
            )
            continue
        values = parse(leaf, text)
        if not values:
            yield FieldCandidate(leaf.name, Outcome.INVALID, 0.5, (), text, (evidence,), page, row)
            continue
        best = max(values, key=lambda value: value.quality)
        raw = text[best.start : best.end]
        yield FieldCandidate(
            leaf.name, Outcome.VALUE, 0.8 * best.quality, best.readings, raw, (evidence,), page, row
        )
