"""Finds printed rules among the vector drawings of a PDF page."""

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box
from schemas.reading import Rule

_THIN = 3.0  # points: a filled rectangle as thin as this is a rule, not a bar
_SHORT = 4.0  # points: shorter strokes are dashes, ticks and letters drawn as curves
_MOST = 4000  # rules a page may have; beyond, it is a map or a drawing, and no table is looked for
_WHITE = 0xFAFAFA


def read_rules(blocks: Sequence[dict[str, Any]], space: PageSpace) -> tuple[Rule, ...]:
    """Thin rectangles and strokes, and the sides of stroked boxes."""
    found = [
        rule
        for block in blocks
        if block["type"] == 3 and block["isrect"] and _painted(block)
        for rule in _rules_of(block, space)
    ]
    if len(found) > _MOST:
        return ()
    return tuple(Rule(box) for box in merged(found))


def _painted(block: dict[str, Any]) -> bool:
    return bool(block["alpha"] > 0 and not _pale(int(block["color"])))


def _pale(color: int) -> bool:
    return min(color >> 16 & 255, color >> 8 & 255, color & 255) >= _WHITE & 255


def _rules_of(block: dict[str, Any], space: PageSpace) -> Iterable[Box]:
    box = space.box(block["bbox"])
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) <= _THIN:
        if max(width, height) >= _SHORT and max(width, height) > 2 * min(width, height):
            yield box
    elif block["stroked"] and width >= _SHORT and height >= _SHORT:
        x0, y0, x1, y1 = box
        yield (x0, y0, x1, y0 + 1)
        yield (x0, y1 - 1, x1, y1)
        yield (x0, y0, x0 + 1, y1)
        yield (x1 - 1, y0, x1, y1)


def merged(boxes: Sequence[Box], gap: float = 3.0, drift: float = 1.2) -> list[Box]:
    """Rules drawn in bits (dashes, one bit per cell) as the long rules a reader sees."""
    flat = [box for box in boxes if box[2] - box[0] >= box[3] - box[1]]
    tall = [(y0, x0, y1, x1) for x0, y0, x1, y1 in boxes if x1 - x0 < y1 - y0]
    return [*_chained(flat, gap, drift), *((y0, x0, y1, x1) for x0, y0, x1, y1 in _chained(tall, gap, drift))]


def _chained(boxes: list[Box], gap: float, drift: float) -> list[Box]:
    """Horizontal bits joined where they lie on one line and touch."""
    out: list[Box] = []
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda b: (b[1] + b[3]) / 2):
        middle = (box[1] + box[3]) / 2
        if rows and middle - (rows[-1][-1][1] + rows[-1][-1][3]) / 2 <= drift:
            rows[-1].append(box)
        else:
            rows.append([box])
    for row in rows:
        row.sort()
        current = row[0]
        for box in row[1:]:
            if box[0] - current[2] <= gap:
                current = (
                    current[0],
                    min(current[1], box[1]),
                    max(current[2], box[2]),
                    max(current[3], box[3]),
                )
            else:
                out.append(current)
                current = box
        out.append(current)
    return out
