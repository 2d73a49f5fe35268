"""Recognise blank pages, conservatively: a page with a single small word is not blank."""

import cv2
import numpy as np

from pipeline.ink import Grey, ink, paper, positive

Mark = tuple[int, int, int, int]
"""x, y, width, height"""

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

_HOLE_IN = (0.15, 0.45)
_HOLE_FILL = 0.65
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
    light = paper(positive(grey))[:: max(1, round(dpi / 10)), :: max(1, round(dpi / 10))]
    if float(np.percentile(light, 98)) - float(np.percentile(light, 2)) > _SHADE:
        return False
    rest = _marks(ink(grey), dpi)
    return len(rest) <= _MOST_DUST and all(_is_dust(mark, dpi) for mark in rest)


def _marks(mask: Grey, dpi: float) -> list[Mark]:
    """What stands on the page apart from scanner's traces; letters of a word count as one mark."""
    height, width = mask.shape
    gap = max(3, round(_LETTER_GAP_IN * dpi) | 1)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    edge = max(1, round(_EDGE_IN * dpi))
    inner = np.zeros(len(stats), bool)
    inner[np.unique(labels[edge : height - edge, edge : width - edge])] = True
    marks = []
    for label in range(1, len(stats)):
        x, y, w, h = (int(value) for value in stats[label][:4])
        rim = x <= 1 or y <= 1 or x + w >= width - 1 or y + h >= height - 1
        if rim and not inner[label]:
            continue  # a shadow or dark seam along the edge of the page
        if not _is_hole((x, y, w, h), mask, dpi):
            marks.append((x, y, w, h))
    return marks


def _is_dust(mark: Mark, dpi: float) -> bool:
    shorter, longer = sorted(mark[2:])
    return longer <= _DUST_IN[0] * dpi and shorter <= _DUST_IN[1] * dpi


def _is_hole(mark: Mark, mask: Grey, dpi: float) -> bool:
    """A filled disc of the size of a punch hole in the margin: full in the middle, empty in the corners."""
    x, y, w, h = mark
    height, width = mask.shape
    margin = _MARGIN_IN * dpi
    if not (x + w <= margin or y + h <= margin or x >= width - margin or y >= height - margin):
        return False
    if not (
        _HOLE_IN[0] * dpi <= min(w, h) and max(w, h) <= _HOLE_IN[1] * dpi and max(w, h) <= 1.25 * min(w, h)
    ):
        return False
    disc = mask[y : y + h, x : x + w]
    middle = disc[h // 4 : h - h // 4, w // 4 : w - w // 4]
    corner = disc[: h // 8, : w // 8]
    return bool(middle.all() and not corner.any() and disc.mean() >= _HOLE_FILL)
