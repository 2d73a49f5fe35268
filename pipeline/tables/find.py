"""Finds the tables of a page: those its reader reports, and what rules and gaps show beside them."""

from pipeline.tables.gaps import gap_tables
from pipeline.tables.ruled import ruled_tables
from schemas.geometry import area, intersection
from schemas.reading import PageReading, ReadTable


def find_tables(reading: PageReading) -> tuple[ReadTable, ...]:
    """Tables from top to bottom. A reader's own come first; ours only where it saw none."""
    found = [table for table in reading.tables if _is_table(table)]
    for candidate in ruled_tables(reading):
        if not any(_overlap(candidate, table) for table in found):
            found.append(candidate)
    if not reading.tables:
        for candidate in gap_tables(reading):
            if not any(_overlap(candidate, table) for table in found):
                found.append(candidate)
    return tuple(sorted(found, key=lambda table: (table.bbox[1], table.bbox[0])))


def _is_table(table: ReadTable) -> bool:
    return table.rows >= 2 and table.cols >= 2


def _overlap(a: ReadTable, b: ReadTable) -> bool:
    return intersection(a.bbox, b.bbox) > 0.1 * min(area(a.bbox), area(b.bbox))
