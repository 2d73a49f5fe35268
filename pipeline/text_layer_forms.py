"""Reads what was filled into the form fields of a PDF page."""

from dataclasses import dataclass

import pymupdf

from pipeline.text_layer_lines import Piece
from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box
from schemas.page import BlockKind
from schemas.reading import ReadLine, ReadWord, Region, line_of

_OFF = ("", "Off", "No", "False", None)

_WRITTEN = ("Text", "ComboBox", "ListBox")


@dataclass(frozen=True, slots=True)
class FormFields:
    """Values as lines of their own where the page paints none, and checkboxes as a ticked or empty box."""

    lines: tuple[ReadLine, ...] = ()
    regions: tuple[Region, ...] = ()
    ticks: tuple[Box, ...] = ()
    """Checkboxes: the glyph their appearance paints is a picture of a tick, not a character to read."""


def read_fields(page: pymupdf.Page, space: PageSpace, pieces: tuple[Piece, ...]) -> FormFields:
    if page.first_widget is None:
        return FormFields()
    lines: list[ReadLine] = []
    regions: list[Region] = []
    for widget in page.widgets():
        box = space.box(tuple(widget.rect))
        if not space.shows(box):
            continue
        if widget.field_type_string in ("CheckBox", "RadioButton"):
            mark = "☑" if _chosen(widget) else "☐"
            lines.append(line_of([ReadWord(mark, box)], size=box[3] - box[1]))
            regions.append(Region(BlockKind.CHECKBOX, box))
        elif widget.field_type_string in _WRITTEN and widget.field_value and not _painted(box, pieces):
            lines.extend(_typed(str(widget.field_value), box, widget.text_fontsize))
        elif widget.field_type_string == "Signature":
            regions.append(Region(BlockKind.SIGNATURE, box))
    ticks = tuple(region.bbox for region in regions if region.kind is BlockKind.CHECKBOX)
    return FormFields(tuple(lines), tuple(regions), ticks)


def _chosen(widget: pymupdf.Widget) -> bool:
    """An option may well be called ``No``: it is chosen all the same."""
    value = widget.field_value
    return value not in _OFF or (value == "No" and widget.on_state() == value)


def without_ticks(pieces: tuple[Piece, ...], fields: FormFields) -> tuple[Piece, ...]:
    if not fields.ticks:
        return pieces
    return tuple(piece for piece in pieces if not any(_middle_in(piece.bbox, tick) for tick in fields.ticks))


def _painted(box: Box, pieces: tuple[Piece, ...]) -> bool:
    return any(_middle_in(piece.bbox, box) for piece in pieces)


def _middle_in(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _typed(value: str, box: Box, font_size: float) -> list[ReadLine]:
    """A value without an appearance, set line by line at the top left of its field."""
    x0, y0, x1, y1 = box
    rows = [row.split() for row in value.splitlines() if row.strip()]
    size = font_size or min(12.0, (y1 - y0) / max(1, len(rows)) * 0.8)
    step = (y1 - y0) / max(1, len(rows))
    lines = []
    for index, words in enumerate(rows):
        y, x, read = y0 + index * step, x0, []
        for word in words:
            width = min(len(word) * size * 0.5, max(1.0, x1 - x))
            read.append(ReadWord(word, (x, y, x + width, y + step)))
            x = min(x1 - 1, x + width + size * 0.25)
        lines.append(line_of(read, size))
    return lines
