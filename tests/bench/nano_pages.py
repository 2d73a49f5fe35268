"""Pages whose words and fonts no training of the small model has seen, as files to post.

A page is a PNG, or a PDF with the same picture on a page where type of 16 pixels is 10 points high.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image

from model_runtime.nano.compose import Wish
from model_runtime.nano.exams import HEIGHTS, LINES, Exam, Question
from model_runtime.nano.model_sizes import CELL
from model_runtime.nano.pieces import Kind
from model_runtime.nano.tasks import Asked
from schemas.geometry import Box
from schemas.request import BudgetRequest

PIXELS_A_POINT = 1.6
_LEAST = 64
"""Visual tokens below which a page would be enlarged, whatever its type: `model_runtime.spec`."""


@dataclass(frozen=True, slots=True)
class Truth:
    """``fields``: of the page's schema, those at its top; None where the page does not show them. Boxes in
    the unit of the page that was posted."""

    lines: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    boxes: Mapping[str, Box] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Posted:
    path: Path
    truth: Truth


def wished(kind: Kind, size: float, lines: int, *, rows: int, columns: int, most: int = 500) -> Wish:
    """A page of so many cells or, where that are few, as many as an engine is shown at least."""
    rows = max(rows, -(-_LEAST // columns))
    return Wish(
        kind, rows * CELL, columns * CELL, (size, size + 0.5), worn=True, most_lines=lines,
        most_characters=most, held=True,
    )  # fmt: skip


def _receipt(lines: int, size: float = 16.0) -> Wish:
    rows = round(lines * size * 1.75 / CELL + 1)
    return wished(Kind.RECEIPT, size, lines, rows=rows, columns=round(10 * size / 16))


def text_exams() -> Iterator[Exam]:
    """Everything that has text to read, by what is varied."""
    for lines in LINES:
        rows, columns = round(lines * 0.95 + 0.4), 16 if lines <= 3 else 12
        wish = wished(Kind.LINES, 16, lines, rows=rows, columns=columns, most=40 * lines)
        yield Exam(f"lines_{lines}", wish, Asked.TEXT)
        if lines in (1, 5):
            yield Exam(f"lines_{lines}_new_fonts", wish, Asked.TEXT, held_fonts=True)
            yield Exam(f"lines_{lines}_sense", replace(wish, sense=True), Asked.TEXT)
    for height in HEIGHTS:
        rows, columns = round(height * 4.5 / CELL), max(8, min(20, round(height * 11 / CELL)))
        wish = wished(Kind.LINES, height, 3, rows=rows, columns=columns, most=90)
        yield Exam(f"height_{height}", wish, Asked.TEXT)
    for lines in (5, 8, 12):
        yield Exam(f"receipt_{lines}", _receipt(lines), Asked.TEXT)
    yield Exam("receipt_12_new_fonts", _receipt(12), Asked.TEXT, held_fonts=True)


def empty_exams() -> tuple[Exam, ...]:
    return (
        Exam("blank", wished(Kind.BLANK, 16, 9, rows=10, columns=10), Asked.TEXT),
        Exam("unreadable", wished(Kind.UNREADABLE, 16, 9, rows=8, columns=10), Asked.TEXT),
    )


def field_exams() -> tuple[Exam, ...]:
    return (
        Exam("receipt", _receipt(12), Asked.FIELDS),
        Exam("invoice", wished(Kind.INVOICE, 15, 18, rows=18, columns=14), Asked.FIELDS),
    )


def papers_with_fields(count: int, folder: Path) -> list[tuple[Exam, Posted]]:
    """So many of each kind, in turn."""
    made = [[(exam, paper) for paper in posted(exam, count, folder, pdf=True)] for exam in field_exams()]
    return [one for both in zip(*made, strict=True) for one in both]


def shown_at(exam: Exam, size: float) -> BudgetRequest:
    """What makes the recipe show an exam's type so many pixels high, smaller than it is."""
    return BudgetRequest(
        max_pixels=round(exam.wish.height * exam.wish.width * (size / exam.wish.sizes[0]) ** 2)
    )


def sized(exam: Exam, size: float, name: str) -> Exam:
    """The same exam on paper and in type of another size, as if scanned finer or coarser."""
    grow = size / exam.wish.sizes[0]
    height, width = (max(2, round(side * grow / CELL)) * CELL for side in (exam.wish.height, exam.wish.width))
    return replace(
        exam, name=name, wish=replace(exam.wish, height=height, width=width, sizes=(size, size + 0.5))
    )


def posted(exam: Exam, count: int, folder: Path, *, pdf: bool = False, start: int = 0) -> list[Posted]:
    """So many pages of an exam, from the one of number ``start``."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, question in enumerate(exam.questions(start + count)[start:], start):
        path = folder / f"{exam.name}-{number}.{'pdf' if pdf else 'png'}"
        path.write_bytes(_pdf(question) if pdf else picture(question))
        made.append(Posted(path, truth(question, 1 / PIXELS_A_POINT if pdf else 1.0)))
    return made


def truth(question: Question, scale: float) -> Truth:
    """``scale``: units of the page that was posted to a pixel."""
    page = question.page
    lines = tuple(page.plain) if page.kind is not Kind.UNREADABLE else ()
    found = Truth(lines)
    try:
        leaves = json.loads(question.exercise.reply)
    except ValueError:
        return found
    height, width = page.drawn.cover.shape
    heads = {name: leaf for name, leaf in leaves.items() if isinstance(leaf, dict) and "value" in leaf}
    boxes = {
        name: _box(
            [
                side * scale * whole / 1000
                for side, whole in zip(leaf["box"], (width, height) * 2, strict=True)
            ]
        )
        for name, leaf in heads.items()
        if leaf.get("box")
    }
    return replace(found, fields={name: leaf["value"] for name, leaf in heads.items()}, boxes=boxes)


def _box(sides: list[float]) -> Box:
    x0, y0, x1, y1 = sides
    return (x0, y0, x1, y1)


def picture(question: Question) -> bytes:
    buffer = BytesIO()
    Image.fromarray(question.picture).save(buffer, "PNG")
    return buffer.getvalue()


def _pdf(question: Question) -> bytes:
    height, width = (side / PIXELS_A_POINT for side in question.page.drawn.cover.shape)
    with pymupdf.open() as document:
        document.new_page(width=width, height=height).insert_image(
            (0, 0, width, height), stream=picture(question)
        )
        return bytes(document.tobytes())
