"""Finds what looks like words on a picture, without reading them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ink import Grey, strokes
from schemas.geometry import Box

_LOW, _HIGH = 5, 48
"""Heights of words in pixels, on a picture at about 100 dpi."""

_LONG = 1.6
_FILL = (0.2, 0.8)
_NEAR = 1.6
"""Words of a line stand this many heights apart at most, and differ in height no more than by this factor."""


def wordlike(grey: Grey, known: Sequence[Box] = ()) -> list[Box]:
    """Boxes of shapes as high, long and filled as words that stand in rows; ``known`` words left out."""
    mask = strokes(grey)
    for x0, y0, x1, y1 in known:
        mask[max(0, int(y0)) : int(y1) + 1, max(0, int(x0)) : int(x1) + 1] = 0
    found = _blobs(mask)
    return [box for box in found if any(_neighbours(box, other) for other in found if other is not box)]


def _blobs(mask: NDArray[np.uint8]) -> list[Box]:
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    out: list[Box] = []
    for index in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[index])
        if _LOW <= h <= _HIGH and w >= _LONG * h and _FILL[0] <= area / (w * h) <= _FILL[1]:
            out.append((float(x), float(y), float(x + w), float(y + h)))
    return out


def _neighbours(a: Box, b: Box) -> bool:
    """On one line, near each other and of like height."""
    high_a, high_b = a[3] - a[1], b[3] - b[1]
    shared = min(a[3], b[3]) - max(a[1], b[1])
    gap = max(a[0], b[0]) - min(a[2], b[2])
    return (
        shared > 0.6 * min(high_a, high_b)
        and max(high_a, high_b) <= _NEAR * min(high_a, high_b)
        and 0 < gap <= _NEAR * max(high_a, high_b)
    )
