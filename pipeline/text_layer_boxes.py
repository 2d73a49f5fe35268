"""Finds check boxes that a PDF page prints as squares beside a label: ticked or empty."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pymupdf

from pipeline.box_places import combed, labelled, ruled
from pipeline.text_layer_forms import FormFields
from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box, intersection
from schemas.page import BlockKind
from schemas.reading import ReadLine, ReadWord, Region, Rule, line_of

_SIDES = (5.5, 20.0)  # points
_SQUARE = 0.15  # how much longer one side may be
_MOST = 500
_TICKS = frozenset("xX×✓✔✗✘✕✖•●■\uf0fc\uf0fb")
_DRAWN, _OVER = 0.35, 1.8  # of the box that a drawn tick covers, in either direction; it may run over


def read_boxes(
    page: pymupdf.Page,
    blocks: Sequence[dict[str, Any]],
    lines: Callable[[], Sequence[ReadLine]],
    rules: Sequence[Rule],
    taken: Sequence[Box],
) -> FormFields:
    """As boxes of a form are: a mark as a line of its own, which is joined with its label like any other.

    ``taken``: where form fields are, which say themselves what they hold.
    """
    space = PageSpace.of(page)
    squares = [
        box
        for box in _squares(blocks, space)
        if not ruled(box, rules) and not any(intersection(box, field) > 0 for field in taken)
    ]
    if not squares or len(squares) > _MOST:
        return FormFields()
    words = [word for line in lines() for word in line.words]
    found = [box for box in squares if not combed(box, squares) and labelled(box, words)]
    if not found:
        return FormFields()
    # Paths one by one cost time; few pages come this far.
    drawn = [space.box(tuple(path["rect"])) for path in page.get_drawings() if _bent(path)]
    made: list[ReadLine] = []
    regions: list[Region] = []
    for box in found:
        inside = [word.text for word in words if _middle_in(word.bbox, box)]
        if any(len(text) > 1 or text not in _TICKS for text in inside):
            continue  # a letter or figure in a frame
        ticked = bool(inside) or any(_is_tick(mark, box) for mark in drawn)
        made.append(line_of([ReadWord("☑" if ticked else "☐", box)], size=box[3] - box[1]))
        regions.append(Region(BlockKind.CHECKBOX, box))
    return FormFields(tuple(made), tuple(regions), tuple(region.bbox for region in regions))


def _squares(blocks: Sequence[dict[str, Any]], space: PageSpace) -> Iterator[Box]:
    seen: set[tuple[int, int]] = set()
    for block in blocks:
        if block["type"] != 3 or not block["isrect"] or not block["stroked"] or block["alpha"] <= 0:
            continue
        box = space.box(block["bbox"])
        short, long = sorted((box[2] - box[0], box[3] - box[1]))
        place = (round(box[0]), round(box[1]))
        if _SIDES[0] <= short and long <= min(_SIDES[1], (1 + _SQUARE) * short) and place not in seen:
            seen.add(place)
            yield box


def _bent(path: dict[str, Any]) -> bool:
    """Lines and curves; the frame of a box is a rectangle."""
    return any(item[0] in ("l", "c") for item in path["items"])


def _is_tick(mark: Box, box: Box) -> bool:
    wide, high = mark[2] - mark[0], mark[3] - mark[1]
    side = box[2] - box[0]
    return _middle_in(mark, box) and all(_DRAWN * side <= length <= _OVER * side for length in (wide, high))


def _middle_in(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
