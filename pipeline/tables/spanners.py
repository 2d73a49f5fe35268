"""Widens headings that stand over several columns, where a model gave each column a cell of its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from pipeline.tables.fill import with_texts
from pipeline.tables.headers import header_rows
from schemas.geometry import Box, union
from schemas.reading import PageReading, ReadCell, ReadTable

_OFF_CENTRE = 0.1  # of the width of the columns: how far the middle of a spanning heading may be off


class _Ground(NamedTuple):
    """What the headings are measured against."""

    columns: dict[int, tuple[float, float]]
    words: Sequence[Box]
    rules: Sequence[Box]


def with_spanners(table: ReadTable, reading: PageReading) -> ReadTable:
    """The table with each heading of several header rows over all the columns it is centred on."""
    heads = header_rows(table)
    if heads < 2:
        return table
    words = [word.bbox for line in reading.lines for word in line.words]
    rules = [rule.bbox for rule in reading.rules if rule.horizontal]
    ground = _Ground(_columns(table, heads, words), words, rules)
    read = with_texts(table, reading.lines)
    cells = list(table.cells)
    for row in range(heads):
        below = {cell.col: cell.text or "" for cell in read.cells if cell.row == row + 1}
        # The last header row names the columns one by one, unless it holds one remark for all: (in millions).
        cells = _widened(cells, row, below if row < heads - 1 else None, ground)
    return replace(table, cells=tuple(cells))


def _columns(table: ReadTable, heads: int, words: Sequence[Box]) -> dict[int, tuple[float, float]]:
    """Where the contents of each column begin and end; a model's grid lines run anywhere between."""
    found: dict[int, tuple[float, float]] = {}
    for cell in table.cells:
        content = _content(cell, words) if cell.col_span == 1 and cell.row >= heads - 1 else None
        if content is not None:
            low, high = found.get(cell.col, (content[0], content[2]))
            found[cell.col] = (min(low, content[0]), max(high, content[2]))
    return found


def _widened(
    cells: list[ReadCell], row: int, below: dict[int, str] | None, ground: _Ground
) -> list[ReadCell]:
    single = {c.col: c for c in cells if c.row == row and c.row_span == 1 and c.col_span == 1 and c.col > 0}
    single = {col: cell for col, cell in single.items() if col in ground.columns}
    filled = {col: box for col, cell in single.items() if (box := _content(cell, ground.words)) is not None}
    if below is None and len(filled) > 1:
        return cells
    gone: set[int] = set()
    grown: dict[int, ReadCell] = {}
    for col, content in filled.items():
        if below is not None and _goes_on(below.get(col, "")):
            continue
        low, high = _free(col, single, filled, gone)
        reach = _over_rule(low, high, content, ground) or _centred((low, high), col, content, ground.columns)
        if reach is None or reach[0] == reach[1] or not reach[0] <= col <= reach[1]:
            continue
        members = [single[c] for c in range(reach[0], reach[1] + 1)]
        gone.update(range(reach[0], reach[1] + 1))
        box = union([cell.bbox for cell in members])
        grown[reach[0]] = replace(
            single[col], col=reach[0], col_span=reach[1] - reach[0] + 1, bbox=box, header=True
        )
    kept = [cell for cell in cells if not (cell.row == row and cell.col in gone)]
    return [*kept, *grown.values()]


def _content(cell: ReadCell, words: Sequence[Box]) -> Box | None:
    inside = [
        w
        for w in words
        if cell.bbox[0] <= (w[0] + w[2]) / 2 <= cell.bbox[2]
        and cell.bbox[1] <= (w[1] + w[3]) / 2 <= cell.bbox[3]
    ]
    return union(inside) if inside else None


def _goes_on(below: str) -> bool:
    """The heading below is the rest of this one, wrapped."""
    return bool(below) and (below[0].islower() or below[0] in "([/&-")


def _free(col: int, single: dict[int, ReadCell], filled: dict[int, Box], gone: set[int]) -> tuple[int, int]:
    """The empty cells to the left and right, up to the next heading."""
    low = high = col
    while low - 1 in single and low - 1 not in filled and low - 1 not in gone:
        low -= 1
    while high + 1 in single and high + 1 not in filled:
        high += 1
    return low, high


def _over_rule(low: int, high: int, content: Box, ground: _Ground) -> tuple[int, int] | None:
    """The columns over a rule drawn right under the heading: what it is for."""
    size = content[3] - content[1]
    for rule in ground.rules:
        if not -0.3 * size <= rule[1] - content[3] <= 1.2 * size:
            continue
        if rule[0] > content[0] + 2 or rule[2] < content[2] - 2:
            continue
        over = [c for c in range(low, high + 1) if rule[0] <= sum(ground.columns[c]) / 2 <= rule[2]]
        if len(over) > 1:
            return over[0], over[-1]
    return None


def _centred(
    free: tuple[int, int], col: int, content: Box, columns: dict[int, tuple[float, float]]
) -> tuple[int, int] | None:
    """The widest run of columns the heading stands in the middle of."""
    runs = [(a, b) for a in range(free[0], col + 1) for b in range(col, free[1] + 1)]
    for a, b in sorted(runs, key=lambda run: run[0] - run[1]):
        left, right = columns[a][0], columns[b][1]
        if abs((left + right) / 2 - (content[0] + content[2]) / 2) <= _OFF_CENTRE * (right - left):
            return a, b
    return None
