"""Turns a sideways or skewed reading upright, and the tables found on it back."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from schemas.geometry import Box
from schemas.reading import PageReading, ReadTable

_STRAIGHT = 0.2
"""Degrees: below, the ends of a line lie less than a third of its height apart."""

Turn = Callable[[Box], Box]


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


def straightened(box: Box, slope: float) -> Box:
    """A box of a page whose lines climb by ``slope``, where it would stand on a straight one.

    A slanting rule has a box as high as it climbs; that height is taken off.
    """
    x0, y0, x1, y1 = box
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    wide = _less(x1 - x0, abs(slope) * (y1 - y0))
    high = _less(y1 - y0, abs(slope) * (x1 - x0))
    x, y = middle_x - slope * middle_y, middle_y + slope * middle_x
    return (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)


def _less(length: float, slant: float) -> float:
    return max(min(length, 1.0), length - slant)


def lies(reading: PageReading) -> bool:
    """Whether the page is not held as it is read."""
    return reading.content_rotation != 0 or bool(_slope(reading))


def upright(reading: PageReading) -> PageReading:
    """The page as it is held to be read."""
    degrees, slope = reading.content_rotation, _slope(reading)
    width, height = reading.width, reading.height
    if degrees in (90, 270):
        width, height = height, width

    def turn(box: Box) -> Box:
        box = turned(box, degrees, width, height)
        return straightened(box, slope) if slope else box

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
        skew=None,
        lines=lines,
        regions=tuple(replace(region, bbox=turn(region.bbox)) for region in reading.regions),
        rules=tuple(replace(rule, bbox=turn(rule.bbox)) for rule in reading.rules),
        tables=tuple(_table(table, turn) for table in reading.tables),
    )


def back(tables: Iterable[ReadTable], reading: PageReading) -> tuple[ReadTable, ...]:
    """Tables found on the upright page as they lie on ``reading``."""
    degrees, slope = (360 - reading.content_rotation) % 360, _slope(reading)

    def turn(box: Box) -> Box:
        if slope:  # moved, not stretched: cells keep their size
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            dx, dy = slope * y, -slope * x
            box = (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)
        return turned(box, degrees, reading.width, reading.height)

    return tuple(_table(table, turn) for table in tables)


def _slope(reading: PageReading) -> float:
    skew = reading.skew or 0.0
    return math.tan(math.radians(skew)) if _STRAIGHT <= abs(skew) <= 15 else 0.0


def _table(table: ReadTable, turn: Turn) -> ReadTable:
    cells = tuple(replace(cell, bbox=turn(cell.bbox)) for cell in table.cells)
    return replace(table, bbox=turn(table.bbox), cells=cells)
