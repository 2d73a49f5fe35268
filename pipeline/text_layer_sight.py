"""Looks at the drawn page: for words of the layer that do not show, and pictured words it lacks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymupdf

from pipeline.ink import Grey, strokes
from pipeline.picture_text import wordlike
from pipeline.text_layer_lines import Piece
from pipeline.text_layer_pictures import Picture
from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box, area, intersection, scaled, union

_DPI = 100.0
_MOST_PIXELS = 3_000_000
_LARGE_PICTURE = 0.03
_NO_INK = 0.01
_ALL_INK = 0.985
"""Letters ink a tenth to three quarters of their box; a bar drawn over them inks all of it."""

_SMALLEST = 6.0
"""Pixels: below, a word is too small on this picture to say that it does not show."""


@dataclass(frozen=True, slots=True)
class Sight:
    pieces: tuple[Piece, ...]
    """Without the words that do not show."""

    hidden: int = 0
    unread: tuple[tuple[Box, int], ...] = ()
    """Pictures, and how many words they seem to hold beyond the layer's."""


def look(
    page: pymupdf.Page,
    space: PageSpace,
    blocks: Sequence[dict[str, Any]],
    pieces: tuple[Piece, ...],
    pictures: Sequence[Picture],
) -> Sight:
    """Draw the page, small and grey, only where something on it can hide words or hold some."""
    whole = space.width * space.height
    large = [p.bbox for p in pictures if p.legible and area(p.bbox) >= _LARGE_PICTURE * whole]
    if not pieces or not (large or any(piece.pale for piece in pieces) or _covered(blocks)):
        return Sight(pieces)
    scale = min(_DPI / 72, math.sqrt(_MOST_PIXELS / whole))
    grey = _draw(page, scale)
    kept, hidden = _shown(grey, pieces, scale)
    unread = _on_pictures(grey, kept, large, scale) if large else ()
    return Sight(kept, hidden, unread)


def _covered(blocks: Sequence[dict[str, Any]]) -> bool:
    """Whether a filled shape comes after text that it lies over: blocks are in the order of painting."""
    texts: list[Box] = []
    for block in blocks:
        if block["type"] == 0:
            texts.append(tuple(block["bbox"]))
        elif not block["stroked"] and block["alpha"] > 200 and block["bbox"][3] - block["bbox"][1] > 4:
            box = tuple(block["bbox"])
            if any(intersection(box, text) > 0.02 * area(text) for text in texts):
                return True
    return False


def _draw(page: pymupdf.Page, scale: float) -> Grey:
    drawn = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csGRAY, alpha=False)
    flat = np.frombuffer(drawn.samples_mv, dtype=np.uint8)
    return flat.reshape(drawn.height, drawn.stride)[:, : drawn.width].copy()


def _shown(grey: Grey, pieces: tuple[Piece, ...], scale: float) -> tuple[tuple[Piece, ...], int]:
    """The pieces without the words in whose place there is no ink, or nothing but ink."""
    mask = strokes(grey)
    kept: list[Piece] = []
    hidden = 0
    for piece in pieces:
        words = tuple(word for word in piece.words if _seen(mask, scaled(word.bbox, scale, scale)))
        hidden += piece.letters - sum(len(word.text) for word in words)
        if len(words) == len(piece.words):
            kept.append(piece)
        elif words:
            kept.append(replace(piece, words=words, bbox=union([word.bbox for word in words])))
    return tuple(kept), hidden


def _seen(mask: Grey, box: Box) -> bool:
    x0, y0, x1, y1 = (round(value) for value in box)
    part = mask[max(0, y0) : y1, max(0, x0) : x1]
    if min(part.shape) < _SMALLEST:
        return True
    return _NO_INK < float(part.mean()) < _ALL_INK


def _on_pictures(
    grey: Grey, pieces: Sequence[Piece], pictures: Sequence[Box], scale: float
) -> tuple[tuple[Box, int], ...]:
    known = [scaled(word.bbox, scale, scale) for piece in pieces for word in piece.words]
    found = [scaled(box, 1 / scale, 1 / scale) for box in wordlike(grey, known)]
    counts = ((box, sum(intersection(word, box) > 0.5 * area(word) for word in found)) for box in pictures)
    return tuple((box, count) for box, count in counts if count)
