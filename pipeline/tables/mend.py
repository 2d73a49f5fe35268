"""Mends what models do wrong with wrapped cells: rows and columns too many."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.tables.headers import header_rows
from pipeline.tables.rows import Stretch, stretches
from pipeline.tables.wrapping import continuing
from schemas.geometry import Box, union
from schemas.reading import ReadCell, ReadLine, ReadTable


def mended(table: ReadTable, lines: Sequence[ReadLine]) -> ReadTable:
    """The table with split cells put together again. Tables with cells over several rows are left alone."""
    table = _without_title(table, stretches(lines))
    table = _without_hollow_columns(table, stretches(lines, gap=0.6))
    if any(cell.row_span > 1 for cell in table.cells):
        return table
    return _rejoined(table, stretches(lines))


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


def _rejoined(table: ReadTable, parts: Sequence[Stretch]) -> ReadTable:
    """Rows that only continue the cells above become part of them."""
    held = _held(table, parts)
    rows = [
        {c.col: held[i] for i, c in enumerate(table.cells) if c.row == r and held[i]}
        for r in range(table.rows)
    ]
    goes_on = continuing(rows)
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


def _without_hollow_columns(table: ReadTable, parts: Sequence[Stretch]) -> ReadTable:
    """A column with nothing below the header is a piece of its left neighbour's heading."""
    heads = max(1, header_rows(table))
    held = _held(table, parts)
    used = {cell.col for i, cell in enumerate(table.cells) if cell.row >= heads and held[i]}
    hollow = [col for col in range(2, table.cols) if col not in used]
    spanned = {c.col + k for c in table.cells if c.col_span > 1 for k in range(c.col_span)}
    for col in reversed(hollow):
        if col not in spanned and col - 1 not in spanned and table.rows > heads:
            table = _joined(table, col)
    return table


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
