"""Tells pages of plain running text from pages whose arrangement carries meaning."""

from pipeline.tables.rows import rows, stretches
from schemas.page import BlockKind
from schemas.reading import PageReading

_FEW_LINES = 3


def looks_arranged(reading: PageReading) -> bool:
    """Whether columns, tables, rules or pictures make it worth asking the layout model."""
    if not reading.lines:
        return False
    if len(reading.rules) >= 2 or any(region.kind is BlockKind.FIGURE for region in reading.regions):
        return True
    if reading.content_rotation:
        return True
    return looks_columned(reading)


def looks_columned(reading: PageReading) -> bool:
    """Several rows that fall into more than one stretch of words."""
    split = sum(len(row) > 1 for row in rows(stretches(reading.lines)))
    return split >= _FEW_LINES
