"""Finds out how far a page must be turned, by reading sample lines both ways."""

from collections.abc import Sequence

import numpy as np

from model_runtime.cpu_ocr.arrays import Quad
from model_runtime.cpu_ocr.recognise import Glyphs

TALL = 1.5
MOSTLY = 0.6
CERTAIN = 0.93  # upright lines that read this well need no second opinion
MARGIN = 0.05
LEGIBLE = 0.8  # an unknown script reads badly both ways; the lesser evil says nothing of its direction
LONG = 4
DENSITY = 0.25  # characters per line height of length; a CJK line holds about .8, a Latin one 1.5


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


def certainty(glyphs: Glyphs) -> float:
    """Mean score of the characters of a line."""
    return float(np.mean([glyph.score for glyph in glyphs])) if glyphs else 0.0


def dense(text: str, length: float, height: float) -> bool:
    """False where far fewer characters were read than the line has room for: a lone dot for a whole line."""
    return length < LONG * height or len(text) >= DENSITY * length / height


def plausibility(glyphs: Glyphs, length: float, height: float) -> float:
    """Certainty, or nothing for a line that was hardly read at all."""
    return certainty(glyphs) if dense("".join(g.char for g in glyphs), length, height) else 0.0


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
