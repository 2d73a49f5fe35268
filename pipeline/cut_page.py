"""Decides how a page too large for one image is cut into parts: at white gutters, else with an overlap."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.budget import smart_resize
from pipeline.tiling import Cut, Tile, Tiling, tiles
from schemas.engine import PixelLimits
from schemas.geometry import Box

_OVERLAP_LETTERS = 12.0
"""Overlap of two parts, in heights of the letters that set the page's scale: about four lines."""

_MOST_OVERLAP = 0.2
_MOST_DEPTH = 16
_WHERE = ((0.3, 0.7), (0.02, 0.98))
"""Where, along a side, a page is cut: pieces of like size waste no pixels, but a headline must come off
before columns can be parted."""

_CROSSING = 0.4
"""How thick, in letter heights, what crosses a white strip may be: a rule or dust, but no word."""

_GUTTER_LETTERS = 1.2
"""A white strip narrower than this many letter heights is the space between two lines or words."""


_COLUMNS_APART = 0.5
"""Of what is printed on the narrower side, that the white between two columns of text is wide at most. Wider
white parts what belongs together: labels from their values, articles from their prices."""

_SLIVER_LETTERS = 8.0
"""A part narrower than this would hold a line number or a rule, and is no part of its own."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page to be cut. ``width`` x ``height``: the pixels its print needs; ``letter``: of its small letters.

    ``image``: the size of the page image, whose pixels boxes are given in; ``dark``: where ink is, a small
    picture of the page, or None where nothing is known and every cut needs its overlap.
    """

    width: float
    height: float
    letter: float
    image: tuple[float, float]
    dark: "NDArray[np.bool_] | None" = None


def plan(sheet: Sheet, limits: PixelLimits, most: int) -> Tiling | None:
    """The page in at most ``most`` parts, each within the engine's largest image; None when one holds it all.

    When ``most`` is too few for the size wanted, the size is what gives way.
    """
    shrink = 1.0
    while True:
        smaller = Sheet(
            sheet.width * shrink, sheet.height * shrink, sheet.letter * shrink, sheet.image, sheet.dark
        )
        made = _cut(smaller, limits, (0.0, 0.0, 1.0, 1.0), 0)
        if len(tiles(made)) <= most:
            return None if isinstance(made, Tile) else made
        shrink *= 0.85


def halves(box: Box, limits: PixelLimits, *, down: bool = True, overlap: float = 0.15) -> Cut:
    """A box of the page image in two overlapping parts, each as large as the engine takes it."""
    x0, y0, x1, y1 = box
    if down:
        extra = (y1 - y0) * overlap / 2
        middle = (y0 + y1) / 2
        boxes = ((x0, y0, x1, middle + extra), (x0, middle - extra, x1, y1))
    else:
        extra = (x1 - x0) * overlap / 2
        middle = (x0 + x1) / 2
        boxes = ((x0, y0, middle + extra, y1), (middle - extra, y0, x1, y1))
    first, second = (tile_of(one, 1e9, limits) for one in boxes)
    return Cut(down, overlap / (0.5 + overlap / 2), (first, second))


def tile_of(box: Box, scale: float, limits: PixelLimits) -> Tile:
    """A box of the page image enlarged ``scale`` times, as far as the engine's largest image allows."""
    width, height = box[2] - box[0], box[3] - box[1]
    grow = min(scale, math.sqrt(limits.max_pixels / max(1.0, width * height)))
    high, wide = smart_resize(
        max(1, round(height * grow)),
        max(1, round(width * grow)),
        limits.factor,
        limits.min_pixels,
        limits.max_pixels,
    )
    return Tile(box, wide, high)


def around(box: Box, heights: tuple[float, float], page: Box) -> Box:
    """A box and what lies beside and above it, so many of its own heights, as far as the page goes."""
    aside, above = (share * (box[3] - box[1]) for share in heights)
    return (
        max(page[0], box[0] - aside),
        max(page[1], box[1] - above),
        min(page[2], box[2] + aside),
        min(page[3], box[3] + above),
    )


def _cut(sheet: Sheet, limits: PixelLimits, share: Box, depth: int) -> Tiling:
    """``share``: the part in question, in shares of the page."""
    width = (share[2] - share[0]) * sheet.width
    height = (share[3] - share[1]) * sheet.height
    if width * height <= limits.max_pixels or depth >= _MOST_DEPTH:
        return _tile(sheet, limits, share)
    down, at, overlap = _gutter(sheet, share) or _anywhere(sheet, share)
    first, second = _parts(share, at, overlap, down=down)
    parts = (_cut(sheet, limits, first, depth + 1), _cut(sheet, limits, second, depth + 1))
    length = share[3] - share[1] if down else share[2] - share[0]
    return Cut(down, min(1.0, 2 * overlap / (length / 2 + overlap)), parts)


