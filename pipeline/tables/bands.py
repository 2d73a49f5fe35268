"""Cuts a model's rows at rules through the whole table, and leaves out what stands above its ruled head."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pipeline.tables.headers import is_number
from pipeline.tables.rows import Stretch, stretches
from schemas.geometry import Box, union
from schemas.reading import ReadCell, ReadLine, ReadTable, Rule

_WHOLE = 0.9  # of the table's width
_HEAD = 0.75  # of the columns are named in a ruled head; what stands above it fills fewer
_MOST_ABOVE = 3  # rows: more are a table of their own


def banded(table: ReadTable, lines: Sequence[ReadLine], rules: Sequence[Rule]) -> ReadTable:
    """The table with its rows as the rules part them."""
    across = rules_across(table, rules)
    if not across:
        return table
    parts = stretches(lines)
    for y in across:
        table = _cut(table, y, parts)
    return _from_head(table, across, parts)


def rules_across(table: ReadTable, rules: Sequence[Rule]) -> list[float]:
    """Heights of the horizontal rules that run through the whole table."""
    return sorted(y for rule in rules if (y := _across(rule.bbox, table.bbox)) is not None)


def _across(rule: Box, box: Box) -> float | None:
    x0, y0, x1, y1 = rule
    shared = min(x1, box[2]) - max(x0, box[0])
    inside = box[1] < y0 and y1 < box[3]
    return (y0 + y1) / 2 if inside and shared >= _WHOLE * (box[2] - box[0]) and x1 - x0 > y1 - y0 else None


def _cut(table: ReadTable, y: float, parts: Sequence[Stretch]) -> ReadTable:
    """The row that the rule runs through becomes two, if both hold text and no cell spans into them."""
    row = next((r for r in range(table.rows) if _holds(_row(table, r), y)), None)
    if row is None:
        return table
    cells = _row(table, row)
    inside = [part for cell in cells for part in _in(cell, parts)]
    above = [part for part in inside if part.bbox[3] <= y + 0.2 * part.size]
    below = [part for part in inside if part.bbox[1] >= y - 0.2 * part.size]
    if not above or not below or len(above) + len(below) < len(inside) or _spanned(table, row):
        return table
    out: list[ReadCell] = []
    for cell in table.cells:
        if cell.row < row:
            out.append(cell)
        elif cell.row > row:
            out.append(replace(cell, row=cell.row + 1))
        else:
            x0, y0, x1, y1 = cell.bbox
            out.append(replace(cell, bbox=(x0, y0, x1, y), text=None))
            out.append(replace(cell, row=row + 1, bbox=(x0, y, x1, y1), text=None, header=False))
    return replace(table, rows=table.rows + 1, cells=tuple(out))


def _from_head(table: ReadTable, across: Sequence[float], parts: Sequence[Stretch]) -> ReadTable:
    """The table from its head on: the first band between two rules that names nearly every column."""
    filled = [{c.col for c in _row(table, r) if _in(c, parts)} for r in range(table.rows)]
    for top, bottom in pairwise([table.bbox[1], *across]):
        band = [r for r in range(table.rows) if _lies_between(_row(table, r), top, bottom)]
        if not band or len(set().union(*(filled[r] for r in band))) < _HEAD * table.cols:
            continue
        if any(is_number(part.text) for r in band for c in _row(table, r) for part in _in(c, parts)):
            continue
        head = band[0]
        fewer = sum(len(filled[r]) for r in range(head)) < _HEAD * table.cols * max(1, head)
        if (
            not fewer
            or head > _MOST_ABOVE
            or head + len(band) >= table.rows
            or any(_spanned(table, r) for r in range(head))
        ):
            return table
        kept = tuple(replace(c, row=c.row - head, header=c.row in band) for c in table.cells if c.row >= head)
        return ReadTable(union([c.bbox for c in kept]), table.rows - head, table.cols, kept)
    return table


def _row(table: ReadTable, row: int) -> list[ReadCell]:
    return [cell for cell in table.cells if cell.row == row]


def _holds(cells: Sequence[ReadCell], y: float) -> bool:
    return bool(cells) and all(cell.bbox[1] < y < cell.bbox[3] for cell in cells)


def _lies_between(cells: Sequence[ReadCell], top: float, bottom: float) -> bool:
    return bool(cells) and all(top <= (cell.bbox[1] + cell.bbox[3]) / 2 <= bottom for cell in cells)


def _spanned(table: ReadTable, row: int) -> bool:
    return any(cell.row <= row < cell.row + cell.row_span and cell.row_span > 1 for cell in table.cells)


def _in(cell: ReadCell, parts: Sequence[Stretch]) -> list[Stretch]:
    return [part for part in parts if _middle_in(part.bbox, cell.bbox)]


def _middle_in(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
