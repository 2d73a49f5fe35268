"""Finds the pictures of a PDF page and how much of the page they cover."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pymupdf

from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box, area, intersection

_LEGIBLE_DPI = 50
"""A picture with fewer pixels per inch of page cannot hold text that a layer could lack."""

_SHARE = 0.005
"""Pictures below this share of the page are bullets, icons and hairlines."""


@dataclass(frozen=True, slots=True)
class Picture:
    bbox: Box
    legible: bool
    """It has pixels enough to hold text."""


def has_pictures(textpage: pymupdf.TextPage) -> bool:
    return any(block[6] == 1 for block in textpage.extractBLOCKS())


def read_pictures(infos: Sequence[dict[str, Any]], space: PageSpace) -> tuple[Picture, ...]:
    """Pictures large enough to matter, the largest first; strips of one scan are joined."""
    whole = space.width * space.height
    found = []
    for info in infos:
        box = _clipped(space.box(info["bbox"]), space)
        wide, high = info["bbox"][2] - info["bbox"][0], info["bbox"][3] - info["bbox"][1]
        if area(box) <= 0 or wide <= 0 or high <= 0:
            continue
        dpi = 72 * min(info["width"] / wide, info["height"] / high)
        found.append(Picture(box, dpi >= _LEGIBLE_DPI and min(info["width"], info["height"]) >= 8))
    kept = [picture for picture in _joined(found) if area(picture.bbox) >= _SHARE * whole]
    return tuple(sorted(kept, key=lambda picture: -area(picture.bbox)))


def cover(boxes: Iterable[Box], space: PageSpace) -> float:
    """Share of the page under at least one box, counted on a grid of 64 by 64."""
    cells = 64
    step_x, step_y = space.width / cells, space.height / cells
    covered = bytearray(cells * cells)
    for x0, y0, x1, y1 in boxes:
        left, right = round(max(0, x0) / step_x), round(min(space.width, x1) / step_x)
        for row in range(round(max(0, y0) / step_y), round(min(space.height, y1) / step_y)):
            if right > left:
                covered[row * cells + left : row * cells + right] = b"\x01" * (right - left)
    return sum(covered) / (cells * cells)


def _clipped(box: Box, space: PageSpace) -> Box:
    return (max(0.0, box[0]), max(0.0, box[1]), min(space.width, box[2]), min(space.height, box[3]))


def _joined(pictures: list[Picture]) -> list[Picture]:
    """Scanners store a page in strips: pictures of equal width that touch become one."""
    out: list[Picture] = []
    for picture in sorted(pictures, key=lambda p: (p.bbox[0], p.bbox[1])):
        x0, y0, x1, y1 = picture.bbox
        if out:
            a0, b0, a1, b1 = out[-1].bbox
            if abs(a0 - x0) < 2 and abs(a1 - x1) < 2 and y0 - b1 < 2:
                out[-1] = Picture((a0, b0, a1, max(b1, y1)), picture.legible or out[-1].legible)
                continue
        out.append(picture)
    return out


def letters_inside(boxes: Iterable[Box], words: Iterable[tuple[str, Box]]) -> int:
    """Characters of words that lie mostly on one of the pictures."""
    over = list(boxes)
    return sum(len(text) for text, box in words if any(intersection(box, b) > 0.5 * area(box) for b in over))
