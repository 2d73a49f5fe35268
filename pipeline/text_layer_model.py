"""Asks the layout and table models that come with PyMuPDF for the regions and table grids of a page."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pymupdf

from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box, scaled, union
from schemas.page import BlockKind
from schemas.reading import ReadCell, ReadTable, Region

_MOST_PIXELS = 4_000_000
_LEAST_SIDE = 40.0  # points: smaller pages hold a stamp or a label, no layout

_FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    pymupdf.mupdf.FzErrorBase,
)
"""What the wheel's Python and ONNX code was seen to raise, or may, on damaged and empty pages."""

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


@dataclass(frozen=True, slots=True)
class Layout:
    """Regions in the models' reading order, and tables with their cells."""

    regions: tuple[Region, ...] = ()
    tables: tuple[ReadTable, ...] = ()

    def placed(self, space: PageSpace, factor: float) -> "Layout":
        """Turned into ``space`` and then enlarged."""

        def place(box: Box) -> Box:
            return scaled(space.box(box), factor, factor)

        return Layout(
            tuple(replace(region, bbox=place(region.bbox)) for region in self.regions),
            tuple(
                replace(
                    table,
                    bbox=place(table.bbox),
                    cells=tuple(replace(cell, bbox=place(cell.bbox)) for cell in table.cells),
                )
                for table in self.tables
            ),
        )


def read_layout(page: pymupdf.Page, content_rotation: int = 0) -> Layout:
    """What the models see; nothing where they fail, since a page can be read without them.

    They take what they are shown for upright: a page with /Rotate or sideways text is shown to them turned.
    They draw it at one pixel per point: a page of metres is shown to them reduced.
    """
    space = PageSpace.of(page)
    if min(space.width, space.height) < _LEAST_SIDE:
        return Layout()
    turn = (page.rotation + content_rotation) % 360
    factor = min(1.0, math.sqrt(_MOST_PIXELS / (space.width * space.height)))
    try:
        if page.rotation == 0 and content_rotation == 0 and factor == 1:
            return _ask(page)
        with _copy(page, turn, factor) as copy:
            shown = PageSpace(space.width * factor, space.height * factor, (360 - content_rotation) % 360)
            return _ask(copy).placed(shown, 1 / factor)
    except _FAILURES:
        return Layout()


@contextmanager
def _copy(page: pymupdf.Page, turn: int, factor: float) -> Iterator[pymupdf.Page]:
    """The page alone, turned clockwise by ``turn`` from its unrotated state, and reduced."""
    with pymupdf.open() as scratch:
        if factor == 1:
            scratch.insert_pdf(page.parent, from_page=page.number, to_page=page.number, links=False)
            copy = scratch[0]
            copy.set_rotation(turn)
            copy.remove_rotation()
            yield scratch.reload_page(copy)
            return
        wide, high = page.rect.width * factor, page.rect.height * factor
        if (turn - page.rotation) % 180:
            wide, high = high, wide
        copy = scratch.new_page(width=wide, height=high)
        copy.show_pdf_page(copy.rect, page.parent, page.number, rotate=-turn)
        yield copy


def _ask(page: pymupdf.Page) -> Layout:
    groups = page.get_layout(return_raw=True)
    groups = groups if groups is not None else page.layout_information
    regions = tuple(
        Region(_KINDS.get(group["class_name"], BlockKind.OTHER), _box(group["group_bbox"]))
        for group in groups or ()
    )
    if not any(region.kind is BlockKind.TABLE for region in regions):
        return Layout(regions)  # half the time saved; ruled tables that the model missed are found by us
    found = page.find_tables(union=True, refine=True)
    tables = [_table(table) for table in (found.tables if found is not None else ())]
    return Layout(regions, tuple(table for table in tables if table is not None))


def _box(box: Sequence[float]) -> Box:
    return (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def _table(table: Any) -> ReadTable | None:
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
                box = _box(cell.bbox)
                header = cell.tag == "th"
                cells.append(ReadCell(row, col, box, cell.rowspan, cell.colspan, header))
            col += cell.colspan
    if not cells:
        return None
    rows = max(cell.row + cell.row_span for cell in cells)
    cols = max(cell.col + cell.col_span for cell in cells)
    return ReadTable(union([cell.bbox for cell in cells]), rows, cols, tuple(cells))
