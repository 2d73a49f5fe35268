"""Turns a reading whose text runs sideways upright, and the tables found on it back."""

from collections.abc import Iterable
from dataclasses import replace

from schemas.geometry import Box
from schemas.reading import PageReading, ReadTable


def turned(box: Box, degrees: int, width: float, height: float) -> Box:
    """A box after its page was turned clockwise; ``width`` and ``height`` are the page's afterwards."""
    x0, y0, x1, y1 = box
    if degrees == 90:
        x0, y0, x1, y1 = width - y1, x0, width - y0, x1
    elif degrees == 180:
        x0, y0, x1, y1 = width - x1, height - y1, width - x0, height - y0
    elif degrees == 270:
        x0, y0, x1, y1 = y0, height - x1, y1, height - x0
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def upright(reading: PageReading) -> PageReading:
    """The page as it is held to be read."""
    degrees = reading.content_rotation
    if not degrees:
        return reading
    width, height = reading.width, reading.height
    if degrees in (90, 270):
        width, height = height, width

    def turn(box: Box) -> Box:
        return turned(box, degrees, width, height)

    lines = tuple(
        replace(
            line,
            bbox=turn(line.bbox),
            words=tuple(replace(word, bbox=turn(word.bbox)) for word in line.words),
        )
        for line in reading.lines
    )
    return replace(
        reading,
        width=width,
        height=height,
        content_rotation=0,
        lines=lines,
        regions=tuple(replace(region, bbox=turn(region.bbox)) for region in reading.regions),
        rules=tuple(replace(rule, bbox=turn(rule.bbox)) for rule in reading.rules),
        tables=tuple(_table(table, degrees, width, height) for table in reading.tables),
    )


def back(tables: Iterable[ReadTable], reading: PageReading) -> tuple[ReadTable, ...]:
    """Tables found on the upright page as they lie on ``reading``."""
    degrees = (360 - reading.content_rotation) % 360
    if not degrees:
        return tuple(tables)
    return tuple(_table(table, degrees, reading.width, reading.height) for table in tables)


def _table(table: ReadTable, degrees: int, width: float, height: float) -> ReadTable:
    cells = tuple(replace(cell, bbox=turned(cell.bbox, degrees, width, height)) for cell in table.cells)
    return replace(table, bbox=turned(table.bbox, degrees, width, height), cells=cells)
