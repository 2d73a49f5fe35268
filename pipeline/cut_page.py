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
"""What a part shows of the next, in heights of the letters that set the page's scale: about four lines."""

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

_TEXT_LETTERS = 22.0
"""A column narrower than so many letter heights, about as many characters, is one of a table, not of text."""

_LINE_GAP_LETTERS = 0.3
"""White between two rows of a table that is lower than this may be between letters and their accents."""

_UNEVEN = 1.15
"""Rows do not end where parts of equal size would: so much more room is planned for."""

_ROWS_LETTERS = 16.0
"""A part lower than this holds about five lines, and none is read better for being cut off from the next."""

_STRIP = 0.1
"""Height of a part, as a share of its width, below which its halves would be strips."""

_SHARED = 0.15
"""Of the length of a part, what both of its halves show."""

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
    # Fewer pixels than `most` images hold are not worth a try: pages may be a thousand times too large.
    shrink = min(1.0, math.sqrt(most * limits.max_pixels / (sheet.width * sheet.height)))
    while True:
        smaller = Sheet(
            sheet.width * shrink, sheet.height * shrink, sheet.letter * shrink, sheet.image, sheet.dark
        )
        made = _cut(smaller, limits, (0.0, 0.0, 1.0, 1.0), 0)
        if len(tiles(made)) <= most:
            return None if isinstance(made, Tile) else made
        shrink *= 0.85


def halves(box: Box, limits: PixelLimits) -> Cut:
    """A box of the page image in two overlapping parts, each as large as the engine takes it: an upper and a
    lower one, or of a strip, which may be a single line, a left and a right one."""
    x0, y0, x1, y1 = box
    down = y1 - y0 >= _STRIP * (x1 - x0)
    length = y1 - y0 if down else x1 - x0
    middle = ((y0 + y1) if down else (x0 + x1)) / 2
    first, second = (
        tile_of(one, 1e9, limits) for one in _parts(box, middle, length * _SHARED / 2, down=down)
    )
    return Cut(down, _SHARED / (0.5 + _SHARED / 2), (first, second))


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
    width, height = _size(sheet, share)
    if width * height <= limits.max_pixels or depth >= _MOST_DEPTH:
        return _tile(sheet, limits, share)
    down, at, overlap = _gutter(sheet, share, limits.max_pixels) or _anywhere(sheet, share, limits.max_pixels)
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


def _anywhere(sheet: Sheet, share: Box, most: float) -> tuple[bool, float, float]:
    """Where few parts are needed, as far into the other part as a few lines are high."""
    if _has_rows(sheet, share):  # lines run across: cutting through them is the last resort
        overlap = min(
            _MOST_OVERLAP / 2 * (share[3] - share[1]), _OVERLAP_LETTERS * sheet.letter / sheet.height
        )
        return True, share[1] + _even(sheet, share, most) * (share[3] - share[1]), overlap
    # A whole word, better a whole label, must stand in both parts.
    overlap = min(
        _MOST_OVERLAP / 2 * (share[2] - share[0]), 2 * _OVERLAP_LETTERS * sheet.letter / sheet.width
    )
    return False, (share[0] + share[2]) / 2, overlap


@dataclass(frozen=True, slots=True)
class _Strip:
    """A white strip across (``down``) or along a part, ``wide`` in pixels, its middle ``at`` a share of the
    page. ``parts_rows``: what stands on its two sides belongs together, line by line."""

    wide: float
    down: bool
    at: float
    parts_rows: bool


@dataclass(frozen=True, slots=True)
class _Ink:
    """What lies in a part of the small picture, where that begins, and which of its rows and columns are
    white: less ink crosses them than of a letter. ``page``: rows and columns of the whole picture."""

    dark: "NDArray[np.bool_]"
    page: tuple[int, int]
    top: int
    left: int
    rows: "NDArray[np.bool_]"
    columns: "NDArray[np.bool_]"


def _ink(sheet: Sheet, dark: "NDArray[np.bool_]", share: Box) -> _Ink:
    high, wide = dark.shape
    top, left = int(share[1] * high), int(share[0] * wide)
    part = dark[top : math.ceil(share[3] * high), left : math.ceil(share[2] * wide)]
    crossing = _CROSSING * sheet.letter / sheet.height * high
    return _Ink(part, (high, wide), top, left, part.sum(axis=1) <= crossing, part.sum(axis=0) <= crossing)


