"""Says where on a PDF page a barcode may be drawn: pictures, and crowds of small dark fills."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pymupdf

from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box, intersection, union

MOST = 24
"""Places of a page that are looked at; pages with more pictures are catalogues."""

_LEAST_SIDE = 12.0  # points: the smallest code that is printed, about 4 mm
_LEAST_PIXELS = 8
_LONGEST = 20.0  # times as long as high: rules, banners
_CELL = 6.0  # points: fills closer than this belong together
_MODULE = 12.0  # points: bars and modules are not thicker
_BAR = 150.0  # points: bars are not longer
_LARGEST = 300.0  # points: of a code that is one path
_LEAST_BLOCKS = 8
"""MuPDF joins fills that touch, now and then many to one: so many remain of any code."""

_LEAST_FILLS = 12
_CROWD = 150.0  # square points a module: a table's rules stand further apart
_PITCH = 8.0  # points from bar to bar
_AS_LONG = 0.6  # of the whole code is a bar
_MOST_FILLS = 20_000
_DARK = 0x80


def places(
    page: pymupdf.Page,
    pictures: Sequence[dict[str, Any]],
    blocks: Sequence[dict[str, Any]],
    space: PageSpace,
) -> tuple[Box, ...]:
    """``pictures``: as MuPDF lists them; ``blocks``: with the page's drawings."""
    found = list(_pictures(pictures, space))
    modules = [
        block["bbox"] for block in blocks if block["type"] == 3 and _dark(block) and _small(block["bbox"])
    ]
    if len(modules) >= _LEAST_BLOCKS:
        # Not looked at otherwise: it draws the page once more, in a few milliseconds.
        filled = [box for kind, box in page.get_bboxlog() if kind == "fill-path"]
        found += [space.box(path) for path in filled if _one_path(path, modules)]
        for fills in (modules, list(filter(_small, filled))):
            found += _crowds(fills, space)
    return tuple(dict.fromkeys(found))[:MOST]


def _pictures(pictures: Sequence[dict[str, Any]], space: PageSpace) -> Iterator[Box]:
    for info in pictures:
        x0, y0, x1, y1 = space.box(info["bbox"])
        box = (max(0.0, x0), max(0.0, y0), min(space.width, x1), min(space.height, y1))
        short, long = sorted((box[2] - box[0], box[3] - box[1]))
        enough = min(info["width"], info["height"]) >= _LEAST_PIXELS
        if enough and short >= _LEAST_SIDE and long <= _LONGEST * short:
            yield box


def _one_path(path: Box, modules: Sequence[Box]) -> bool:
    """A path of the size of a code that is made of many small fills."""
    short, long = sorted(_sides(path))
    if not (short >= _LEAST_SIDE and long <= _LARGEST):
        return False
    return sum(intersection(path, module) > 0 for module in modules) >= _LEAST_BLOCKS


def _crowds(modules: Sequence[Box], space: PageSpace) -> Iterator[Box]:
    """Where modules stand close together."""
    fills = [space.box(box) for box in modules]
    if not _LEAST_FILLS <= len(fills) <= _MOST_FILLS:
        return
    for crowd in _together(fills, space):
        box = union(crowd)
        if len(crowd) >= _LEAST_FILLS and _dense(crowd, box):
            yield box


def _dense(crowd: Sequence[Box], box: Box) -> bool:
    """Modules side by side in both directions, or bars side by side in one."""
    wide, high = _sides(box)
    if min(wide, high) < _LEAST_SIDE / 2:
        return False
    bar = np.median([_sides(fill) for fill in crowd], axis=0)
    upright = bar[1] >= _AS_LONG * high and wide <= _PITCH * len(crowd)
    lying = bar[0] >= _AS_LONG * wide and high <= _PITCH * len(crowd)
    return bool(upright or lying or wide * high <= _CROWD * len(crowd))


def _together(fills: Sequence[Box], space: PageSpace) -> Iterable[list[Box]]:
    rows, cols = int(space.height / _CELL) + 2, int(space.width / _CELL) + 2
    if rows * cols > 4_000_000:
        return ()
    taken = np.zeros((rows, cols), np.uint8)
    cells = [_cells(fill, rows, cols) for fill in fills]
    for top, left, bottom, right in cells:
        taken[top : bottom + 1, left : right + 1] = 1
    _, labels = cv2.connectedComponents(taken, connectivity=8)
    crowds: dict[int, list[Box]] = {}
    for fill, (top, left, _, _) in zip(fills, cells, strict=True):
        crowds.setdefault(int(labels[top, left]), []).append(fill)
    return crowds.values()


def _dark(block: dict[str, Any]) -> bool:
    color = int(block["color"])
    light = max(color >> 16 & 255, color >> 8 & 255, color & 255)
    return bool(block["isrect"] and not block["stroked"] and block["alpha"] > 0 and light <= _DARK)


def _small(box: Box) -> bool:
    short, long = sorted(_sides(box))
    return short <= _MODULE and long <= _BAR


def _sides(box: Box) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]


def _cells(box: Box, rows: int, cols: int) -> tuple[int, int, int, int]:
    def within(value: float, most: int) -> int:
        return max(0, min(most - 1, int(value / _CELL)))

    return within(box[1], rows), within(box[0], cols), within(box[3], rows), within(box[2], cols)
