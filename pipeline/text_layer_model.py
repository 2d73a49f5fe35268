"""Asks the layout and table models that come with PyMuPDF for the regions and table grids of a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymupdf

from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box, union
from schemas.page import BlockKind
from schemas.reading import ReadCell, ReadTable, Region

_KINDS = {
    "text": BlockKind.PARAGRAPH,
    "title": BlockKind.HEADING,
    "section-header": BlockKind.HEADING,
    "list-item": BlockKind.LIST,
    "table": BlockKind.TABLE,
    "picture": BlockKind.FIGURE,
    "formula": BlockKind.FORMULA,
    "caption": BlockKind.CAPTION,
    "footnote": BlockKind.FOOTNOTE,
    "page-header": BlockKind.HEADER,
    "page-footer": BlockKind.FOOTER,
}


def read_layout(
    page: pymupdf.Page, content_rotation: int = 0
) -> tuple[tuple[Region, ...], tuple[ReadTable, ...]]:
    """Regions in the model's reading order, and tables with their cells, in the visible page's unit.

    The models take what they see for upright: a page with /Rotate or sideways text is shown to them turned.
    """
    space = PageSpace.of(page)
    turn = (page.rotation + content_rotation) % 360
    if turn == 0:
        return _ask(page, space)
    back = PageSpace(space.width, space.height, (360 - content_rotation) % 360)
    with _upright(page, turn) as copy:
        return _ask(copy, back)


@contextmanager
def _upright(page: pymupdf.Page, turn: int) -> Iterator[pymupdf.Page]:
    """A copy of the page alone, its rotation worked into its content."""
    with pymupdf.open() as scratch:
        scratch.insert_pdf(page.parent, from_page=page.number, to_page=page.number, links=False)
        copy = scratch[0]
        copy.set_rotation(turn)
        copy.remove_rotation()
        yield scratch.reload_page(copy)


def _ask(page: pymupdf.Page, space: PageSpace) -> tuple[tuple[Region, ...], tuple[ReadTable, ...]]:
    groups = page.get_layout(return_raw=True)
    groups = groups if groups is not None else page.layout_information
    regions = tuple(
        Region(_KINDS.get(group["class_name"], BlockKind.OTHER), space.box(tuple(group["group_bbox"][:4])))
        for group in groups or ()
    )
    found = page.find_tables(union=True, refine=True)
    tables = [_table(table, space) for table in (found.tables if found is not None else ())]
    return regions, tuple(table for table in tables if table is not None)


def _table(table: Any, space: PageSpace) -> ReadTable | None:
    """A table of the wheel as ours; None for what has no grid."""
    cells: list[ReadCell] = []
    taken: set[tuple[int, int]] = set()
    for row, placements in enumerate(table.placements or ()):
        col = 0
        for cell in placements:
            while (row, col) in taken:
                col += 1
            taken.update((row + r, col + c) for r in range(cell.rowspan) for c in range(cell.colspan))
            if cell.bbox is not None:
                box: Box = space.box(tuple(cell.bbox))
                header = cell.tag == "th"
                cells.append(ReadCell(row, col, box, cell.rowspan, cell.colspan, header, cell.text or ""))
            col += cell.colspan
    if not cells:
        return None
    rows = max(cell.row + cell.row_span for cell in cells)
    cols = max(cell.col + cell.col_span for cell in cells)
    return ReadTable(union([cell.bbox for cell in cells]), rows, cols, tuple(cells))
