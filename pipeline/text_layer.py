"""Reads the text layer of a PDF page: lines, rules, pictures, layout, and whether it can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

import pymupdf

from pipeline import trust
from pipeline.inserts import UNREAD
from pipeline.raster_errors import VENDOR_ERRORS
from pipeline.tables.suspect import looks_arranged
from pipeline.text_layer_boxes import read_boxes
from pipeline.text_layer_codes import places
from pipeline.text_layer_forms import read_fields, without_ticks
from pipeline.text_layer_lines import (
    content_rotation,
    read_pieces,
    skew,
    to_lines,
)
from pipeline.text_layer_model import read_layout
from pipeline.text_layer_pictures import Picture, cover, has_pictures, letters_inside, read_pictures
from pipeline.text_layer_rules import read_rules
from pipeline.text_layer_sight import Sight, look
from pipeline.text_layer_space import PageSpace
from schemas.errors import ResultWarning
from schemas.geometry import Box
from schemas.page import BlockKind
from schemas.reading import PageReading, Region

_FLAGS = (
    pymupdf.TEXT_COLLECT_STYLES  # tells fake bold from text printed twice, and how each glyph is painted
    | pymupdf.TEXT_COLLECT_VECTORS  # rules come from the same pass as the text, at the speed of C
    | pymupdf.TEXT_MEDIABOX_CLIP
)  # ligatures are spelled out


_MOST_LINES = 1500
"""The models compare every line with every other: memory and time grow with the square."""


_WORDY = 12
"""Shapes like words on one picture, from which on a warning is due; textures of photographs have fewer."""


class LayoutUse(StrEnum):
    """When to spend the layout model (hundreds of milliseconds) on a page that reads in a few."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class LayerReading:
    """The text layer as read, whether it may stand for the page, and why."""

    reading: PageReading
    trusted: bool
    why: str
    pictures: tuple[Box, ...] = ()
    """Pictures that seem to hold text which the layer lacks."""

    codes_at: tuple[Box, ...] = ()
    """Where barcodes may be drawn."""


def read(page: pymupdf.Page, layout: LayoutUse = LayoutUse.AUTO) -> LayerReading:
    """Read one page. Boxes are in points (UserUnit applied), origin top left of the page as it is seen."""
    try:
        return _read(page, layout)
    except VENDOR_ERRORS:  # the page may still be drawn, and read from its picture
        empty = PageReading(page.rect.width, page.rect.height)
        return LayerReading(empty, trusted=False, why="text layer is damaged")


def _read(page: pymupdf.Page, layout: LayoutUse) -> LayerReading:
    space = PageSpace.of(page)
    textpage = page.get_textpage(flags=_FLAGS | pymupdf.TEXT_PRESERVE_IMAGES)
    infos: list[dict[str, Any]] = []
    if has_pictures(textpage):
        infos = page.get_image_info()
        textpage = page.get_textpage(flags=_FLAGS)  # else their bytes would be copied into the blocks
    pictures = read_pictures(infos, space)
    blocks = textpage.extractDICT()["blocks"]
    pieces = read_pieces(textpage, blocks, space)
    sight = look(page, space, blocks, pieces.shown, pictures)
    fields = read_fields(page, space, sight.pieces)
    shown = without_ticks(sight.pieces, fields)
    rules = read_rules(blocks, space)
    boxes = read_boxes(page, blocks, partial(to_lines, shown), rules, fields.ticks)
    shown = without_ticks(shown, boxes)
    reading = PageReading(
        width=space.width,
        height=space.height,
        lines=(*to_lines(shown), *fields.lines, *boxes.lines),
        rules=rules,
        regions=(
            *(Region(BlockKind.FIGURE, picture.bbox) for picture in pictures),
            *fields.regions,
            *boxes.regions,
        ),
        content_rotation=content_rotation(shown),
        skew=skew(shown),
        warnings=tuple(_warnings(sight, page.number + 1)),
    )
    verdict = trust.judge(_signs(reading, pieces.invisible, sight, pictures, space))
    if verdict.trusted and _worth_the_model(reading, layout):
        seen = read_layout(page, reading.content_rotation)
        reading = replace(reading, regions=(*reading.regions, *seen.regions), tables=seen.tables)
    lacking = tuple(box for box, count in sight.unread if count >= _WORDY)
    return LayerReading(reading, verdict.trusted, verdict.why, lacking, places(page, infos, blocks, space))


def _worth_the_model(reading: PageReading, layout: LayoutUse) -> bool:
    if len(reading.lines) > _MOST_LINES:
        return False
    if layout is LayoutUse.AUTO:
        return looks_arranged(reading)
    return layout is LayoutUse.ALWAYS


def _warnings(sight: Sight, number: int) -> Iterator[ResultWarning]:
    if sight.hidden:
        detail = f"{sight.hidden} characters of the text layer do not show on the page and were left out"
        yield ResultWarning(code="hidden_text", detail=detail, page=number)
    pictured = sum(count for _, count in sight.unread if count >= _WORDY)
    if pictured:
        detail = f"a picture seems to hold text, about {pictured} words, that the text layer lacks"
        yield ResultWarning(code=UNREAD, detail=detail, page=number)


def _signs(
    reading: PageReading, invisible: int, sight: Sight, pictures: tuple[Picture, ...], space: PageSpace
) -> trust.LayerSigns:
    legible = [picture.bbox for picture in pictures if picture.legible]
    return trust.LayerSigns(
        text="\n".join(line.text for line in reading.lines),
        invisible=invisible + sight.hidden,
        pictured_words=sum(count for _, count in sight.unread),
        picture_cover=cover(legible, space),
        letters_on_pictures=letters_inside(
            legible, ((word.text, word.bbox) for line in reading.lines for word in line.words)
        ),
    )
