"""Boxes: `(x0, y0, x1, y1)`, origin top left, x to the right, y down, in the unit their owner says."""

from typing import Annotated

from pydantic import AfterValidator

Box = tuple[float, float, float, float]


def _rounded(box: Box) -> Box:
    x0, y0, x1, y1 = box
    return (round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))


PublicBox = Annotated[tuple[float, float, float, float], AfterValidator(_rounded)]
"""A box as it leaves the house: two decimals, hundredths of a point or pixel."""


def union(boxes: "list[Box] | tuple[Box, ...]") -> Box:
    """The smallest box around all of at least one box."""
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


def area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def intersection(a: Box, b: Box) -> float:
    """Area that two boxes share, 0 when they do not touch."""
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    shared = intersection(a, b)
    total = area(a) + area(b) - shared
    return shared / total if total > 0 else 0.0


def scaled(box: Box, sx: float, sy: float) -> Box:
    return (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy)
