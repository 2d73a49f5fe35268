"""Finds out how far a page must be turned, by reading sample lines both ways."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from model_runtime.cpu_ocr.arrays import Pixels, Quad, Turn
from model_runtime.cpu_ocr.recognise import Glyphs, read_lines

TALL = 1.5
MOSTLY = 0.6
CERTAIN = 0.93  # upright lines that read this well need no second opinion
MARGIN = 0.05


def size(quad: Quad) -> tuple[float, float]:
    """Length along the reading direction, and height."""
    return float(np.hypot(*(quad[1] - quad[0]))), float(np.hypot(*(quad[3] - quad[0])))


def tall(quad: Quad) -> bool:
    length, height = size(quad)
    return height > TALL * length


def lying(quads: Sequence[Quad]) -> bool:
    """True when most of the text runs up or down the page."""
    total = sum(max(size(q)) for q in quads)
    return total > 0 and sum(max(size(q)) for q in quads if tall(q)) > MOSTLY * total


def reading(glyphs: Glyphs) -> float:
    """How well a line was read."""
    return float(np.mean([glyph.score for glyph in glyphs])) if glyphs else 0.0


def sample_score(crops: Sequence[Pixels], turn: Turn, threads: int = 1) -> float:
    """Median score of sample lines when turned clockwise."""
    turned = [np.ascontiguousarray(np.rot90(crop, k=-turn // 90)) for crop in crops]
    return median(reading(glyphs) for glyphs in read_lines(turned, threads)) if turned else 0.0


def skew(quads: Sequence[Quad]) -> float | None:
    """Degrees the lines climb, from long lines only; None without any."""
    angles, weights = [], []
    for quad in quads:
        length, height = size(quad)
        if length > 5 * height:
            dx, dy = (quad[1] - quad[0] + quad[2] - quad[3]) / 2
            angles.append(-np.degrees(np.arctan2(dy, dx)))
            weights.append(length)
    if not angles:
        return None
    order = np.argsort(angles)
    total = np.cumsum(np.asarray(weights)[order])
    return round(float(np.asarray(angles)[order][np.searchsorted(total, total[-1] / 2)]), 2)
