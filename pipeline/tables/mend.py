"""Mends what models do wrong with wrapped cells: rows and columns too many."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.tables.bands import banded, rules_across
from pipeline.tables.columns import with_columns_parted
from pipeline.tables.headers import header_rows
from pipeline.tables.rows import Stretch, stretches
from pipeline.tables.wrapping import Row, continuing
from schemas.geometry import Box, union
from schemas.reading import ReadCell, ReadLine, ReadTable, Rule

_SPACE = 0.45  # of the type size: wider than the space between words
_CUT = 0.2  # of the stretches in a table


def mended(table: ReadTable, lines: Sequence[ReadLine], rules: Sequence[Rule] = ()) -> ReadTable:
    """The table with split cells put together again. Tables with cells over several rows are left alone."""
    table = banded(_without_title(table, stretches(lines)), lines, rules)
    table = with_columns_parted(table, lines)
    table = _without_hollow_columns(table, stretches(lines, gap=0.6))
    if any(cell.row_span > 1 for cell in table.cells):
        return table
    return _with_spans(
        _rejoined(table, stretches(lines), rules_across(table, rules)), stretches(lines, gap=_SPACE)
    )


def _with_spans(table: ReadTable, parts: Sequence[Stretch]) -> ReadTable:
    """Neighbouring cells that one run of words goes through are one cell over their columns."""
    out: list[ReadCell] = []
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        before = out[-1] if out and out[-1].row == cell.row else None
        if before is not None and any(_crosses(part, before, cell) for part in parts):
            span = cell.col + cell.col_span - before.col
            box = union([before.bbox, cell.bbox])
            out[-1] = replace(before, col_span=span, bbox=box, text=None, header=before.header or cell.header)
        else:
            out.append(cell)
    return replace(table, cells=tuple(out))


def _crosses(part: Stretch, left: ReadCell, right: ReadCell) -> bool:
    y, wall, slack = (part.bbox[1] + part.bbox[3]) / 2, right.bbox[0], 0.7 * part.size
    inside = left.bbox[1] <= y <= left.bbox[3] and right.bbox[1] <= y <= right.bbox[3]
    return inside and part.bbox[0] < wall - slack and part.bbox[2] > wall + slack


def cuts_through(table: ReadTable, parts: Sequence[Stretch]) -> bool:
    """Whether grid lines run through much of the text: prose that a model took for a table."""
    inside = [part for part in parts if _within(part, table.bbox)]
    cut = 0
    for part in inside:
        y, slack = (part.bbox[1] + part.bbox[3]) / 2, 0.7 * part.size
        cut += any(
            cell.bbox[1] <= y <= cell.bbox[3] and part.bbox[0] + slack < cell.bbox[0] < part.bbox[2] - slack
            for cell in table.cells
        )
    return cut >= 2 and cut > _CUT * len(inside)


def stacked(tables: Sequence[ReadTable]) -> list[ReadTable]:
    """Tables that stand right on each other with the same columns are one, cut by the model."""
    out: list[ReadTable] = []
    for table in sorted(tables, key=lambda t: (t.bbox[1], t.bbox[0])):
        above = out[-1] if out else None
        if above is None or above.cols != table.cols or not _stands_on(table.bbox, above.bbox):
            out.append(table)
            continue
        cells = tuple(replace(cell, row=cell.row + above.rows, header=False) for cell in table.cells)
        box = union([above.bbox, table.bbox])
        out[-1] = ReadTable(box, above.rows + table.rows, above.cols, (*above.cells, *cells))
    return out


def _stands_on(below: Box, above: Box) -> bool:
    width = above[2] - above[0]
    apart = max(abs(below[0] - above[0]), abs(below[2] - above[2]))
    return abs(below[1] - above[3]) <= 0.004 * width and apart <= 0.01 * width


def _without_title(table: ReadTable, parts: Sequence[Stretch]) -> ReadTable:
    """A first row that is one line of text, begun at the left and run through grid lines, is the caption."""
    first = [cell for cell in table.cells if cell.row == 0]
    if table.rows < 3 or len(first) < 2 or any(cell.row_span > 1 for cell in first):
        return table
    band = union([cell.bbox for cell in first])
    inside = [part for part in parts if _within(part, band)]
    if len(inside) != 1:
        return table
    left, right, slack = inside[0].bbox[0], inside[0].bbox[2], inside[0].size
    crossed = sum(left + slack < cell.bbox[0] < right - slack for cell in first)
    if not crossed or left > min(first, key=lambda cell: cell.col).bbox[2]:
        return table
    cells = tuple(replace(cell, row=cell.row - 1) for cell in table.cells if cell.row > 0)
    return replace(table, bbox=union([cell.bbox for cell in cells]), rows=table.rows - 1, cells=cells)


def _within(part: Stretch, box: Box) -> bool:
    x, y = (part.bbox[0] + part.bbox[2]) / 2, (part.bbox[1] + part.bbox[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _rejoined(table: ReadTable, parts: Sequence[Stretch], across: Sequence[float]) -> ReadTable:
    """Rows that only continue the cells above become part of them, unless a rule parts them."""
    held = _held(table, parts)
    rows = [
        {c.col: held[i] for i, c in enumerate(table.cells) if c.row == r and held[i]}
        for r in range(table.rows)
    ]
    goes_on = [
        on and not any(_between(rows[r - 1], y, rows[r]) for y in across)
        for r, on in enumerate(continuing(rows))
    ]
    target, last = [], -1
    for on in goes_on:
        last = max(0, last) if on else last + 1
        target.append(last)
    if last + 1 == table.rows:
        return table
    merged: dict[tuple[int, int], ReadCell] = {}
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        key = (target[cell.row], cell.col)
        if key in merged:
            box = union([merged[key].bbox, cell.bbox])
            merged[key] = replace(merged[key], bbox=box, text=None)
        else:
            merged[key] = replace(cell, row=key[0])
    return replace(table, rows=last + 1, cells=tuple(merged.values()))


def _between(above: Row, y: float, below: Row) -> bool:
    middles = [
        [(p.bbox[1] + p.bbox[3]) / 2 for parts in row.values() for p in parts] for row in (above, below)
    ]
    return all(middles) and max(middles[0]) < y < min(middles[1])


def _without_hollow_columns(table: ReadTable, parts: Sequence[Stretch]) -> ReadTable:
    """A column with nothing below the header is a piece of its left neighbour's heading."""
    heads = max(1, header_rows(table))
    held = _held(table, parts)
    used = {cell.col for i, cell in enumerate(table.cells) if cell.row >= heads and held[i]}
    hollow = [col for col in range(2, table.cols) if col not in used]
    spanned = {c.col + k for c in table.cells if c.col_span > 1 for k in range(c.col_span)}
    for col in reversed(hollow):
        if col in spanned or col - 1 in spanned or table.rows <= heads:
            continue
        if _one_phrase(_held_in(table, col - 1, parts), _held_in(table, col, parts)):
            table = _joined(table, col)
    return table


