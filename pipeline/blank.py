"""Recognise blank pages, conservatively: a page with a single small word is not blank."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ink import Grey, ink, paper

_LEAST_DPI = 60.0
"""Coarser pictures may have swallowed small print: then only perfect uniformity counts."""

_LEAST_SIDE_IN = 3.0
"""On snippets smaller than this everything is near an edge: again only uniformity counts."""

_UNIFORM = 2
_SHADE = 70
"""Lighting and yellowed edges vary the paper by less; beyond it lies a picture without edges."""

_MARGIN_IN = 1.0
_EDGE_IN = 0.2
_DUST_IN = (0.06, 0.035)
"""Longer and shorter side of what may be dust; two letters of the smallest print are larger."""

_HOLE_IN = (0.12, 0.45)
_HOLE_FILL = 0.6
_MOST_DUST = 40
_LETTER_GAP_IN = 0.05


def is_blank(grey: Grey, dpi: float) -> bool:
    """True when nothing but paper, dust, punch holes and the scanner's edges is to be seen.

    ``dpi``: resolution of the picture, estimated where the page does not state one.
    """
    if int(grey.max()) - int(grey.min()) <= _UNIFORM:
        return True
    if dpi < _LEAST_DPI or min(grey.shape) < _LEAST_SIDE_IN * dpi:
        return False
    light = paper(grey)[:: max(1, round(dpi / 10)), :: max(1, round(dpi / 10))]
    if float(np.percentile(light, 98)) - float(np.percentile(light, 2)) > _SHADE:
        return False
    marks = _marks(ink(grey), dpi)
    if len(marks) > _MOST_DUST * 10:
        return False
    rest = [mark for mark in marks if not _is_scanner_trace(mark, grey.shape, dpi)]
    return len(rest) <= _MOST_DUST and all(_is_dust(mark, dpi) for mark in rest)


def _marks(mask: NDArray[np.uint8], dpi: float) -> list[tuple[int, int, int, int, int]]:
    """Connected marks as x, y, width, height, area; letters of a word count as one, whatever their size."""
    gap = max(3, round(_LETTER_GAP_IN * dpi) | 1)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    return [(int(x), int(y), int(w), int(h), int(area)) for x, y, w, h, area in stats[1:]]


def _is_dust(mark: tuple[int, int, int, int, int], dpi: float) -> bool:
    shorter, longer = sorted(mark[2:4])
    return longer <= _DUST_IN[0] * dpi and shorter <= _DUST_IN[1] * dpi


def _is_scanner_trace(mark: tuple[int, int, int, int, int], shape: tuple[int, ...], dpi: float) -> bool:
    """A shadow or dark rim along an edge of the page, or a punch hole in its margin."""
    x, y, w, h, area = mark
    height, width = shape[:2]
    edge = _EDGE_IN * dpi
    touches = x <= 1 or y <= 1 or x + w >= width - 1 or y + h >= height - 1
    rim = x + w <= edge or y + h <= edge or x >= width - edge or y >= height - edge
    if touches and rim:
        return True
    margin = _MARGIN_IN * dpi
    in_margin = x + w <= margin or y + h <= margin or x >= width - margin or y >= height - margin
    low, high = _HOLE_IN[0] * dpi, _HOLE_IN[1] * dpi
    round_mark = low <= w <= high and low <= h <= high and 0.75 <= w / h <= 1.33
    return in_margin and round_mark and area >= _HOLE_FILL * w * h
