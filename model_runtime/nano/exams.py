"""The pages that a checkpoint is examined on: words and fonts that no page to train on holds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_runtime.nano import fonts
from model_runtime.nano.compose import Wish, compose
from model_runtime.nano.fonts import Face
from model_runtime.nano.glyphs import Grey
from model_runtime.nano.model_sizes import CELL
from model_runtime.nano.pieces import Kind, Page
from model_runtime.nano.tasks import Asked, Exercise, builtin, exercise, fields

_SEED = 90_001
HEIGHTS = (10, 12, 14, 16, 20, 24, 32, 40)
LINES = (1, 2, 3, 5, 8, 12)


@dataclass(frozen=True, slots=True)
class Question:
    page: Page
    exercise: Exercise

    @property
    def picture(self) -> "Grey":
        """Black on white, three channels."""
        return np.repeat((255 - self.page.drawn.cover)[..., None], 3, 2)


@dataclass(frozen=True, slots=True)
class Exam:
    """``wish``: of all its pages. They differ in what they hold, by their number."""

    name: str
    wish: Wish
    asked: Asked
    held_fonts: bool = False

    def questions(self, count: int, folder: Path | None = None) -> list[Question]:
        known = fonts.find(folder)
        faces = known.held if self.held_fonts and known.held else known.training
        return [self._question(number, faces) for number in range(count)]

    def _question(self, number: int, faces: Sequence[Face]) -> Question:
        rng = random.Random(f"{_SEED}/{self.name}/{number}")  # noqa: S311  # pages, not secrets
        while True:
            page = compose(self.wish, rng, faces)
            lines = len(page.plain)
            if self.wish.kind in (Kind.BLANK, Kind.UNREADABLE) or (lines and self._enough(page)):
                break
        if self.asked is Asked.FIELDS:
            made = fields(page, builtin("receipt" if page.kind is Kind.RECEIPT else "invoice"), boxes=True)
        else:
            made = exercise(page, self.asked, rng)
        return Question(page, made)

    def _enough(self, page: Page) -> bool:
        if self.wish.kind is Kind.LINES:
            return len(page.plain) == self.wish.most_lines
        if self.wish.kind is Kind.CHART:
            return page.kind is Kind.CHART
        if self.asked is Asked.FIELDS:
            return "total" in page.facts
        return len(page.plain) >= 3


def _wish(kind: Kind, rows: int, columns: int, size: float, lines: int, *, most: int = 500) -> Wish:
    return Wish(
        kind, rows * CELL, columns * CELL, (size, size + 0.5), worn=True, most_lines=lines,
        most_characters=most, held=True,
    )  # fmt: skip


def exams() -> list[Exam]:
    found = []
    for lines in LINES:
        wish = _wish(Kind.LINES, max(1, round(lines * 0.95 + 0.4)), 11, 16, lines, most=40 * lines)
        found.append(Exam(f"lines_{lines}", wish, Asked.PLAIN))
        if lines in (1, 5):
            found.append(Exam(f"lines_{lines}_new_fonts", wish, Asked.PLAIN, held_fonts=True))
            found.append(Exam(f"lines_{lines}_sense", replace(wish, sense=True), Asked.PLAIN))
    for height in HEIGHTS:
        rows, columns = max(2, round(height * 4.5 / 28)), max(6, min(20, round(height * 11 / 28)))
        found.append(
            Exam(f"height_{height}", _wish(Kind.LINES, rows, columns, height, 3, most=90), Asked.PLAIN)
        )
    for lines in (5, 8, 12):
        rows = round(lines * 16 * 1.75 / 28 + 1)
        found.append(Exam(f"receipt_{lines}", _wish(Kind.RECEIPT, rows, 10, 16, lines), Asked.TEXT))
    found.append(
        Exam("receipt_12_new_fonts", _wish(Kind.RECEIPT, 13, 10, 16, 12), Asked.TEXT, held_fonts=True)
    )
    found += [
        Exam("invoice", _wish(Kind.INVOICE, 18, 14, 15, 18), Asked.TEXT),
        Exam("paragraph", _wish(Kind.PARAGRAPH, 10, 14, 16, 99, most=350), Asked.TEXT),
        Exam("table", _wish(Kind.TABLE, 8, 14, 16, 8), Asked.TEXT),
        Exam("blank", _wish(Kind.BLANK, 10, 10, 16, 9), Asked.TEXT),
        Exam("blank_plain", _wish(Kind.BLANK, 6, 12, 16, 9), Asked.PLAIN),
        Exam("unreadable", _wish(Kind.UNREADABLE, 8, 10, 16, 9), Asked.TEXT),
        Exam("fields_receipt", _wish(Kind.RECEIPT, 13, 10, 16, 12), Asked.FIELDS),
        Exam("fields_invoice", _wish(Kind.INVOICE, 18, 14, 15, 18), Asked.FIELDS),
        Exam("place", _wish(Kind.RECEIPT, 12, 10, 16, 12), Asked.PLACE),
        Exam("chart", _wish(Kind.CHART, 8, 10, 15, 9), Asked.CHARTS),
    ]
    return found