def _held_in(table: ReadTable, col: int, parts: Sequence[Stretch]) -> list[Stretch]:
    held = _held(table, parts)
    return [part for cell, found in zip(table.cells, held, strict=True) if cell.col == col for part in found]


def _one_phrase(left: Sequence[Stretch], right: Sequence[Stretch]) -> bool:
    """Whether some line goes on from one heading into the other; an empty column has a heading of its own."""
    return any(
        min(a.bbox[3], b.bbox[3]) - max(a.bbox[1], b.bbox[1]) > 0.5 * a.size
        and b.bbox[0] - a.bbox[2] < 1.2 * a.size
        for a in left
        for b in right
    )


def _joined(table: ReadTable, col: int) -> ReadTable:
    """The table with column ``col`` taken into the one before it."""
    cells: dict[tuple[int, int], ReadCell] = {}
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        at = cell.col if cell.col < col else cell.col - 1
        if (cell.row, at) in cells:
            before = cells[cell.row, at]
            cells[cell.row, at] = replace(before, bbox=union([before.bbox, cell.bbox]), text=None)
        else:
            cells[cell.row, at] = replace(cell, col=at)
    return replace(table, cols=table.cols - 1, cells=tuple(cells.values()))


def _held(table: ReadTable, parts: Sequence[Stretch]) -> list[list[Stretch]]:
    """The stretches in each cell."""
    return [[part for part in parts if _within(part, cell.bbox)] for cell in table.cells]
