"""Shows the layout models a scanned page with its words in place, for its regions and tables."""

import io
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
from schemas.reading import PageReading, ReadTable, ReadWord

_LONGER_SIDE = 842.0
"""Points: the models were made for pages of about this size."""

_FEW_WORDS = 8


def arranged(image: PageImage, reading: PageReading) -> PageReading:
    """The reading of this image (boxes in its pixels) with the rules, regions and tables found on it."""
    with Image.open(io.BytesIO(image.data)) as picture:
        grey = np.asarray(picture.convert("L"))
    words = [word.bbox for line in reading.lines for word in line.words]
    reading = replace(reading, rules=reading.rules or rules(grey, words))
    if len(words) < _FEW_WORDS:
        return reading
    scale = _LONGER_SIDE / max(reading.width, reading.height)
    with _page(image, reading, scale) as page:
        seen = read_layout(page, reading.content_rotation)
    back = tuple(replace(region, bbox=scaled(region.bbox, 1 / scale, 1 / scale)) for region in seen.regions)
    grids = tuple(_grid(table, 1 / scale) for table in seen.tables)
    return replace(reading, regions=(*reading.regions, *back), tables=reading.tables or grids)


def _grid(table: ReadTable, factor: float) -> ReadTable:
    """The cells alone: the engine's words fill them, not those set for the models to see."""
    cells = tuple(replace(cell, bbox=scaled(cell.bbox, factor, factor), text=None) for cell in table.cells)
    return replace(table, bbox=scaled(table.bbox, factor, factor), cells=cells)


@contextmanager
def _page(image: PageImage, reading: PageReading, scale: float) -> Iterator[pymupdf.Page]:
    """A PDF page that looks like the image and has an invisible text layer made of the reading."""
    with pymupdf.open() as document:
        page = document.new_page(width=reading.width * scale, height=reading.height * scale)
        page.insert_image(page.rect, stream=image.data)
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
