"""Check boxes printed as squares: found beside their labels, ticked or empty, and nowhere else."""

import random
from collections.abc import Callable

import pymupdf
import pytest

from pipeline.assemble import assemble
from pipeline.orders import Geometry
from pipeline.text_layer import read
from schemas.page import BlockKind, PageContent, PageSource, Unit
from tests.samples.invoice import invoice_pdf
from tests.samples.order import order_pdf
from tests.samples.report import report_pdf

LABELS = [
    "I agree",
    "Send me news",
    "Paid in full",
    "Delivered",
    "Urgent",
    "Copy to file",
    "No smoking",
    "Single",
]


def page_of(document: pymupdf.Document, number: int = 0) -> PageContent:
    page = pymupdf.open(stream=document.tobytes())[number]
    layer = read(page)
    geometry = Geometry(Unit.POINT, page.rect.width, page.rect.height)
    return assemble(layer.reading, 1, geometry, PageSource.TEXT_LAYER)


def form(seed: int) -> tuple[pymupdf.Document, dict[str, bool]]:
    """A form of eight boxes in two columns, ticked by letters, signs or strokes, and what is true of it."""
    rng = random.Random(seed)
    document = pymupdf.open()
    page = document.new_page(width=500, height=500)
    page.insert_text((40, 40), "Please tick what applies to your order and sign below.", fontsize=11)
    truth = {}
    side = rng.uniform(8, 14)
    for at, label in enumerate(LABELS):
        x, y = 40 + 220 * (at % 2), 80 + 40 * (at // 2)
        box = pymupdf.Rect(x, y, x + side, y + side)
        page.draw_rect(box, color=(0, 0, 0), width=0.8)
        page.insert_text((x + side + 6, y + side - 2), label, fontsize=10)
        how = rng.choice(["", "", "X", "strokes", "tick"])
        if how == "X":
            page.insert_text((x + side / 2 - 3, y + side - 2), "X", fontsize=side * 0.8)
        elif how == "strokes":
            page.draw_line((x + 1.5, y + 1.5), (x + side - 1.5, y + side - 1.5))
            page.draw_line((x + side - 1.5, y + 1.5), (x + 1.5, y + side - 1.5))
        elif how == "tick":
            page.draw_polyline([(x + 2, y + side / 2), (x + side / 2, y + side - 2), (x + side - 1, y + 2)])
        truth[label] = bool(how)
    return document, truth


@pytest.mark.parametrize("seed", range(6))
def test_boxes_of_forms_are_found_with_their_state(seed: int) -> None:
    document, truth = form(seed)
    blocks = [b for b in page_of(document).page.blocks if b.kind is BlockKind.CHECKBOX]
    lines = [line for block in blocks for line in block.text.split("\n")]
    assert {line[2:]: line[0] == "☑" for line in lines} == truth


def test_cells_combs_and_letters_in_frames_are_no_boxes() -> None:
    document = pymupdf.open()
    page = document.new_page(width=500, height=500)
    for row in range(5):
        for col in range(5):
            page.draw_rect((40 + 15 * col, 60 + 15 * row, 55 + 15 * col, 75 + 15 * row), color=(0, 0, 0))
        page.insert_text((118, 71 + 15 * row), "row of a table", fontsize=10)
    for col in range(8):
        page.draw_rect((40 + 14 * col, 200, 52 + 14 * col, 212), color=(0, 0, 0))
    page.insert_text((156, 210), "IBAN", fontsize=10)
    page.draw_rect((40, 250, 54, 264), color=(0, 0, 0))
    page.insert_text((44, 261), "7", fontsize=10)
    page.insert_text((60, 261), "a numbered frame", fontsize=10)
    page.draw_rect((40, 300, 54, 314), color=(0, 0, 0))  # without a label
    assert [b.text for b in page_of(document).page.blocks if b.kind is BlockKind.CHECKBOX] == []


def test_a_form_field_over_a_printed_square_is_one_box() -> None:
    document = pymupdf.open()
    page = document.new_page(width=300, height=200)
    page.draw_rect((40, 60, 52, 72), color=(0, 0, 0))
    page.insert_text((58, 70), "I agree", fontsize=10)
    widget = pymupdf.Widget()
    widget.field_name, widget.field_type = "a", pymupdf.PDF_WIDGET_TYPE_CHECKBOX
    widget.field_value, widget.rect = True, pymupdf.Rect(40, 60, 52, 72)
    page.add_widget(widget)
    boxes = [b for b in page_of(document).page.blocks if b.kind is BlockKind.CHECKBOX]
    assert [box.text for box in boxes] == ["☑ I agree"]


@pytest.mark.parametrize("make", [invoice_pdf, report_pdf, order_pdf])
def test_samples_have_no_boxes(make: Callable[[], bytes]) -> None:
    document = pymupdf.open(stream=make())
    for number in range(document.page_count):
        blocks = page_of(document, number).page.blocks
        assert [b.text for b in blocks if b.kind is BlockKind.CHECKBOX] == []
