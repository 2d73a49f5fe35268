"""Looks for barcodes on a page: on all of it, or where it may have drawn some."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.barcodes import distinct, read
from pipeline.orders import Code
from pipeline.raster import Page
from schemas.geometry import Box
from schemas.page import Unit

_SCALE = 300 / 72
"""Pixels per point that places are drawn at: the smallest codes have modules of a quarter of a millimetre."""

_PIXELS = 4_000_000
"""Of one picture: an A4 page at 200 dpi. The time of a search grows with its pixels."""

_MOST_PIXELS = 8_000_000  # of a page, all places together
_MARGIN = 6.0  # points around a place: codes need white around them


def search(page: Page, places: Sequence[Box] | None) -> tuple[Code, ...]:
    """``places`` None: anywhere. Codes with their boxes in the page's unit."""
    whole = (0.0, 0.0, page.geometry.width, page.geometry.height)
    left = _MOST_PIXELS
    found: list[Code] = []
    for place in [whole] if places is None else places:
        box = _around(place, whole)
        scale = _scale(page, box)
        width, height = round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale)
        left -= width * height
        if left < 0:
            break
        if min(width, height) >= 1:
            grey = np.asarray(page.part(box, width, height).convert("L"))
            found += [code.moved(1 / scale, box[0], box[1]) for code in read(grey)]
    return distinct(found)


def _around(place: Box, whole: Box) -> Box:
    x0, y0, x1, y1 = place
    return (
        max(whole[0], x0 - _MARGIN),
        max(whole[1], y0 - _MARGIN),
        min(whole[2], x1 + _MARGIN),
        min(whole[3], y1 + _MARGIN),
    )


def _scale(page: Page, box: Box) -> float:
    most = 1.0 if page.geometry.unit is Unit.PIXEL else _SCALE
    size = max(1.0, (box[2] - box[0]) * (box[3] - box[1]))
    return min(most, math.sqrt(_PIXELS / size))
