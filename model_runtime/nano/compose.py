"""Makes one synthetic page of a given size: what it holds, how large its type is, how it was drawn."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from model_runtime.nano.documents.chart import chart
from model_runtime.nano.documents.form import form
from model_runtime.nano.documents.invoice import invoice
from model_runtime.nano.documents.receipt import receipt
from model_runtime.nano.documents.table import table
from model_runtime.nano.documents.text import lines, paragraphs
from model_runtime.nano.fonts import Face
from model_runtime.nano.glyphs import Grey
from model_runtime.nano.lexicon import Lexicon
from model_runtime.nano.model_sizes import CELL
from model_runtime.nano.pieces import Kind, Page
from model_runtime.nano.sheet import Sheet, Side


@dataclass(frozen=True, slots=True)
class Wish:
    """``sizes``: of type in pixels as shown. ``worn``: pages may be turned, blurred and resampled.

    ``held``: words that no page to train on holds. ``short``: only a few characters to a line.
    ``sense``: without the strings of random characters that keep reading from becoming guessing.
    ``part``: a receipt, invoice, form or table is cut out of a larger page.
    """

    kind: Kind
    height: int
    width: int
    sizes: tuple[float, float] = (10.0, 32.0)
    worn: bool = True
    most_lines: int = 99
    most_characters: int = 400
    short: bool = False
    held: bool = False
    language: str | None = None
    sense: bool = False
    part: bool = False


_LEAST_WIDE = {
    Kind.RECEIPT: 17,
    Kind.INVOICE: 24,
    Kind.FORM: 16,
    Kind.TABLE: 14,
    Kind.PARAGRAPH: 14,
    Kind.CHART: 12,
}
"""Characters of half their size that a line of each kind has to hold at least."""

_LEAST_WIDE_OF_PARTS = 12
_LEAST_LINES = {
    Kind.RECEIPT: 4,
    Kind.INVOICE: 8,
    Kind.FORM: 3,
    Kind.TABLE: 3,
    Kind.PARAGRAPH: 3,
    Kind.CHART: 7,
}
_PAPERS = {Kind.RECEIPT: receipt, Kind.INVOICE: invoice, Kind.FORM: form, Kind.TABLE: table}
_NARROW = 8
"""Cells: narrower parts are columns more often than not."""

_SUPERSAMPLED = 2.0
_UNREADABLE = (2.2, 4.2)
"""Sizes of type in pixels that nobody reads."""


def compose(wish: Wish, rng: random.Random, faces: Sequence[Face]) -> Page:
    """The same wish, state of ``rng`` and faces give the same page."""
    if wish.kind is Kind.BLANK:
        return _blank(wish, rng, faces)
    scale, turn = _drawing(wish, rng)
    size = _size(wish, rng)
    if wish.kind is Kind.UNREADABLE:
        size, scale, turn = rng.uniform(*_UNREADABLE), 3.0, 0.0
    lexicon = Lexicon(rng, held=wish.held, language=wish.language, sense=wish.sense)
    sheet = Sheet((wish.height, wish.width), size, faces, lexicon, scale=scale)
    found = None
    if wish.kind in _PAPERS:
        if wish.part:
            _cut(sheet, wish, rng)
        _PAPERS[wish.kind](sheet, wish.most_lines)
    elif wish.kind is Kind.CHART:
        found = chart(sheet)
    elif wish.kind is Kind.PARAGRAPH or (wish.kind is Kind.UNREADABLE and rng.random() < 0.5):
        paragraphs(sheet, wish.most_characters if wish.kind is Kind.PARAGRAPH else 4000)
    else:
        lines(
            sheet,
            wish.most_lines,
            wish.most_characters if wish.kind is Kind.LINES else 4000,
            short=wish.short,
        )
    page = sheet.finish(wish.kind, turn=turn, chart=found)
    if wish.kind is Kind.CHART and found is None:
        page.kind = Kind.LINES
    return page


def _cut(sheet: Sheet, wish: Wish, rng: random.Random) -> None:
    """Narrow parts are columns more often than not; of wide ones few. Some begin with white."""
    sheet.page.part = True
    narrow = wish.width < wish.height or wish.width < _NARROW * CELL
    sheet.side = rng.choice(tuple(Side)) if rng.random() < (0.6 if narrow else 0.12) else None
    if rng.random() < 0.3:
        sheet.y += sheet.height * rng.uniform(0, 0.5) * rng.random()


def _drawing(wish: Wish, rng: random.Random) -> tuple[float, float]:
    """The scale it is drawn at, and by how many degrees it is turned."""
    if not wish.worn:
        return 1.0, 0.0
    how = rng.random()
    scale = 1.0 if how < 0.45 else _SUPERSAMPLED if how < 0.7 else rng.uniform(0.85, 1.35)
    turn = rng.gauss(0, 0.7) if rng.random() < 0.25 else 0.0
    return scale, max(-1.5, min(1.5, turn))


def _size(wish: Wish, rng: random.Random) -> float:
    low, high = wish.sizes
    wide, lines = _LEAST_WIDE.get(wish.kind, 3), _LEAST_LINES.get(wish.kind, 1)
    if wish.part and wish.kind in _PAPERS:
        wide, lines = _LEAST_WIDE_OF_PARTS, 1
    high = min(high, wish.width / (0.5 * wide), wish.height / (1.3 * lines))
    # Small type is harder and more usual than large.
    return max(low, low + (high - low) * rng.random() ** 1.5) if high > low else low


def _blank(wish: Wish, rng: random.Random, faces: Sequence[Face]) -> Page:
    """Paper, perhaps with rules, specks or a shadow at its edge, and no text."""
    lexicon = Lexicon(rng, held=wish.held)
    sheet = Sheet((wish.height, wish.width), 14, faces, lexicon)
    canvas = sheet.canvas
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 5)):
            y, strength = rng.uniform(0, wish.height), rng.randint(30, 255)
            canvas.fill(
                rng.uniform(0, wish.width / 3),
                y,
                rng.uniform(wish.width / 2, wish.width),
                y + rng.choice((1, 1, 2)),
                strength,
            )
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 30)):
            top, left = rng.randrange(wish.height), rng.randrange(wish.width)
            right, bottom = left + rng.choice((1, 1, 2)), top + rng.choice((1, 1, 2))
            canvas.fill(left, top, right, bottom, rng.randint(40, 255))
    if rng.random() < 0.15:
        x, y = rng.uniform(0, wish.width * 0.6), rng.uniform(0, wish.height * 0.6)
        canvas.fill(
            x, y, x + rng.uniform(5, wish.width), y + rng.uniform(5, wish.height), rng.randint(20, 160)
        )
    return sheet.finish(Kind.BLANK)


def weathered(cover: Grey, rng: random.Random, *, small: bool) -> Grey:
    """As a scanner or a camera would have seen it. ``small``: its type would not survive much of that."""
    if rng.random() < 0.25:
        sigma = rng.uniform(0.3, 0.7 if small else 1.1)
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), sigma), np.uint8)
    if rng.random() < 0.1:
        kernel = np.ones((2, 2), np.uint8)
        cover = np.asarray(
            cv2.dilate(cover, kernel) if small or rng.random() < 0.6 else cv2.erode(cover, kernel), np.uint8
        )
    if rng.random() < 0.08:
        quality = [int(cv2.IMWRITE_JPEG_QUALITY), rng.randint(45, 90)]
        _, data = cv2.imencode(".jpg", cover, quality)
        cover = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return cover
