"""Splits a ruled row that holds several printed rows: many tables rule only their head and their foot."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pipeline.tables.headers import is_number
from pipeline.tables.rows import Stretch, rows, stretches
from schemas.reading import ReadCell, ReadLine, ReadTable

_FEW = 3  # printed rows; two lines are as likely one wrapped line
_FULL = 0.7  # share of the row's cells that hold something in each printed row


def split_rows(table: ReadTable, lines: Sequence[ReadLine]) -> ReadTable:
    """The table with such rows cut, if they hold most of it; else rules part rows, and a tall row is one."""
    parts = stretches(lines)
    cuts = {row: _cuts([c for c in table.cells if c.row == row], parts) for row in _whole_rows(table)}
    if 2 * sum(len(found) + 1 for found in cuts.values() if found) < table.rows:
        return table
    out: list[ReadCell] = []
    shift = 0
    for row in range(table.rows):
        found = cuts.get(row, [])
        for cell in table.cells:
            if cell.row == row:
                out.extend(_cut(replace(cell, row=row + shift), found))
        shift += len(found)
    return replace(table, rows=table.rows + shift, cells=tuple(out))


def _whole_rows(table: ReadTable) -> list[int]:
    """Rows that no cell spans into or out of."""
    spanned = {cell.row + r for cell in table.cells if cell.row_span > 1 for r in range(cell.row_span)}
    return [row for row in range(table.rows) if row not in spanned]


def _cuts(cells: Sequence[ReadCell], parts: Sequence[Stretch]) -> list[float]:
    """Where to cut: between printed rows, if nearly every column has something in nearly every one."""
    inside = [[part for part in parts if _holds(cell, part)] for cell in cells]
    held = [(cell, found) for cell, found in zip(cells, inside, strict=True) if found]
    if len(held) < 2:
        return []
    bands = rows(part for _, found in held for part in found)
    if len(bands) < _FEW or sum(map(len, bands)) < _FULL * len(bands) * len(held):
        return []
    if not any(len(found) >= len(bands) - 1 and _figures(found) for _, found in held):
        return []
    return [_between(above, below) for above, below in pairwise(bands)]


def _figures(found: Sequence[Stretch]) -> bool:
    return sum(is_number(part.text) for part in found) >= 0.8 * len(found)


def _between(above: Sequence[Stretch], below: Sequence[Stretch]) -> float:
    return (max(part.bbox[3] for part in above) + min(part.bbox[1] for part in below)) / 2


def _holds(cell: ReadCell, part: Stretch) -> bool:
    x, y = (part.bbox[0] + part.bbox[2]) / 2, (part.bbox[1] + part.bbox[3]) / 2
    return cell.bbox[0] <= x <= cell.bbox[2] and cell.bbox[1] <= y <= cell.bbox[3]


def _cut(cell: ReadCell, cuts: Sequence[float]) -> list[ReadCell]:
    x0, y0, x1, y1 = cell.bbox
    edges = [y0, *cuts, y1]
    return [
        replace(cell, row=cell.row + index, bbox=(x0, edges[index], x1, edges[index + 1]))
        for index in range(len(edges) - 1)
    ]
