"""Shows the layout models a scanned page with its words in place, for its regions and tables."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pymupdf
from PIL import Image

from pipeline.orders import PageImage
from pipeline.tables_image import rules
from pipeline.text_layer_model import read_layout
from schemas.geometry import Box, scaled
from schemas.reading import PageReading, ReadTable, ReadWord, Rule

_LONGER_SIDE = 842.0
"""Points: the models were made for pages of about this size."""

_FEW_WORDS = 8
_CROOKED = 0.4
"""Degrees of skew from which on the picture is straightened first."""


def arranged(image: PageImage, reading: PageReading) -> PageReading:
    """The reading of this image (boxes in its pixels) with the rules, regions and tables found on it."""
    with Image.open(io.BytesIO(image.data)) as picture:
        grey = picture.convert("L")
    slope = _slope(reading)
    if not slope:
        return _arranged(grey, image.data, reading)
    # Rules that climb are hard to find, and the models expect straight tables: straighten, look, go back.
    centre = (reading.width / 2, reading.height / 2)
    straight = grey.rotate(-(reading.skew or 0.0), Image.Resampling.BICUBIC, fillcolor=255)
    buffer = io.BytesIO()
    straight.save(buffer, "JPEG", quality=90)
    held = replace(
        reading,
        skew=None,
        regions=(),
        rules=(),
        lines=tuple(
            replace(
                line,
                words=tuple(replace(word, bbox=_moved(word.bbox, slope, centre)) for word in line.words),
            )
            for line in reading.lines
        ),
    )
    seen = _arranged(straight, buffer.getvalue(), held)
    return replace(
        reading,
        rules=reading.rules or tuple(Rule(_slanted(rule.bbox, -slope, centre)) for rule in seen.rules),
        regions=(
            *reading.regions,
            *(replace(region, bbox=_moved(region.bbox, -slope, centre)) for region in seen.regions),
        ),
        tables=reading.tables or tuple(_moved_table(table, -slope, centre) for table in seen.tables),
    )


def _slope(reading: PageReading) -> float:
    skew = reading.skew or 0.0
    return (
        math.tan(math.radians(skew)) if _CROOKED <= abs(skew) <= 15 and not reading.content_rotation else 0.0
    )


def _moved(box: Box, slope: float, centre: tuple[float, float]) -> Box:
    """A small box carried along when the page is turned about its centre; its size stays."""
    dx = -slope * ((box[1] + box[3]) / 2 - centre[1])
    dy = slope * ((box[0] + box[2]) / 2 - centre[0])
    return (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)


def _slanted(box: Box, slope: float, centre: tuple[float, float]) -> Box:
    """A long box turned about the centre: as high as it then climbs."""
    x0, y0, x1, y1 = _moved(box, slope, centre)
    wide, high = abs(slope) * (y1 - y0) / 2, abs(slope) * (x1 - x0) / 2
    return (x0 - wide, y0 - high, x1 + wide, y1 + high)


def _moved_table(table: ReadTable, slope: float, centre: tuple[float, float]) -> ReadTable:
    cells = tuple(replace(cell, bbox=_moved(cell.bbox, slope, centre)) for cell in table.cells)
    return replace(table, bbox=_moved(table.bbox, slope, centre), cells=cells)


def _arranged(grey: Image.Image, encoded: bytes, reading: PageReading) -> PageReading:
    words = [word.bbox for line in reading.lines for word in line.words]
    reading = replace(reading, rules=reading.rules or rules(np.asarray(grey), words))
    if len(words) < _FEW_WORDS:
        return reading
    scale = _LONGER_SIDE / max(reading.width, reading.height)
    with _page(encoded, reading, scale) as page:
        seen = read_layout(page, reading.content_rotation)
    back = tuple(replace(region, bbox=scaled(region.bbox, 1 / scale, 1 / scale)) for region in seen.regions)
    grids = tuple(_grid(table, 1 / scale) for table in seen.tables)
    return replace(reading, regions=(*reading.regions, *back), tables=reading.tables or grids)


def _grid(table: ReadTable, factor: float) -> ReadTable:
    """The cells alone: the engine's words fill them, not those set for the models to see."""
    cells = tuple(replace(cell, bbox=scaled(cell.bbox, factor, factor), text=None) for cell in table.cells)
    return replace(table, bbox=scaled(table.bbox, factor, factor), cells=cells)


@contextmanager
def _page(encoded: bytes, reading: PageReading, scale: float) -> Iterator[pymupdf.Page]:
    """A PDF page that looks like the image and has an invisible text layer made of the reading."""
    with pymupdf.open() as document:
        page = document.new_page(width=reading.width * scale, height=reading.height * scale)
        page.insert_image(page.rect, stream=encoded)
        font = pymupdf.Font("helv")
        writer = pymupdf.TextWriter(page.rect)
        for line in reading.lines:
            for word in line.words:
                _write(writer, font, word, scaled(word.bbox, scale, scale))
        writer.write_text(page, render_mode=3)
        yield page


def _write(writer: pymupdf.TextWriter, font: pymupdf.Font, word: ReadWord, box: Box) -> None:
    text = _plain(word.text)
    unit = font.text_length(text, fontsize=1)
    if unit <= 0 or box[2] <= box[0]:
        return
    size = min((box[2] - box[0]) / unit, 1.3 * (box[3] - box[1]))
    writer.append((box[0], box[3] - 0.2 * (box[3] - box[1])), text, font=font, fontsize=max(1.0, size))


def _plain(text: str) -> str:
    """The models look at the kind of characters, not at what they say; the font has Latin letters only."""
    return "".join(c if c.isascii() and c.isprintable() else ("x" if c.isalnum() else ".") for c in text)