def _size(sheet: Sheet, share: Box) -> tuple[float, float]:
    """Width and height of a part, in pixels."""
    return (share[2] - share[0]) * sheet.width, (share[3] - share[1]) * sheet.height


def _has_rows(sheet: Sheet, share: Box) -> bool:
    """Whether a part is high enough to be cut between its rows: several are left in each half, and neither
    is a mere strip."""
    width, height = _size(sheet, share)
    return height >= max(_ROWS_LETTERS * sheet.letter, _STRIP * width)


def _gutter(sheet: Sheet, share: Box, most: float) -> tuple[bool, float, float] | None:
    """The widest white strip, in the middle if there is one; where each would part rows, between two rows."""
    if sheet.dark is None:
        return None
    ink = _ink(sheet, sheet.dark, share)
    found = [_strips(sheet, ink, where) for where in _WHERE]
    apart = ([strip for strip in strips if not strip.parts_rows] for strips in found)
    best = next(filter(None, apart), None) or next(filter(None, found), None)
    if best is None:
        return None
    widest = max(best, key=lambda strip: strip.wide)
    if widest.parts_rows and _has_rows(sheet, share):
        at = _between_rows(sheet, ink, _even(sheet, share, most))
        return (True, at, 0.0) if at is not None else None
    return widest.down, widest.at, 0.0


def _strips(sheet: Sheet, ink: _Ink, where: tuple[float, float]) -> list[_Strip]:
    """The widest across and the widest along, where they are wider than the space between two lines."""
    high, wide = ink.page
    found = []
    for down, white, first, count, pixels in (
        (True, ink.rows, ink.top, high, sheet.height),
        (False, ink.columns, ink.left, wide, sheet.width),
    ):
        run = max(_runs(white, where), key=lambda run: run[1] - run[0], default=None)
        if run is None:
            continue
        across = (run[1] - run[0]) / count * pixels
        middle = (run[0] + run[1]) / 2
        sliver = min(middle, len(white) - middle) / count * pixels < _SLIVER_LETTERS * sheet.letter
        if across < _GUTTER_LETTERS * sheet.letter or sliver:
            continue
        parts_rows = not down and _parts_rows(ink.dark, run, sheet.letter / sheet.width * wide)
        found.append(_Strip(across, down, (first + middle) / count, parts_rows))
    return found


def _between_rows(sheet: Sheet, ink: _Ink, even: float) -> float | None:
    """Where a part may be cut between two rows, nearest to its share ``even``; as a share of the page."""
    high, _ = ink.page
    gaps = [
        (start + end) / 2
        for start, end in _runs(ink.rows, _WHERE[0])
        if (end - start) / high * sheet.height >= _LINE_GAP_LETTERS * sheet.letter
    ]
    nearest = min(gaps, key=lambda gap: abs(gap - even * len(ink.rows)), default=None)
    return None if nearest is None else (ink.top + nearest) / high


def _even(sheet: Sheet, share: Box, most: float) -> float:
    """Near the middle of a part, and so that both sides are cut into parts of equal size: a share of it."""
    width, height = _size(sheet, share)
    count = max(2, math.ceil(_UNEVEN * width * height / most))
    return count // 2 / count


def _parts_rows(part: "NDArray[np.bool_]", run: tuple[int, int], letter: float) -> bool:
    """Whether a white strip from top to bottom parts rows, and not columns of text. ``letter``: its height,
    in pixels of the small picture."""
    inked = np.flatnonzero(part.any(axis=0))
    left, right = inked[inked < run[0]], inked[inked >= run[1]]
    narrower = min(float(np.ptp(side)) + 1 if len(side) else 0.0 for side in (left, right))
    least = _TEXT_LETTERS * letter
    return narrower < least or run[1] - run[0] > max(2 * least, _COLUMNS_APART * narrower)


def _runs(white: "NDArray[np.bool_]", where: tuple[float, float]) -> list[tuple[int, int]]:
    """White runs with their middle in ``where`` (shares) and ink on both sides, as pixels."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], white, [False])).astype(np.int8)))
    size = len(white)
    return [
        (int(start), int(end))
        for start, end in edges.reshape(-1, 2)
        if where[0] <= (start + end) / 2 / size <= where[1] and start > 0 and end < size
    ]
