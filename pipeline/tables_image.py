"""Finds printed rules in the picture of a page."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ink import Grey, strokes
from pipeline.tables.merge import merged
from schemas.geometry import Box, area, intersection
from schemas.reading import Rule

_SHORTEST = 0.025
"""Of the page's longer side: shorter strokes are letters, dashes and signatures."""

_SLENDER = 6.0
_THICKEST = 0.006
_TILT = 0.02
"""Rise over run that a scanned rule may have and still be found in one piece."""


def rules(grey: Grey, words: Sequence[Box] = ()) -> tuple[Rule, ...]:
    """Horizontal and vertical rules, in pixels of the picture; bits of one rule are joined.

    Long strokes within one of ``words`` are letters that touch, not rules.
    """
    mask = strokes(grey)
    longer = max(mask.shape)
    shortest = max(12, int(_SHORTEST * longer))
    thickest = max(3.0, _THICKEST * longer)
    flat = _runs(mask, shortest, thickest)
    tall = [(y0, x0, y1, x1) for x0, y0, x1, y1 in _runs(np.ascontiguousarray(mask.T), shortest, thickest)]
    gap, drift = shortest / 2, max(2.0, thickest / 2)
    drawn = [box for box in (*flat, *tall) if not _within_a_word(box, words)]
    return tuple(Rule(box) for box in merged(drawn, gap, drift))


def _within_a_word(box: Box, words: Sequence[Box]) -> bool:
    return any(
        w[0] < box[2]
        and box[0] < w[2]
        and w[1] < box[3]
        and box[1] < w[3]
        and intersection(box, w) > 0.7 * area(box)
        for w in words
    )


def _runs(mask: NDArray[np.uint8], shortest: int, thickest: float) -> list[Box]:
    """Long, thin, level pieces of ink."""
    # Closing first heals the breaks of thin rules in scans; opening then leaves only what is long.
    healed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, 3), np.uint8))
    long_ones = cv2.morphologyEx(healed, cv2.MORPH_OPEN, np.ones((1, shortest), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(long_ones, connectivity=8)
    found: list[Box] = []
    for index in range(1, count):
        x, y, width, height = (float(value) for value in stats[index][:4])
        filled = float(stats[index][4]) / width  # how thick it is, whatever it climbs
        level = height <= filled + _TILT * width + 2
        if filled <= thickest and width >= _SLENDER * filled and level:
            found.append((x, y, x + width, y + height))
    return found
