"""Sets tables on PDF pages by code: ruled, open at the sides, with lines between rows only, or bare."""

from dataclasses import dataclass, field
from enum import StrEnum

import pymupdf

_LEADING = 1.25


class Style(StrEnum):
    GRID = "grid"
    OPEN = "open"  # no outer left and right rule
    LINES = "lines"  # rules above and below the header and at the end
    BARE = "bare"


@dataclass(frozen=True)
class Printed:
    """A table to print. Cells may span columns; texts hold the lines a cell is wrapped into."""

    rows: list[list[tuple[str, int]]]
    """(text, columns spanned) per cell."""

    widths: list[float]
    style: Style
    size: float = 9.0
    right_aligned: set[int] = field(default_factory=set)

    @property
    def cells(self) -> list[tuple[int, int, int, str]]:
        """(row, column, columns spanned, text)"""
        found = []
        for row, cells in enumerate(self.rows):
            col = 0
            for text, span in cells:
                found.append((row, col, span, text.replace("\n", " ")))
                col += span
        return found


def print_table(page: pymupdf.Page, table: Printed, left: float, top: float) -> pymupdf.Rect:
    """Print it and return where it stands."""
    pad = 3.0
    y, edges = top, [top]
    shape = page.new_shape()
    for cells in table.rows:
        high = max(len(text.split("\n")) for text, _ in cells) * table.size * _LEADING + 2 * pad
        col, x = 0, left
        for text, span in cells:
            width = sum(table.widths[col : col + span])
            align = "middle" if span > 1 else "right" if col in table.right_aligned else "left"
            _print_cell(page, text, table.size, (x + pad, y + pad, x + width - pad), align)
            if table.style is Style.GRID or (table.style is Style.OPEN and col > 0):
                shape.draw_line((x, y), (x, y + high))
            col, x = col + span, x + width
        if table.style is Style.GRID:
            shape.draw_line((x, y), (x, y + high))
        y += high
        edges.append(y)
    right = left + sum(table.widths)
    drawn = {
        Style.GRID: edges,
        Style.OPEN: edges,
        Style.LINES: [edges[0], edges[1], edges[-1]],
        Style.BARE: [],
    }
    for at in drawn[table.style]:
        shape.draw_line((left, at), (right, at))
    shape.finish(width=0.7)
    shape.commit()
    return pymupdf.Rect(left, top, right, y)


def _print_cell(
    page: pymupdf.Page, text: str, size: float, at: tuple[float, float, float], align: str
) -> None:
    x0, y, x1 = at
    for line in text.split("\n"):
        wide = pymupdf.get_text_length(line, fontname="helv", fontsize=size)
        x = {"left": x0, "middle": (x0 + x1 - wide) / 2, "right": x1 - wide}[align]
        page.insert_text((x, y + size), line, fontname="helv", fontsize=size)
        y += size * _LEADING


def new_page(width: float = 595, height: float = 842) -> tuple[pymupdf.Document, pymupdf.Page]:
    document = pymupdf.open()
    return document, document.new_page(width=width, height=height)
