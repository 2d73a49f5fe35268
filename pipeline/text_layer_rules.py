"""Finds printed rules among the vector drawings of a PDF page."""

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.tables.merge import merged
from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box
from schemas.reading import Rule

_THIN = 3.0  # points: a filled rectangle as thin as this is a rule, not a bar
_LARGE = 1700.0  # points: on longer pages everything is drawn larger
_SHORT = 4.0  # points: shorter strokes are dashes, ticks and letters drawn as curves
_MOST = 4000  # rules a page may have; beyond, it is a map or a drawing, and no table is looked for
_BREAK, _DRIFT = 3.0, 1.2  # points, see `merged`
_WHITE = 0xFA


def read_rules(blocks: Sequence[dict[str, Any]], space: PageSpace) -> tuple[Rule, ...]:
    """Thin rectangles and strokes, and the sides of stroked boxes."""
    unit = max(1.0, max(space.width, space.height) / _LARGE)
    found = [
        rule
        for block in blocks
        if block["type"] == 3 and block["isrect"] and _painted(block)
        for rule in _rules_of(space.box(block["bbox"]), bool(block["stroked"]), unit)
    ]
    if len(found) > _MOST:
        return ()
    return tuple(Rule(box) for box in merged(found, _BREAK * unit, _DRIFT * unit))


def _painted(block: dict[str, Any]) -> bool:
    return bool(block["alpha"] > 0 and not _pale(int(block["color"])))


def _pale(color: int) -> bool:
    return min(color >> 16 & 255, color >> 8 & 255, color & 255) >= _WHITE


def _rules_of(box: Box, stroked: bool, unit: float) -> Iterable[Box]:
    x0, y0, x1, y1 = box
    thin, thick = sorted((x1 - x0, y1 - y0))
    if thin <= _THIN * unit:
        if thick >= _SHORT * unit and thick > 2 * thin:
            yield box
    elif stroked:
        yield (x0, y0, x1, y0 + 1)
        yield (x0, y1 - 1, x1, y1)
        yield (x0, y0, x0 + 1, y1)
        yield (x1 - 1, y0, x1, y1)
