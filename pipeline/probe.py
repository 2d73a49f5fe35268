"""Estimate the height of the smallest lower-case letters on a picture of a page, cheaply."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ink import Grey, ink

_LINE_HEIGHTS = (4, 90)
_LONGER_THAN_HIGH = 2.0
_PIECE = 6
"""Lines are measured in pieces so many times as long as high, which a skew of 2 degrees does not smear."""

_MOST_PIECES = 600
_CORE = 0.5
_FILL = (0.08, 0.75)
_SMALL_SHARE = 0.05
_LEAST_LETTERS = 10.0
_LETTER_ASPECT = 1.1
"""Average advance of a letter, in x-heights."""


def x_height(grey: Grey) -> float | None:
    """Height in pixels of this picture; None when it shows nothing like lines of text.

    Words are blobs much longer than high; in each, the rows between base line and mean line hold most ink,
    and their number is the x-height (of capitals, digits and ideographs: their full height). The result is
    the height that the smallest 5 % of the letters do not exceed.
    """
    pieces = _pieces(ink(grey))
    if not pieces:
        return None
    heights = np.array([height for height, _ in pieces])
    letters = np.array([width / (height * _LETTER_ASPECT) for height, width in pieces])
    if letters.sum() < _LEAST_LETTERS:
        return None
    order = np.argsort(heights)
    reached = np.cumsum(letters[order])
    enough = max(_LEAST_LETTERS, _SMALL_SHARE * reached[-1])
    return float(heights[order][int(np.searchsorted(reached, min(enough, reached[-1])))])


def _pieces(mask: NDArray[np.uint8]) -> list[tuple[float, float]]:
    """(x-height, width) of pieces of words."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    low, high = _LINE_HEIGHTS
    found: list[tuple[float, float]] = []
    wide = (stats[:, 2] >= _LONGER_THAN_HIGH * stats[:, 3]) & (stats[:, 3] >= low) & (stats[:, 3] <= high)
    chosen = np.flatnonzero(wide)
    step = max(1, len(chosen) // _MOST_PIECES)
    for label in chosen[::step]:
        if label == 0:
            continue
        x, y, w, h, _ = (int(value) for value in stats[label])
        word = mask[y : y + h, x : x + w] & (labels[y : y + h, x : x + w] == label)
        for left in range(0, w, _PIECE * h):
            piece = word[:, left : left + _PIECE * h]
            height = _core(piece)
            if height is not None:
                found.append((height, float(piece.shape[1])))
    return found


def _core(piece: NDArray[np.uint8]) -> float | None:
    """Rows of the x-height zone, with fractions of a row where the ink fades out."""
    height, width = piece.shape
    if width < height:
        return None
    profile = piece.sum(axis=1, dtype=np.float64)
    if not _FILL[0] <= profile.sum() / (height * width) <= _FILL[1]:
        return None  # a rule, a bar, a photograph
    level = _CORE * float(np.sort(profile)[-max(1, height // 4) :].mean())
    inside = np.flatnonzero(profile >= level)
    core = float(inside[-1] - inside[0] + 1)
    return core if core >= 2 else None
