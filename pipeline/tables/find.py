"""Finds the tables of a page: what a model reports, mended by printed rules; without it, rules and gaps."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.tables.fill import filled, with_texts
from pipeline.tables.gaps import gap_tables
from pipeline.tables.letterheads import side_by_side
from pipeline.tables.mend import cuts_through, mended, stacked
from pipeline.tables.rows import stretches
from pipeline.tables.ruled import ruled_tables
from pipeline.tables.spanners import with_spanners
from pipeline.tables.split import split_rows
from pipeline.tables.turn import back, lies, upright
from schemas.geometry import Box, area, intersection, iou
from schemas.page import BlockKind
from schemas.reading import PageReading, ReadLine, ReadTable

_SAME = 0.6  # overlap over union: rules and model mean the same table
_WIDE = 2.5  # of the type size, between words of one cell
_LAID_OUT = frozenset({BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.LIST, BlockKind.TABLE})


def find_tables(reading: PageReading) -> tuple[ReadTable, ...]:
    """Tables from top to bottom as the page is read; rows and columns too, however the page lies."""
    if not lies(reading):
        return tuple(_find(reading))
    held = upright(reading)  # there, too, cells are filled: lines of a cell follow each other downwards
    return back([with_texts(table, held.lines) for table in _find(held)], reading)


def _find(reading: PageReading) -> list[ReadTable]:
    ruled = [table for table in closed_tables(reading) if not _drawn_in_figure(table, reading)]
    parts = stretches(reading.lines)
    modelled = [table for table in stacked(reading.tables) if _is_table(table) and _is_filled(table, reading)]
    modelled = [table for table in modelled if not cuts_through(table, parts)]
    found = [_better(table, ruled, reading) for table in modelled]
    found = [table for table in found if not _is_letterhead(table, reading)]
    found += [table for table in ruled if not _any_overlap(table, found)]
    if not _asked_model(reading):
        found += [table for table in gap_tables(reading) if not _any_overlap(table, found)]
    return sorted(found, key=lambda table: (table.bbox[1], table.bbox[0]))


def closed_tables(reading: PageReading) -> list[ReadTable]:
    """Tables whose rules alone part all rows and columns."""
    found = [split_rows(table, reading.lines) for table in ruled_tables(reading)]
    return [table for table in found if _is_table(table) and _complete(table, reading.lines)]


def _asked_model(reading: PageReading) -> bool:
    """Where a layout model has seen the page, what it did not call a table is none unless rules say so."""
    return any(region.kind in _LAID_OUT for region in reading.regions)


def _drawn_in_figure(table: ReadTable, reading: PageReading) -> bool:
    """The grid of a chart: the model calls it a picture, and most of its cells are empty."""
    figures = [r.bbox for r in reading.regions if r.kind is BlockKind.FIGURE]
    if not any(intersection(table.bbox, box) > 0.5 * area(table.bbox) for box in figures):
        return False
    words = [word.bbox for line in reading.lines for word in line.words]
    filled = sum(any(_middle_in(word, cell.bbox) for word in words) for cell in table.cells)
    return filled < 0.6 * len(table.cells)


def _better(table: ReadTable, ruled: Sequence[ReadTable], reading: PageReading) -> ReadTable:
    """Printed rules know rows, columns and spans better than a model does; the model knows the header."""
    same = next((other for other in ruled if iou(other.bbox, table.bbox) >= _SAME), None)
    if same is None:
        return with_spanners(mended(table, reading.lines, reading.rules), reading)
    heads = [cell.bbox for cell in table.cells if cell.header]
    cells = tuple(
        replace(cell, header=any(_middle_in(cell.bbox, box) for box in heads)) for cell in same.cells
    )
    return replace(same, cells=cells)


def _complete(table: ReadTable, lines: Sequence[ReadLine]) -> bool:
    """Whether the rules part all columns: hardly a cell is cut through by a gap that no line crosses."""
    words = [(word.bbox, line.size) for line in lines for word in line.words]
    inside = [[pair for pair in words if _middle_in(pair[0], cell.bbox)] for cell in table.cells]
    parted = [len(found) for found in inside if _parted(found)]
    few = len(parted) <= max(1, 0.1 * len(table.cells))
    return few and sum(parted) <= max(4, 0.2 * sum(map(len, inside)))


def _parted(inside: Sequence[tuple[Box, float]]) -> bool:
    reached: float | None = None
    for box, size in sorted(inside):
        if reached is not None and box[0] - reached > _WIDE * size:
            return True
        reached = box[2] if reached is None else max(reached, box[2])
    return False


def _is_table(table: ReadTable) -> bool:
    return table.rows >= 2 and table.cols >= 2


def _is_filled(table: ReadTable, reading: PageReading) -> bool:
    """Not a drawing: something stands in two rows, in two columns, in four cells and in a fifth of all."""
    words = [word.bbox for line in reading.lines for word in line.words]
    filled = [cell for cell in table.cells if any(_middle_in(word, cell.bbox) for word in words)]
    spread = len({cell.row for cell in filled}) >= 2 and len({cell.col for cell in filled}) >= 2
    return spread and len(filled) >= 4 and 5 * len(filled) >= len(table.cells)


def _is_letterhead(table: ReadTable, reading: PageReading) -> bool:
    return side_by_side(table, [content.text for content in filled(table, reading.lines)])


def _middle_in(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _any_overlap(table: ReadTable, others: Sequence[ReadTable]) -> bool:
    return any(
        intersection(table.bbox, other.bbox) > 0.1 * min(area(table.bbox), area(other.bbox))
        for other in others
    )
