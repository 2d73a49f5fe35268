"""Pages typed as lines of text: every character is a cell of a grid, so that words know their boxes."""

import re

from schemas.geometry import Box
from schemas.page import PageContent, PageResult, PageSource, PageState, Word

CELL, LINE, HEIGHT = 6.0, 14.0, 10.0


def box_of(line: int, start: int, end: int) -> Box:
    """Where characters ``start`` to ``end`` of a line stand."""
    return (20 + start * CELL, 20 + line * LINE, 20 + end * CELL, 20 + line * LINE + HEIGHT)


def typed_page(
    text: str, number: int = 1, *, language: str | None = None, rotation: int = 0, boxes: bool = True
) -> PageContent:
    """A page of these lines; two spaces or more part columns. ``rotation``: how the content lies turned."""
    lines = text.strip("\n").split("\n")
    width, height = _size(lines)
    words = [
        Word(
            text=found.group(),
            bbox=_turned(box_of(row, found.start(), found.end()), rotation, width, height) if boxes else None,
            confidence=0.99,
        )
        for row, line in enumerate(lines)
        for found in re.finditer(r"\S+", line)
    ]
    sideways = rotation % 180 == 90
    return PageContent(
        page=PageResult(
            number=number,
            width=height if sideways else width,
            height=width if sideways else height,
            content_rotation=rotation,
            language=language,
            state=PageState.READ,
            source=PageSource.TEXT_LAYER,
            text="\n".join(lines),
            words=words,
        )
    )


def _size(lines: list[str]) -> tuple[float, float]:
    return 40 + CELL * max(map(len, lines), default=0), 40 + LINE * max(len(lines), 20)


def turned_box(box: Box, rotation: int, text: str) -> Box:
    """Where an upright box lies on the turned page of these lines."""
    return _turned(box, rotation, *_size(text.strip("\n").split("\n")))


def _turned(box: Box, rotation: int, width: float, height: float) -> Box:
    """The upright box on a page whose content must be turned clockwise by ``rotation`` to stand upright."""
    x0, y0, x1, y1 = box
    if rotation == 90:
        return (y0, width - x1, y1, width - x0)
    if rotation == 180:
        return (width - x1, height - y1, width - x0, height - y0)
    if rotation == 270:
        return (height - y1, x0, height - y0, x1)
    return box
