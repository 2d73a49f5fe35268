"""Tells pages of plain running text from pages whose arrangement carries meaning."""

from pipeline.tables.find import closed_tables
from pipeline.tables.rows import rows, stretches
from schemas.geometry import Box, area
from schemas.page import BlockKind
from schemas.reading import PageReading, Region

_FEW_LINES = 3
_PICTURE = 0.05  # of the page: smaller ones are logos


def looks_arranged(reading: PageReading) -> bool:
    """Whether columns, open tables or pictures make it worth asking the layout model.

    What closed rules explain needs no model: their tables are found without.
    """
    if not reading.lines:
        return False
    if reading.content_rotation or any(_large_picture(region, reading) for region in reading.regions):
        return True
    closed = [table.bbox for table in closed_tables(reading)]
    outside = [line for line in reading.lines if not any(_middle_in(line.bbox, box) for box in closed)]
    return sum(len(row) > 1 for row in rows(stretches(outside))) >= _FEW_LINES


def _large_picture(region: Region, reading: PageReading) -> bool:
    return region.kind is BlockKind.FIGURE and area(region.bbox) >= _PICTURE * reading.width * reading.height


def _middle_in(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
