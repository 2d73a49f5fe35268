"""Table structure by neighbour relations, as in the ICDAR-2013 competition, and tables found where none is.

Every non-empty cell is related to its nearest non-empty neighbour to the right and below; cells that span
rows or columns have one on each line they cover. Relations are compared page by page as multisets of (text,
neighbour's text, direction) over all tables of the page, so that splitting or merging tables costs only the
relations it breaks.
"""

import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from schemas.geometry import Box, area, intersection
from schemas.table import Table
from tests.bench.grid import Grid, GridCell
from tests.bench.text_score import fold

Relation = tuple[str, str, str]
_SAME_PLACE = 0.5


@dataclass(frozen=True, slots=True)
class TrueRegion:
    """Where a table stands, in points with the origin at the bottom left, as PDF has it."""

    page: int
    bbox: Box

    def from_top(self, page_height: float) -> Box:
        x0, y0, x1, y1 = self.bbox
        return (x0, page_height - y1, x1, page_height - y0)


def _content(text: str) -> str:
    """A cell's text as it is compared: without white space and typography, case folded."""
    folded = fold(unicodedata.normalize("NFKC", text)).casefold()
    return "".join(c for c in folded if c.isalnum() or c in "+-%.,")


def _steps(cell: GridCell, grid: Grid, rows: int, cols: int, limit: int) -> Iterable[GridCell]:
    """The nearest non-empty cell to one side on each line that the cell covers."""
    lines = range(cell.col, cell.col + cell.col_span) if rows else range(cell.row, cell.row + cell.row_span)
    begin = cell.row + cell.row_span if rows else cell.col + cell.col_span
    for line in lines:
        for place in range(begin, limit):
            other = grid.slots.get((place, line) if rows else (line, place))
            if other is not None and _content(other.text):
                yield other
                break


def relations(grid: Grid) -> Counter[Relation]:
    """Each pair of neighbours once, however many lines they share."""
    rows = max((cell.row + cell.row_span for cell in grid.cells), default=0)
    cols = max((cell.col + cell.col_span for cell in grid.cells), default=0)
    pairs: set[tuple[int, int, str]] = set()
    for cell in grid.cells:
        if not _content(cell.text):
            continue
        pairs |= {(id(cell), id(other), "right") for other in _steps(cell, grid, 0, 1, cols)}
        pairs |= {(id(cell), id(other), "below") for other in _steps(cell, grid, 1, 0, rows)}
    texts = {id(cell): _content(cell.text) for cell in grid.cells}
    return Counter((texts[a], texts[b], direction) for a, b, direction in pairs)


def true_grids(structure: Path) -> list[tuple[int, Grid]]:
    """The tables of an ICDAR-2013 `-str.xml`: page and grid of each region."""
    grids = []
    for region in ET.parse(structure).getroot().iter("region"):
        grid = Grid()
        for cell in region.iter("cell"):
            place = {
                name: int(cell.get(name, -1)) for name in ("start-row", "end-row", "start-col", "end-col")
            }
            row, col = place["start-row"], place["start-col"]
            row_span = max(place["end-row"] - row, 0) + 1
            col_span = max(place["end-col"] - col, 0) + 1
            grid.add(GridCell(row, col, cell.findtext("content") or "", row_span, col_span))
        grids.append((int(region.get("page", 1)), grid))
    return grids


def true_regions(regions: Path) -> list[TrueRegion]:
    """The places of the tables in an ICDAR-2013 `-reg.xml`."""
    found = []
    for region in ET.parse(regions).getroot().iter("region"):
        box = region.find("bounding-box")
        if box is not None:
            x1, y1, x2, y2 = (float(box.get(name, 0)) for name in ("x1", "y1", "x2", "y2"))
            bbox = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
            found.append(TrueRegion(int(region.get("page", 1)), bbox))
    return found


def found_grids(tables: Iterable[Table]) -> list[tuple[int, Grid]]:
    """The tables of a result, cut where they run over to another page."""
    grids = []
    for table in tables:
        pages: defaultdict[int, Grid] = defaultdict(Grid)
        for cell in table.cells:
            pages[cell.page].add(GridCell(cell.row, cell.col, cell.text, cell.row_span, cell.col_span))
        grids += list(pages.items())
    return grids


def compare(true: list[tuple[int, Grid]], found: list[tuple[int, Grid]]) -> tuple[int, int, int]:
    """Relations right, true and found, summed over the pages of one document."""
    by_page: defaultdict[int, tuple[Counter[Relation], Counter[Relation]]]
    by_page = defaultdict(lambda: (Counter(), Counter()))
    for side, grids in enumerate((true, found)):
        for page, grid in grids:
            by_page[page][side].update(relations(grid))
    right = sum((a & b).total() for a, b in by_page.values())
    return right, sum(a.total() for a, _ in by_page.values()), sum(b.total() for _, b in by_page.values())


def false_tables(tables: Iterable[Table], true: list[TrueRegion], page_heights: dict[int, float]) -> int:
    """Tables no part of which shares half of itself, or half of a true table, with a true table."""

    def same_place(page: int, bbox: Box) -> bool:
        for region in true:
            place = region.from_top(page_heights.get(page, 0.0))
            shared = intersection(bbox, place) if region.page == page else 0.0
            if shared >= _SAME_PLACE * min(area(bbox), area(place)) > 0:
                return True
        return False

    return sum(
        not any(part.bbox is not None and same_place(part.page, part.bbox) for part in table.parts)
        for table in tables
    )