def _tile(sheet: Sheet, limits: PixelLimits, share: Box) -> Tile:
    across, along = sheet.image
    box = (share[0] * across, share[1] * along, share[2] * across, share[3] * along)
    return tile_of(box, math.sqrt(sheet.width * sheet.height / (across * along)), limits)


def _parts(share: Box, at: float, overlap: float, *, down: bool) -> tuple[Box, Box]:
    x0, y0, x1, y1 = share
    if down:
        return (x0, y0, x1, at + overlap), (x0, at - overlap, x1, y1)
    return (x0, y0, at + overlap, y1), (at - overlap, y0, x1, y1)


def _anywhere(sheet: Sheet, share: Box) -> tuple[bool, float, float]:
    """Through the middle of the longer side, as far into the other part as a few lines are high."""
    width = (share[2] - share[0]) * sheet.width
    height = (share[3] - share[1]) * sheet.height
    down = height >= width * 0.5  # lines run across: cutting through them is the last resort
    if down:
        overlap = min(
            _MOST_OVERLAP / 2 * (share[3] - share[1]), _OVERLAP_LETTERS * sheet.letter / sheet.height
        )
        return True, (share[1] + share[3]) / 2, overlap
    # A whole word, better a whole label, must stand in both parts.
    overlap = min(
        _MOST_OVERLAP / 2 * (share[2] - share[0]), 2 * _OVERLAP_LETTERS * sheet.letter / sheet.width
    )
    return False, (share[0] + share[2]) / 2, overlap


def _gutter(sheet: Sheet, share: Box) -> tuple[bool, float, float] | None:
    """The widest white strip across or along the part, in its middle if there is one."""
    if sheet.dark is None:
        return None
    found = (_gutter_within(sheet, share, where) for where in _WHERE)
    return next((gutter for gutter in found if gutter is not None), None)


def _gutter_within(sheet: Sheet, share: Box, where: tuple[float, float]) -> tuple[bool, float, float] | None:
    assert sheet.dark is not None
    rows, cols = sheet.dark.shape
    top, bottom = int(share[1] * rows), math.ceil(share[3] * rows)
    left, right = int(share[0] * cols), math.ceil(share[2] * cols)
    part = sheet.dark[top:bottom, left:right]
    best: tuple[float, bool, float] | None = None
    for down in (True, False):
        white = part.sum(axis=1 if down else 0) <= _CROSSING * sheet.letter / sheet.height * rows
        run = _widest(white, where)
        if run is None:
            continue
        first, count, pixels = (top, rows, sheet.height) if down else (left, cols, sheet.width)
        wide = (run[1] - run[0]) / count * pixels
        middle = (run[0] + run[1]) / 2
        sliver = min(middle, len(white) - middle) / count * pixels < _SLIVER_LETTERS * sheet.letter
        if wide < _GUTTER_LETTERS * sheet.letter or sliver:
            continue
        if not down and _parts_rows(part, run):
            wide = 0.0  # only where there is no other
        if best is None or wide > best[0]:
            best = (wide, down, (first + middle) / count)
    return (best[1], best[2], 0.0) if best is not None else None


def _parts_rows(part: "NDArray[np.bool_]", run: tuple[int, int]) -> bool:
    """Whether a white strip from top to bottom parts rows, and not columns of text."""
    inked = np.flatnonzero(part.any(axis=0))
    left, right = inked[inked < run[0]], inked[inked >= run[1]]
    narrower = min(float(np.ptp(side)) + 1 if len(side) else 0.0 for side in (left, right))
    return run[1] - run[0] > _COLUMNS_APART * narrower


def _widest(white: "NDArray[np.bool_]", where: tuple[float, float]) -> tuple[int, int] | None:
    """The longest white run with its middle in ``where`` (shares) and ink on both sides, as pixels."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], white, [False])).astype(np.int8)))
    size = len(white)
    kept = [
        (int(start), int(end))
        for start, end in edges.reshape(-1, 2)
        if where[0] <= (start + end) / 2 / size <= where[1] and start > 0 and end < size
    ]
    return max(kept, key=lambda run: run[1] - run[0], default=None)
