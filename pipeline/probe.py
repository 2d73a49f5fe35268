"""Estimate the height of the smallest lower-case letters on a picture of a page, cheaply."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ink import Grey, strokes

_GAPS = (5, 13, 33)
"""Gaps between letters that are closed to make words of them, each for letters about so high and higher."""

_REACH = 2.6
"""A gap serves letters from about its own size up to the next gap's."""

_LONGER_THAN_HIGH = 2.0
_PIECE = 6
"""Lines are measured in pieces so many times as long as high, which a skew of 2 degrees does not smear."""

_MOST_PIECES = 500
_LEAST_HEIGHT = 3.0
_CORE = 0.5
_FILL = (0.08, 0.75)
_STEMS = 0.5
"""Letters show at least this many strokes per x-height of width; rules, bars and dashes show none."""

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
    mask = strokes(grey)
    # A page may lie on its side: the direction in which more letters line up is that of the text.
    across, down = _letters(mask), _letters(np.ascontiguousarray(mask.T))
    heights, letters = max(across, down, key=lambda found: float(found[1].sum()))
    if letters.sum() < _LEAST_LETTERS:
        return None
    order = np.argsort(heights)
    reached = np.cumsum(letters[order])
    enough = max(_LEAST_LETTERS, _SMALL_SHARE * float(reached[-1]))
    return float(heights[order][int(np.searchsorted(reached, min(enough, float(reached[-1]))))])


def _letters(mask: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x-heights of pieces of words, and how many letters each is likely to hold."""
    pieces = [piece for gap in _GAPS for piece in _pieces(mask, gap)]
    heights = np.array([height for height, _ in pieces])
    widths = np.array([width for _, width in pieces])
    return heights, widths / (heights * _LETTER_ASPECT)


def _pieces(mask: NDArray[np.uint8], gap: int) -> list[tuple[float, float]]:
    """(x-height, width) of pieces of words whose letters are of the size that ``gap`` is made for."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    low, high = (_LEAST_HEIGHT if gap == _GAPS[0] else float(gap)), gap * _REACH
    wide = (stats[:, 2] >= _LONGER_THAN_HIGH * stats[:, 3]) & (stats[:, 3] >= low) & (stats[:, 3] <= 3 * high)
    chosen = np.flatnonzero(wide)
    found: list[tuple[float, float]] = []
    for label in chosen[:: max(1, len(chosen) // _MOST_PIECES)]:
        x, y, w, h, _ = (int(value) for value in stats[label])
        if label == 0:
            continue
        word = mask[y : y + h, x : x + w] & (labels[y : y + h, x : x + w] == label)
        for left in range(0, w, _PIECE * h):
            piece = word[:, left : left + _PIECE * h]
            height = _core(piece)
            if height is not None and low <= height <= high:
                found.append((height, float(piece.shape[1])))
    return found


def _core(piece: NDArray[np.uint8]) -> float | None:
    """Rows of the x-height zone; None for what does not look like letters."""
    height, width = piece.shape
    profile = piece.sum(axis=1, dtype=np.float64)
    if width < height or not _FILL[0] <= profile.sum() / (height * width) <= _FILL[1]:
        return None  # a rule, a bar, a photograph
    level = _CORE * float(np.sort(profile)[-max(1, height // 4) :].mean())
    inside = np.flatnonzero(profile >= level)
    core = piece[inside[0] : inside[-1] + 1]
    stems = float(np.median((np.diff(core, axis=1) == 1).sum(axis=1)))
    if stems < max(2.0, _STEMS * width / len(core)):
        return None
    return float(len(core))
